//! Whether a visitor has agreed to be attributed to a partner. The banner in the page sets the cookie.

use affitor_axum::capture::Head;

/// Returns whether the visitor of a page has agreed. `cookies` is the header `Cookie`.
pub fn is_given(cookies: Option<&str>) -> bool {
    cookies.is_some_and(|cookies| cookies.split("; ").any(|cookie| cookie == "consent=yes"))
}

/// The same for the layer that captures clicks: `ClickCapture::builder(client).host_only().consent(consent::of_request)`.
pub fn of_request(head: &dyn Head) -> bool {
    is_given(head.header("cookie"))
}
