//! The dependencies of an app, and those that it needs.

use std::collections::BTreeSet;

use serde::Serialize;

/// One dependency, as Cargo understands it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Dependency {
    /// Name of the package, also if it is renamed.
    pub(crate) package: String,
    pub(crate) version: Option<String>,
    pub(crate) features: BTreeSet<String>,
}

/// A dependency that the app needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Needed {
    pub(crate) package: &'static str,
    pub(crate) features: Vec<&'static str>,
}
