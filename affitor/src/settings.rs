//! The settings of a client that affect what it sends.

/// The settings of a client that affect what it sends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    pub(crate) program_id: Option<String>,
    pub(crate) test_mode: bool,
    pub(crate) only_attributed: bool,
}
