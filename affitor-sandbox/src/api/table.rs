//! The table of endpoints.

use std::sync::LazyLock;

use axum::http::Method;

use super::{
    Decide, advertiser_programs, chain, checks, click, events, lead, login, management, performance, programs,
    readiness, refund, sale, status, steps, stripe, tracker,
};
use crate::call::ApiCall;

/// A call with its method and path.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// `None` for an endpoint that only the sandbox has.
    pub call: Option<ApiCall>,
    pub method: Method,
    pub path: &'static str,
    /// Other paths, such as those of older trackers.
    pub aliases: &'static [&'static str],
    /// Whether pages of other origins may call the endpoint.
    pub cross_origin: bool,
    /// Whether the endpoint tells what the sandbox has recorded and requires no key, so that the `Host` must be checked.
    pub open_reading: bool,
    /// Whether the endpoint reads the body itself.
    pub raw_body: bool,
    pub decide: Decide,
}

pub(crate) fn endpoint(call: Option<ApiCall>, method: Method, path: &'static str, decide: Decide) -> Endpoint {
    Endpoint { call, method, path, aliases: &[], cross_origin: false, open_reading: false, raw_body: false, decide }
}

fn get(call: ApiCall, path: &'static str, decide: Decide) -> Endpoint {
    endpoint(Some(call), Method::GET, path, decide)
}

fn post(call: ApiCall, path: &'static str, decide: Decide) -> Endpoint {
    endpoint(Some(call), Method::POST, path, decide)
}

const KEYS: &str = "/api/advertiser/api-keys";
const KEY: &str = "/api/advertiser/api-keys/{key}";
const PROGRAMS: &str = "/api/advertiser/affiliate-programs";
const PROGRAM: &str = "/api/advertiser/affiliate-programs/{program}";

/// All endpoints.
pub(crate) static ENDPOINTS: LazyLock<Vec<Endpoint>> = LazyLock::new(|| {
    vec![
        Endpoint {
            aliases: &["/api/tracking/click"],
            cross_origin: true,
            ..post(ApiCall::Click, "/api/v1/track/click", click::click)
        },
        Endpoint {
            aliases: &["/api/tracking/lead"],
            cross_origin: true,
            ..post(ApiCall::Lead, "/api/v1/track/lead", lead::lead)
        },
        Endpoint { aliases: &["/api/tracking/sale"], ..post(ApiCall::Sale, "/api/v1/track/sale", sale::sale) },
        Endpoint {
            aliases: &["/api/tracking/refund"],
            ..post(ApiCall::Refund, "/api/v1/track/refund", refund::refund)
        },
        post(ApiCall::TestEvent, "/api/v1/cli/test-event", chain::test_event),
        get(ApiCall::Readiness, "/api/v1/programs/me/readiness", readiness::readiness),
        Endpoint {
            cross_origin: true,
            open_reading: true,
            ..post(ApiCall::CheckTestEvents, "/api/tracking/check-test-events", checks::check_test_events)
        },
        Endpoint { cross_origin: true, ..post(ApiCall::TrackerTest, "/api/tracking/test", checks::receive_test) },
        get(ApiCall::Status, "/api/v1/cli/status", status::status),
        Endpoint { open_reading: true, ..get(ApiCall::Events, "/api/tracking/events/{program}", events::events) },
        Endpoint {
            open_reading: true,
            ..get(ApiCall::Performance, "/api/tracking/performance/{program}", performance::performance)
        },
        Endpoint {
            open_reading: true,
            ..get(ApiCall::DashboardStatus, "/api/tracking/status/{program}", steps::dashboard_status)
        },
        Endpoint {
            aliases: &["/js/affitor-tracker-local.js", "/js/affitor-tracker-uat.js"],
            ..get(ApiCall::Tracker, "/js/affitor-tracker.js", tracker::tracker)
        },
        post(ApiCall::AuthStart, "/api/v1/cli/auth/start", login::start),
        get(ApiCall::AuthPoll, "/api/v1/cli/auth/poll", login::poll),
        post(ApiCall::Init, "/api/v1/cli/init", programs::init),
        get(ApiCall::Programs, "/api/v1/cli/programs", programs::list),
        get(ApiCall::ManagementKeys, KEYS, management::list),
        post(ApiCall::ManagementKeys, KEYS, management::create),
        endpoint(Some(ApiCall::ManagementKeys), Method::PUT, KEY, management::update),
        endpoint(Some(ApiCall::ManagementKeys), Method::DELETE, KEY, management::revoke),
        get(ApiCall::ManagedPrograms, PROGRAMS, advertiser_programs::list),
        post(ApiCall::ManagedPrograms, PROGRAMS, advertiser_programs::create),
        get(ApiCall::ManagedPrograms, PROGRAM, advertiser_programs::read),
        endpoint(Some(ApiCall::ManagedPrograms), Method::PUT, PROGRAM, advertiser_programs::update),
        endpoint(Some(ApiCall::ManagedPrograms), Method::DELETE, PROGRAM, advertiser_programs::delete),
        post(
            ApiCall::RegenerateKey,
            "/api/advertiser/affiliate-programs/{program}/regenerate-api-token",
            advertiser_programs::regenerate,
        ),
        post(ApiCall::StripeConnect, "/api/v1/cli/stripe-connect", stripe::connect),
        Endpoint { raw_body: true, ..post(ApiCall::StripeWebhook, "/webhooks/stripe/{program}", stripe::webhook) },
        Endpoint {
            raw_body: true,
            ..post(ApiCall::StripeWebhook, "/api/webhook-distributor/stripe", stripe::distributor)
        },
    ]
});
