//! Which path leads to which call.

use axum::http::Method;

use super::{
    Decide, chain, checks, click, events, lead, openapi, performance, readiness, refund, sale, status, tracker,
};
use crate::ApiCall;

/// A call, and how it is reached.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Absent for what is only here.
    pub call: Option<ApiCall>,
    pub method: Method,
    pub path: &'static str,
    /// The path of older trackers.
    pub alias: Option<&'static str>,
    /// Whether pages of other origins may call it.
    pub by_pages: bool,
    pub decide: Decide,
}

const fn get(call: ApiCall, path: &'static str, decide: Decide) -> Endpoint {
    Endpoint { call: Some(call), method: Method::GET, path, alias: None, by_pages: false, decide }
}

/// Whether pages of other origins may call it.
enum Callers {
    Pages,
    Servers,
}

const fn post(
    call: ApiCall,
    path: &'static str,
    alias: Option<&'static str>,
    callers: &Callers,
    decide: Decide,
) -> Endpoint {
    let by_pages = matches!(callers, Callers::Pages);
    Endpoint { call: Some(call), method: Method::POST, path, alias, by_pages, decide }
}

/// All of them.
pub(crate) static ENDPOINTS: &[Endpoint] = &[
    post(ApiCall::Click, "/api/v1/track/click", Some("/api/tracking/click"), &Callers::Pages, click::click),
    post(ApiCall::Lead, "/api/v1/track/lead", Some("/api/tracking/lead"), &Callers::Pages, lead::lead),
    post(ApiCall::Sale, "/api/v1/track/sale", Some("/api/tracking/sale"), &Callers::Servers, sale::sale),
    post(ApiCall::Refund, "/api/v1/track/refund", Some("/api/tracking/refund"), &Callers::Servers, refund::refund),
    post(ApiCall::TestEvent, "/api/v1/cli/test-event", None, &Callers::Servers, chain::test_event),
    get(ApiCall::Readiness, "/api/v1/programs/me/readiness", readiness::readiness),
    post(ApiCall::CheckTestEvents, "/api/tracking/check-test-events", None, &Callers::Pages, checks::check_test_events),
    post(ApiCall::TrackerTest, "/api/tracking/test", None, &Callers::Pages, checks::receive_test),
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
        by_pages: false,
        decide: openapi::document,
    },
];
