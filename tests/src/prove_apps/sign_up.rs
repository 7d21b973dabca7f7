//! The sign-up.

use affitor::{BoundClient, Lead};
use affitor_outbox::sqlx;
use serde::Deserialize;

use super::{
    AnyError, Fault,
    page::Page,
    shop::{Delivery, Shop},
    users,
};

/// What the sign-up form sends.
#[derive(Deserialize)]
pub(super) struct SignUp {
    email: String,
    #[serde(default)]
    csrf: String,
}

impl Shop {
    /// The landing page. `affitor` is the visitor's client, if the layer is around the page.
    pub(super) fn landing(&self, affitor: Option<&BoundClient>) -> Page {
        Page::landing(&affitor.map_or_else(|| self.client.script_tag(), BoundClient::script_tag))
    }

    /// The page with the form of the sign-up.
    pub(super) fn sign_up_form(&self, query: &str, cookies: &str) -> Page {
        if self.has(Fault::CookiesCleared) && query != "new" {
            // The mistake: a new session begins without cookies, also without those that are not the shop's.
            let names = users::names_and_values(cookies).map(|(name, _)| name);
            return names.fold(Page::see_other("/signup?new"), |page, name| {
                page.with_cookie(format!("{name}=; Path=/; Max-Age=0"))
            });
        }
        let (token, csrf) = self.users.begin();
        Page::sign_up_form(&csrf).with_cookie(users::cookie(&token))
    }

    /// Creates a user, and reports the lead.
    pub(super) async fn sign_up(&self, affitor: &BoundClient, cookies: &str, form: SignUp) -> Result<Page, AnyError> {
        let checks_csrf = matches!(self.delivery, Delivery::Outbox(..));
        if checks_csrf && !self.users.is_form_of(users::token(cookies), &form.csrf) {
            return Ok(Page::refused(403, "The form has expired. Open it once more."));
        }
        if !form.email.contains('@') {
            return Ok(Page::refused(422, "An e-mail address is required."));
        }
        let (user, token) = self.users.create(&form.email);
        let lead = Lead::new(&user.id).email(&user.email);
        match &self.delivery {
            Delivery::Direct if self.has(Fault::FailsInOutage) => {
                // The mistake: a visitor can't sign up while the service is unavailable.
                affitor.track_lead(lead).await?;
            }
            Delivery::Direct => {
                if let Err(error) = affitor.track_lead(lead).await {
                    tracing::warn!(%error, "a lead was not reported");
                }
            }
            Delivery::Queue => affitor.enqueue(lead),
            Delivery::Outbox(delivery) => {
                let outbox = delivery.outbox();
                let mut tx = outbox.begin().await?;
                let insert =
                    sqlx::query("INSERT INTO users (id, email) VALUES ($1, $2)").bind(&user.id).bind(&user.email);
                insert.execute(&mut *tx).await?;
                outbox.enqueue(&mut tx, affitor.attribute(lead)).await?;
                tx.commit().await?;
            }
        }
        Ok(Page::see_other("/account").with_cookie(users::cookie(&token)))
    }

    /// The page of the user.
    pub(super) fn account(&self, cookies: &str) -> Page {
        match self.users.user(users::token(cookies)) {
            Some(user) => Page::account(&user.id),
            None => Page::see_other("/signup"),
        }
    }
}
