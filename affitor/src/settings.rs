//! The settings of a client that affect what it sends.

/// The settings of a client that affect what it sends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) program_id: Option<String>,
    pub(crate) test_mode: bool,
    pub(crate) leads_without_click: LeadsWithoutClick,
}

/// What is sent about a sign-up without a click, which is that of a visitor whom no partner brought, as far as the app knows. See
/// [`ClientBuilder::leads_without_click`](crate::ClientBuilder::leads_without_click).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LeadsWithoutClick {
    /// The lead without its e-mail address: the customer key, and what the app has added itself.
    #[default]
    WithoutEmail,
    /// The whole lead, as in the service's examples.
    Complete,
    /// Nothing: the outcome is [`NotAttributed::NotSent`](crate::NotAttributed::NotSent).
    NotSent,
}
