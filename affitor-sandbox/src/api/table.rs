//! The table of endpoints.

use axum::http::Method;

use super::{
    Decide, chain, checks, click, events, lead, openapi, performance, readiness, refund, sale, status, tracker,
};
use crate::call::ApiCall;

/// A call with its method and path.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// `None` for an endpoint that only the sandbox has.
    pub call: Option<ApiCall>,
    pub method: Method,
    pub path: &'static str,
    /// Path used by older trackers.
    pub alias: Option<&'static str>,
    /// Whether pages of other origins may call the endpoint.
    pub cross_origin: bool,
    pub decide: Decide,
}

const fn get(call: ApiCall, path: &'static str, decide: Decide) -> Endpoint {
    Endpoint { call: Some(call), method: Method::GET, path, alias: None, cross_origin: false, decide }
}

/// Who may call an endpoint.
enum Callers {
    PagesAndServers,
    ServersOnly,
}

const fn post(
    call: ApiCall,
    path: &'static str,
    alias: Option<&'static str>,
    callers: &Callers,
    decide: Decide,
) -> Endpoint {
    let cross_origin = matches!(callers, Callers::PagesAndServers);
    Endpoint { call: Some(call), method: Method::POST, path, alias, cross_origin, decide }
}

/// All endpoints.
pub(crate) static ENDPOINTS: &[Endpoint] = &[
    post(ApiCall::Click, "/api/v1/track/click", Some("/api/tracking/click"), &Callers::PagesAndServers, click::click),
    post(ApiCall::Lead, "/api/v1/track/lead", Some("/api/tracking/lead"), &Callers::PagesAndServers, lead::lead),
    post(ApiCall::Sale, "/api/v1/track/sale", Some("/api/tracking/sale"), &Callers::ServersOnly, sale::sale),
    post(ApiCall::Refund, "/api/v1/track/refund", Some("/api/tracking/refund"), &Callers::ServersOnly, refund::refund),
    post(ApiCall::TestEvent, "/api/v1/cli/test-event", None, &Callers::ServersOnly, chain::test_event),
    get(ApiCall::Readiness, "/api/v1/programs/me/readiness", readiness::readiness),
    post(
        ApiCall::CheckTestEvents,
        "/api/tracking/check-test-events",
        None,
        &Callers::PagesAndServers,
        checks::check_test_events,
    ),
    post(ApiCall::TrackerTest, "/api/tracking/test", None, &Callers::PagesAndServers, checks::receive_test),
    get(ApiCall::Status, "/api/v1/cli/status", status::status),
    get(ApiCall::Events, "/api/tracking/events/{program}", events::events),
    get(ApiCall::Performance, "/api/tracking/performance/{program}", performance::performance),
    get(ApiCall::DashboardStatus, "/api/tracking/status/{program}", status::dashboard_status),
    get(ApiCall::Tracker, "/js/affitor-tracker.js", tracker::tracker),
    Endpoint {
        call: None,
        method: Method::GET,
        path: "/openapi.json",
        alias: None,
        cross_origin: false,
        decide: openapi::document,
    },
];
