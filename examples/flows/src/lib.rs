//! Sign-ups that end in another request or browser than they started in. Each flow is a module without a framework; `axum` and
//! `actix` have the same routes for it.
//!
//! | flow | module | the visitor is kept |
//! |---|---|---|
//! | OAuth, with a callback by GET or by POST | [`oauth`] | beside the pending sign-up, under `state` |
//! | magic link | [`magic_link`] | beside the token, or in the link |
//! | passkey | [`passkey`] | beside the pending registration |
//! | sign-up webhook of Clerk, Supabase or Auth0 | [`provider`] | in the provider's metadata |
//! | invitation | [`invitation`] | beside the invitation, or in its link |
//! | guest checkout, account later | [`guest`] | beside the order |

pub mod actix;
pub mod axum;
pub mod guest;
pub mod invitation;
pub mod links;
pub mod magic_link;
mod mailbox;
pub mod oauth;
pub mod passkey;
pub mod provider;
mod refusal;
pub mod store;
mod users;

use affitor::{Client, Lead, Visitor, carry::VisitorKey, reqwest};
pub use mailbox::Mailbox;
pub use refusal::Refusal;
pub use users::Users;

/// The page with the forms of all flows.
const PAGE: &str = include_str!("page.html");

/// The page behind a link in an e-mail. Programs that check e-mails open links, so only the button uses the token. The form is
/// sent to the URL of the page, which has the parameters.
const CONFIRM: &str = include_str!("confirm.html");

/// The settings of the app.
#[allow(missing_debug_implementations, reason = "it contains secrets")]
pub struct Settings {
    /// The app's client. It should have a queue, so that sign-ups do not wait for Affitor, and a lead precedes its sale.
    pub client: Client,
    /// Domain of the app, such as `app.shop.example`.
    pub domain: String,
    /// Origin of the app, such as `https://app.shop.example`.
    pub origin: String,
    /// Signs visitors that are carried.
    pub key: VisitorKey,
    /// The identity provider.
    pub provider: oauth::Provider,
    /// HTTP client for the identity provider. It must not follow redirects.
    pub http: reqwest::Client,
    /// Verifies passkeys.
    pub verifier: Box<dyn passkey::VerifyRegistration>,
    /// Secrets of the webhooks.
    pub secrets: provider::Secrets,
}

/// What the handlers share.
#[derive(Debug)]
pub struct Flows {
    /// The app's client.
    pub client: Client,
    /// Accounts.
    pub users: Users,
    /// Sent e-mails.
    pub mailbox: Mailbox,
    /// Sign-ups with the identity provider.
    pub oauth: oauth::OAuth,
    /// Magic links.
    pub magic_links: magic_link::MagicLinks,
    /// Passkeys.
    pub passkeys: passkey::Passkeys,
    /// Sign-up webhooks.
    pub webhooks: provider::Webhooks,
    /// Invitations.
    pub invitations: invitation::Invitations,
    /// Orders of guests.
    pub guests: guest::Guests,
}

impl Flows {
    /// Creates the app's state.
    ///
    /// # Errors
    ///
    /// Returns an error if a URL or a secret is malformed.
    pub fn new(settings: Settings) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let Settings { client, domain, origin, key, provider, http, verifier, secrets } = settings;
        Ok(Self {
            users: Users::new(client.clone()),
            mailbox: Mailbox::default(),
            oauth: oauth::OAuth::new(provider, &origin, http)?,
            magic_links: magic_link::MagicLinks::new(&origin, key.clone()),
            passkeys: passkey::Passkeys::new(domain, verifier),
            webhooks: provider::Webhooks::new(secrets, key.clone())?,
            invitations: invitation::Invitations::new(&origin, key),
            guests: guest::Guests::new(&origin, client.clone()),
            client,
        })
    }

    /// Reports the sign-up in a webhook that the provider redelivers: it is the queue.
    async fn track(&self, signed_up: provider::SignedUp) -> Result<(), Refusal> {
        let lead = Lead::new(&signed_up.user_id).email(&signed_up.email);
        match self.client.for_visitor(signed_up.visitor).track_lead(lead).await {
            Ok(outcome) => tracing::info!(%outcome, "lead"),
            // The same call would fail once more.
            Err(error) if error.is_invalid() || error.is_rejected() => tracing::error!(%error, "the lead is lost"),
            Err(error) => {
                tracing::warn!(%error, "the webhook will be redelivered");
                return Err(Refusal::Redeliver);
            }
        }
        Ok(())
    }

    /// Reports the sign-up in a call that is not repeated, or that must not fail.
    fn enqueue(&self, signed_up: provider::SignedUp) {
        let lead = Lead::new(&signed_up.user_id).email(&signed_up.email);
        self.client.for_visitor(signed_up.visitor).enqueue(lead);
    }
}

/// Returns the first visitor with a click.
fn first_with_click(visitors: [&Visitor; 2]) -> Visitor {
    visitors.into_iter().find(|visitor| visitor.click_id.is_some()).cloned().unwrap_or_default()
}
