//! The click id by hand.

use affitor::ClickId;
use http::{Extensions, Request, request::Parts};

/// Gets at the click id that a layer has found, from a request, its parts or its extensions.
///
/// ```
/// use affitor_tower::{ClickId, ClickIdExt};
///
/// let mut request = http::Request::new(());
/// assert_eq!(request.click_id(), None);
/// request.extensions_mut().insert(ClickId::new("cust_42_1714000000000").unwrap());
/// assert_eq!(request.click_id().unwrap(), &"cust_42_1714000000000");
/// ```
pub trait ClickIdExt {
    /// The visitor's click id, when a layer has found one.
    fn click_id(&self) -> Option<&ClickId>;
}

impl ClickIdExt for Extensions {
    fn click_id(&self) -> Option<&ClickId> {
        #[cfg(feature = "client")]
        if let Some(attribution) = self.get::<affitor::Attribution>() {
            return attribution.click_id();
        }
        self.get()
    }
}

impl ClickIdExt for Parts {
    fn click_id(&self) -> Option<&ClickId> {
        self.extensions.click_id()
    }
}

impl<B> ClickIdExt for Request<B> {
    fn click_id(&self) -> Option<&ClickId> {
        self.extensions().click_id()
    }
}
