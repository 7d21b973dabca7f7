//! Whose payments they are: the provider, the account and the mode. Ids are unique within a scope.

use affitor_payments::{Provider, WebhookEvent};

/// Returns the scope of an event, such as `stripe//live`.
pub(super) fn of<P: Provider>(event: &WebhookEvent<P>) -> String {
    name(&provider::<P>(), event.account(), event.is_test())
}

/// Returns the scope of an account of this provider, or of the app's own one.
pub(super) fn name(provider: &str, account: Option<&str>, test: bool) -> String {
    format!("{provider}/{}/{}", account.unwrap_or_default(), if test { "test" } else { "live" })
}

/// Returns the provider's name in scopes.
pub(super) fn provider<P: Provider>() -> String {
    P::NAME.to_lowercase().replace(' ', "_")
}
