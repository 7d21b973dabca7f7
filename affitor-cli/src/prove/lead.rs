//! What became of a visitor's lead: pure decisions from the requests that the sandbox has received.

use affitor_sandbox::RequestRecord;

use super::{
    app::App,
    finding::{Finding, FindingId},
    landing::Landed,
    layer,
    visitor::Visitor,
    watch::is_settled,
};

/// Returns why the form was sent without the cookie.
pub(super) fn lost_cookie(visitor: &Visitor, landed: &Landed) -> Option<Finding> {
    let (url, _) = visitor.posted.as_ref().filter(|(_, had_cookie)| !had_cookie)?;
    let message = format!("the sign-up at {url} was sent without the cookie affitor_click_id of {}", landed.page);
    if let Some(page) = &visitor.removed_by {
        return Some(
            FindingId::CookieLost.because(message, format!("the response of {} removes the cookie", page.path())),
        );
    }
    if url.host_str() != landed.page.host_str() {
        let hosts =
            format!("{} and {}", landed.page.host_str().unwrap_or_default(), url.host_str().unwrap_or_default());
        return Some(
            FindingId::CookieLost
                .because(message, format!("a redirect or a form changes the host, and {hosts} share no cookies")),
        );
    }
    Some(FindingId::CookieLost.found(message))
}

/// Whether the event was sent in test mode.
pub(super) fn is_test(call: &RequestRecord) -> bool {
    // What is recorded and is none of the events is a test.
    call.changed && call.event.is_none()
}

/// Returns the customer key of the lead with this click id, or what is wrong.
pub(super) fn lead(calls: &[RequestRecord], click_id: &str, app: Option<&App>) -> Result<String, Finding> {
    let with_click = || calls.iter().filter(|call| call.click_id.as_deref() == Some(click_id));
    if let Some(call) = calls.iter().find(|call| is_test(call)) {
        let id = call.click_id.as_deref().unwrap_or("no click id");
        return Err(FindingId::TestMode.found(format!("the lead with {id} is a test event, which counts for nobody")));
    }
    if let Some(call) = with_click().find(|call| is_settled(call)) {
        return call.customer_key.clone().ok_or_else(|| {
            FindingId::NoLead.because("the lead has no customer key", "pass your own user id to `Lead::new`")
        });
    }
    if let Some(call) = calls.iter().find(|call| call.status == Some(401)) {
        let message = format!("the sandbox rejected the lead: {}", call.error.as_deref().unwrap_or("status 401"));
        return Err(FindingId::NoLead.because(message, "the app does not read its API key from AFFITOR_API_KEY"));
    }
    if let Some(call) = with_click().next() {
        let why = call.error.clone().unwrap_or_else(|| "no reason".to_owned());
        return Err(
            FindingId::NoLead.because(format!("the sandbox refused the lead: {why}"), "see the service's message")
        );
    }
    if let Some(call) = calls.first() {
        let other = call.click_id.as_deref().map_or_else(|| "without a click id".to_owned(), |id| format!("with {id}"));
        let message = format!("the lead arrived {other}, although the visitor has {click_id}");
        return Err(match call.click_id.as_deref() {
            Some(cut) if click_id.starts_with(cut) => FindingId::ClickIdLost
                .because(message, "the click id is cut off on its way: a column or a field is too short"),
            Some(_) => {
                FindingId::ClickIdLost.because(message, "the click id of another visitor, or of another visit, is used")
            }
            None => FindingId::ClickIdLost.found(message),
        });
    }
    if let Some(problem) = app.and_then(App::layer_problem) {
        return Err(layer::finding(problem, "the sign-up"));
    }
    Err(FindingId::NoLead.found("the sign-up succeeded, but no lead arrived"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{RequestRecord, lead};

    /// A call as the sandbox records it.
    fn call(fields: &Value) -> RequestRecord {
        let mut record = json!({
            "number": 1, "call": "lead", "method": "POST", "path": "/api/v1/track/lead", "status": 200, "error": null, "hint": null,
            "changed": true, "has_key": true, "fault": null, "transaction_id": null, "customer_key": "user_7", "click_id": "cust_1_1",
            "event": "lead", "partner_code": null, "amount_cents": null, "currency": null, "at_ms": 0,
        });
        record.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        serde_json::from_value(record).unwrap()
    }

    #[test]
    fn each_result_of_a_lead() {
        let refused = json!({ "changed": false, "status": 400, "error": "Customer not found" });
        let unauthorized = json!({ "changed": false, "status": 401, "error": "Invalid API token" });
        let without_click = json!({ "click_id": null, "changed": false, "status": 400 });
        let of_another = json!({ "click_id": "cust_2_2" });
        for (fields, expected) in [
            (vec![json!({})], Ok("user_7")),
            (vec![refused.clone(), json!({})], Ok("user_7")),
            (vec![of_another.clone(), json!({})], Ok("user_7")),
            (vec![json!({ "customer_key": null })], Err("no-lead")),
            (vec![json!({ "event": null })], Err("test-mode")),
            (vec![], Err("no-lead")),
            (vec![refused], Err("no-lead")),
            (vec![unauthorized], Err("no-lead")),
            (vec![without_click], Err("click-id-lost")),
            (vec![of_another], Err("click-id-lost")),
        ] {
            let calls: Vec<_> = fields.iter().map(call).collect();
            let result = lead(&calls, "cust_1_1", None);
            assert_eq!(result.as_deref().map_err(|finding| finding.id), expected, "{fields:?}");
        }
    }
}
