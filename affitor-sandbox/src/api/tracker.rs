//! `GET /js/affitor-tracker.js`: the tracker script, and its copy for the npm loader's `env: 'local'`.

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
