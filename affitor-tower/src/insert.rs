//! What a layer leaves in a request's extensions.

use affitor::ClickId;
use http::Extensions;

/// What a layer inserts: [`InsertClickId`] or [`InsertAttribution`]. Implemented for these alone.
pub trait Insert: sealed::Sealed {
    /// Whether an outer layer has done it already; then the request goes on as it is.
    fn is_done(&self, extensions: &Extensions) -> bool;

    /// Inserts what was found.
    fn insert(&self, extensions: &mut Extensions, found: Option<ClickId>);
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::InsertClickId {}
    #[cfg(feature = "client")]
    impl Sealed for super::InsertAttribution {}
}

/// Inserts a [`ClickId`] when there is one.
#[derive(Clone, Copy, Debug, Default)]
pub struct InsertClickId;

impl Insert for InsertClickId {
    fn is_done(&self, extensions: &Extensions) -> bool {
        extensions.get::<ClickId>().is_some()
    }

    fn insert(&self, extensions: &mut Extensions, found: Option<ClickId>) {
        if let Some(click_id) = found {
            extensions.insert(click_id);
        }
    }
}

/// Inserts an [`Attribution`](affitor::Attribution) on every request.
#[cfg(feature = "client")]
#[derive(Clone, Debug)]
pub struct InsertAttribution(pub(crate) affitor::Client);

#[cfg(feature = "client")]
impl Insert for InsertAttribution {
    fn is_done(&self, extensions: &Extensions) -> bool {
        extensions.get::<affitor::Attribution>().is_some()
    }

    fn insert(&self, extensions: &mut Extensions, found: Option<ClickId>) {
        // A click id that an outer `ClickIdLayer` has found stands.
        let click_id = extensions.get::<ClickId>().cloned().or(found);
        extensions.insert(affitor::Attribution::new(self.0.clone(), click_id));
    }
}
