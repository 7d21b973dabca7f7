//! The sign-up.

use affitor::{BoundClient, ClickId, Lead};
use affitor_outbox::sqlx;
use serde::Deserialize;

use super::{
    AnyError, Fault,
    page::{Page, to_localhost},
    shop::{Delivery, Shop},
    users,
};

/// Name of a cookie of the shop, with the first click.
const FIRST_CLICK: &str = "first_click";

/// What the sign-up form sends.
#[derive(Deserialize)]
pub(super) struct SignUp {
    email: String,
    #[serde(default)]
    csrf: String,
}

impl Shop {
    /// The landing page. `affitor` is the visitor's client, if the layer is around the page.
    pub(super) fn landing(&self, affitor: Option<&BoundClient>, host: &str, target: &str, cookies: &str) -> Page {
        if let Some(page) = to_localhost(host, target).filter(|_| self.has(Fault::LandsOnLocalhost)) {
            return page;
        }
        if self.has(Fault::MetaRefresh) {
            // The mistake: the query is lost.
            return Page::refreshed("/signup");
        }
        let page = Page::landing(&affitor.map_or_else(|| self.client.script_tag(), BoundClient::script_tag));
        match self.fault {
            // The mistake: a later click counts.
            Some(Fault::FirstClick) => match affitor.and_then(|affitor| affitor.click_id()) {
                Some(click_id) if !cookies.contains(FIRST_CLICK) => {
                    page.with_cookie(format!("{FIRST_CLICK}={click_id}; Path=/"))
                }
                _ => page,
            },
            // The mistake: the tracker is not one of the shop's own scripts.
            // The mistake: a text is escaped.
            Some(Fault::TagEscaped) => Page { html: page.html.replace("<script", "&lt;script"), ..page },
            Some(Fault::PolicyBlocks) => page.with_header("content-security-policy", "default-src 'self'"),
            _ => page,
        }
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
        if self.has(Fault::SiteDataCleared) && query != "new" {
            // The mistake: the cookies are not the shop's alone.
            return Page::see_other("/signup?new").with_header("clear-site-data", "\"cookies\"");
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
        if self.has(Fault::RateLimit) && self.users.count() > 0 {
            return Ok(Page::refused(429, "Too many sign-ups."));
        }
        let is_taken = self.users.has_address(&form.email);
        let (user, token) = self.users.create(&form.email);
        let key = if self.key_is_address() { &user.email } else { &user.id };
        let lead = Lead::new(key).email(&user.email);
        let cookie =
            |wanted: &str| users::names_and_values(cookies).find_map(|(name, value)| (name == wanted).then_some(value));
        let first = match self.fault {
            // The mistake: the history begins with the oldest click.
            Some(Fault::OldestClick) => cookie("affitor_click_ids").and_then(|clicks| clicks.split("%7C").next()),
            _ => cookie(FIRST_CLICK),
        };
        let lead = match first.and_then(|first| first.parse::<ClickId>().ok()) {
            Some(first) => lead.click_id(first),
            None => lead,
        };
        match &self.delivery {
            _ if self.has(Fault::ScriptedLead) => {}
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
        if is_taken && self.has(Fault::LeadBeforeCommit) {
            // The mistake: the lead is reported, and there is no user.
            return Ok(Page::refused(409, "This address has an account."));
        }
        let cookie = users::cookie(&token);
        if self.has(Fault::SessionPath) {
            // The mistake: the path should be `/`.
            return Ok(Page::see_other("/account").with_cookie(cookie.replace("Path=/", "Path=/account")));
        }
        Ok(Page::see_other("/account").with_cookie(cookie))
    }

    /// The mistakes: an address can change, and is written in several ways.
    pub(super) fn key_is_address(&self) -> bool {
        self.has(Fault::EmailKey) || self.has(Fault::LowercaseKey)
    }

    /// The page of the user.
    pub(super) fn account(&self, cookies: &str) -> Page {
        match self.users.user(users::token(cookies)) {
            // The mistake: nobody can check out.
            Some(user) if self.has(Fault::LogsOut) => {
                Page::account(&user.id).with_cookie(format!("{}=; Path=/; Max-Age=0", users::COOKIE))
            }
            Some(user) if self.has(Fault::ScriptedLead) => {
                Page::account(&user.id).with_scripted_lead(&self.client.script_tag(), &user)
            }
            Some(user) => Page::account(&user.id),
            None => Page::see_other("/signup"),
        }
    }
}
