//! The dashboard's `GET /api/tracking/status/<program>`: which steps of the setup are complete. The service requires a
//! login; the sandbox doesn't.
//!
//! *pageview* and *referrals* are complete when there is a test click and a test lead; *payments* when Stripe is
//! connected.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Call, Decision};
use crate::reply::{CmsError, Reply};
use crate::{clock::iso, program::StripeConnection, record::TestEventRecord, state::State};

/// Maximum number of counted test events per step.
const COUNTED: usize = 10;

#[derive(Serialize, ToSchema)]
pub(super) struct DashboardStatusResponse {
    data: DashboardStatus,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DashboardStatus {
    program_id: String,
    step_statuses: StepStatuses,
    statistics: Statistics,
    has_partners: bool,
    #[schema(format = DateTime)]
    last_updated: String,
}

#[derive(Serialize, ToSchema)]
struct StepStatuses {
    pageview: StepStatus,
    referrals: StepStatus,
    payments: StepStatus,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StepStatus {
    Complete,
    Pending,
}

impl StepStatus {
    fn of(complete: bool) -> Self {
        if complete { Self::Complete } else { Self::Pending }
    }
}

#[derive(Serialize, ToSchema)]
struct Statistics {
    pageview: TestEvents,
    referrals: TestEvents,
    payments: StripeStatus,
}

/// Test events of a step.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TestEvents {
    /// At most 10.
    #[schema(maximum = 10)]
    test_event_count: usize,
    has_test_events: bool,
    latest_test_event: Option<LatestTestEvent>,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct LatestTestEvent {
    id: u64,
    #[schema(format = DateTime)]
    timestamp: String,
    #[schema(format = DateTime)]
    created_at: String,
}

impl TestEvents {
    fn of(state: &State, program_id: u64, event_type: &str) -> Self {
        let wanted = |event: &&TestEventRecord| event.program_id == Some(program_id) && event.event_type == event_type;
        let mut events = state.test_events.iter().rev().filter(wanted).take(COUNTED).peekable();
        let latest_test_event = events.peek().map(|event| LatestTestEvent {
            id: event.event_id,
            timestamp: iso(event.at_ms),
            created_at: iso(event.at_ms),
        });
        let test_event_count = events.count();
        Self { test_event_count, has_test_events: test_event_count > 0, latest_test_event }
    }
}

/// The connection of a Stripe account, as in `GET /api/v1/cli/status`.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct StripeStatus {
    /// `connected` or `not_connected`.
    #[schema(pattern = "^(connected|not_connected)$")]
    stripe_connection_status: &'static str,
    is_stripe_connected: bool,
    stripe_account_id: Option<String>,
    charges_enabled: bool,
    payouts_enabled: bool,
    details_submitted: bool,
    #[schema(format = DateTime)]
    connection_date: Option<String>,
}

impl StripeStatus {
    fn of(connection: Option<&StripeConnection>) -> Self {
        let connected = connection.is_some();
        Self {
            stripe_connection_status: if connected { "connected" } else { "not_connected" },
            is_stripe_connected: connected,
            stripe_account_id: connection.map(|connection| connection.account_id.clone()),
            charges_enabled: connected,
            payouts_enabled: connected,
            details_submitted: connected,
            connection_date: connection.map(|connection| iso(connection.connected_ms)),
        }
    }
}

/// Reports which steps of the setup are complete.
#[utoipa::path(
    get, path = "/api/tracking/status/{program}", tag = "Dashboard", operation_id = "getDashboardStatus",
    params(("program" = u64, Path, description = "The program's id", example = 42)),
    responses(
        (status = 200, description = "The steps of the setup", body = DashboardStatusResponse),
        (status = 403, description = "The Host is not allowed", body = CmsError),
        (status = 404, description = "The program was not found", body = CmsError),
    ),
)]
pub(super) fn dashboard_status(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    let program = state.program_of_id(call.path_id).ok_or_else(|| Reply::not_found("Program not found"))?;
    let settings = &state.programs[program];
    let pageview = TestEvents::of(state, settings.id, "click");
    let referrals = TestEvents::of(state, settings.id, "lead");
    let payments = StripeStatus::of(settings.stripe.as_ref());
    let data = DashboardStatus {
        program_id: settings.id.to_string(),
        step_statuses: StepStatuses {
            pageview: StepStatus::of(pageview.has_test_events),
            referrals: StepStatus::of(referrals.has_test_events),
            payments: StepStatus::of(payments.is_stripe_connected),
        },
        statistics: Statistics { pageview, referrals, payments },
        has_partners: state.partners_of(program).next().is_some(),
        last_updated: iso(call.now_ms),
    };
    Ok(Reply::ok(&DashboardStatusResponse { data }).into())
}
