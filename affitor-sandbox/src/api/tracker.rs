//! `GET /js/affitor-tracker.js`: the tracker script, and its copy for the npm loader's `env: 'local'`.
//!
//! The sandbox's tracker knows which state its cookies belong to. The script contains a random id of the state, and keeps it in
//! `localStorage`. If it differs, the sandbox was restarted or reset, and the script reports the landing page's click again. A call
//! to ask the sandbox would be outside of the service's contract.

use super::{Call, Decision};
use crate::reply::Reply;
use crate::{change::Change, state::State};

/// Returns the browser tracker.
#[utoipa::path(
    get, path = "/js/affitor-tracker.js", tag = "Browser", operation_id = "getTracker",
    responses((status = 200, description = "The script", body = String, content_type = "text/javascript; charset=utf-8")),
)]
pub(super) fn tracker(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    // Lets the script notice that its cookies belong to another state.
    let script = include_str!("../tracker.js").replace("SANDBOX_GENERATION", &state.generation);
    let reply = Reply::text("text/javascript; charset=utf-8", script);
    Ok(Decision::changing(Change::TrackerFetched { at_ms: call.now_ms }, reply))
}
