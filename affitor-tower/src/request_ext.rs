//! Access to the click id without an extractor.
//!
//! The request's extensions hold one value: `Attribution` (client and click id), or with `ClickIdLayer` only the `ClickId`. The click
//! history is read from the cookies only when a handler asks for its client. If an outer layer found the click id, an inner
//! `AffitorLayer` does not search and does not wait. The same holds for a `ClickIdLayer` inside another one.

use affitor_core::ClickId;
use http::{Extensions, Request, request::Parts};

/// Reads what a layer has inserted into a request, without an extractor: in a middleware, or with plain hyper or Tower.
///
/// ```
/// use affitor_tower::{AffitorRequestExt, ClickId};
///
/// let mut request = http::Request::new(());
/// assert_eq!(request.click_id(), None);
/// request.extensions_mut().insert(ClickId::new("cust_42_1714000000000").unwrap());
/// assert_eq!(request.click_id().unwrap(), "cust_42_1714000000000");
/// ```
pub trait AffitorRequestExt {
    /// Returns the visitor's click id, if a layer has found one.
    fn click_id(&self) -> Option<ClickId>;

    /// Returns the app's client for the visitor of this request, or `None` if there is no [`AffitorLayer`](crate::AffitorLayer)
    /// around the service.
    #[cfg(feature = "client")]
    fn affitor(&self) -> Option<affitor::BoundClient>;
}

impl AffitorRequestExt for Parts {
    fn click_id(&self) -> Option<ClickId> {
        click_id(&self.extensions)
    }

    #[cfg(feature = "client")]
    fn affitor(&self) -> Option<affitor::BoundClient> {
        bind(&self.extensions, &self.headers)
    }
}

impl<B> AffitorRequestExt for Request<B> {
    fn click_id(&self) -> Option<ClickId> {
        click_id(self.extensions())
    }

    #[cfg(feature = "client")]
    fn affitor(&self) -> Option<affitor::BoundClient> {
        bind(self.extensions(), self.headers())
    }
}

fn click_id(extensions: &Extensions) -> Option<ClickId> {
    #[cfg(feature = "client")]
    if let Some(attribution) = extensions.get::<affitor::adapter::Attribution>() {
        return attribution.click_id().cloned();
    }
    extensions.get().cloned()
}

#[cfg(feature = "client")]
fn bind(extensions: &Extensions, headers: &http::HeaderMap) -> Option<affitor::BoundClient> {
    let attribution = extensions.get::<affitor::adapter::Attribution>()?;
    let cookies = headers.get_all(http::header::COOKIE).iter().map(http::HeaderValue::as_bytes);
    let captured = extensions.get::<affitor::adapter::CapturedByServer>().is_some();
    Some(attribution.bind(cookies).captured_by_server(captured))
}
