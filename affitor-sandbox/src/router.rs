//! The router of the whole sandbox: the service's calls, the page, and the control routes under `/_sandbox`.

use std::sync::Arc;

use axum::{Router, middleware};

use crate::{api::ENDPOINTS, control, guard::same_origin, http, openapi, page, service::Service};

pub(crate) fn router(service: Arc<Service>) -> Router {
    let mut router = Router::new();
    for endpoint in ENDPOINTS.iter().chain(&*openapi::ENDPOINTS) {
        for path in [endpoint.path].iter().chain(endpoint.aliases) {
            router = router.route(path, http::route(endpoint));
        }
    }
    let guard = middleware::from_fn_with_state(service.clone(), same_origin);
    let under_sandbox = control::routes().merge(page::asset_routes());
    // Around the nested routes, so that the guard sees the whole path.
    let guarded = page::routes().nest("/_sandbox", under_sandbox).layer(guard);
    router
        .merge(guarded)
        .fallback(http::unknown_path)
        .method_not_allowed_fallback(http::wrong_method)
        .with_state(service)
}
