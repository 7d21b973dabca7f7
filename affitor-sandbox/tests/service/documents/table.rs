//! The documented responses.

use serde_json::{Value, json};

/// A documented response: what to do, the status, and the body.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) status: u16,
    pub(crate) body: Value,
}

fn row(name: &'static str, status: u16, body: Value) -> Row {
    Row { name, status, body }
}

fn error(name: &'static str, status: u16, text: &str) -> Row {
    row(name, status, json!({ "error": text }))
}

fn cms_error(name: &'static str, status: u16, error_name: &str, message: &str) -> Row {
    let error = json!({ "status": status, "name": error_name, "message": message, "details": {} });
    row(name, status, json!({ "data": null, "error": error }))
}

pub(crate) fn table() -> Vec<Row> {
    let verdict = |each: &str| json!({ "click": each, "lead": each, "sale": each });
    let gate = || json!({ "status": "pass" });
    let readiness = |state: &str, verified: bool, blocker: Value, tracking: Value, live: Value| {
        json!({
            "program_id": 42, "state": state, "integration_verified": verified, "blocker": blocker,
            "gates": {
                "profile": gate(), "economics": gate(), "payout": { "status": "pass", "mode": "manual" },
                "tracking": tracking, "live": live,
            },
            "last_event_at": { "click": "<null or time>", "lead": "<null or time>", "sale": "<null or time>" },
            "counts_24h": { "clicks": "<int>", "leads": "<int>", "sales": "<int>" },
            "key_rotated_at": null, "poll": { "retry_after_seconds": 5 },
        })
    };
    let test_event = |kind: &str, program: Value| {
        let message = format!("Test {kind} event tracked successfully");
        let data = json!({ "eventId": "<int>", "programId": program, "test_mode": true });
        json!({ "success": true, "message": message, "data": data })
    };
    let found = json!({ "id": "<int>", "event_type": "click", "timestamp": "<time>" });
    let events = |entry: Value| {
        let pagination = json!({ "page": 1, "pageSize": 10, "pageCount": 1, "total": 1 });
        json!({ "data": [entry], "meta": { "pagination": pagination } })
    };
    let head = |kind: &str| {
        json!({
            "id": "<int>", "event_type": kind, "timestamp": "<time>", "click_id": "<click id>",
            "createdAt": "<time>",
        })
    };
    let with = |mut entry: Value, more: Value| {
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        entry
    };
    let trend = json!({ "trend": "<number>", "trendDirection": "up" });
    let test_events = |count: u64, latest: Value| json!({ "testEventCount": count, "hasTestEvents": count > 0, "latestTestEvent": latest });
    vec![
        row(
            "click",
            200,
            json!({
                "success": true, "click_id": "<click id>", "partner_code": "abc123", "cookie_window_days": 90,
            }),
        ),
        row(
            "click on a link that is switched off",
            200,
            json!({
                "success": false, "message": "Referral link is inactive",
            }),
        ),
        error("click without a URL", 400, "affiliate_url is required"),
        error("click with an invalid URL", 400, "Invalid affiliate_url"),
        error("click without a code", 400, "No aff parameter found in affiliate_url"),
        error("click with an unknown code", 400, "Referral link not found"),
        error("click on a misconfigured link", 400, "Invalid referral link configuration"),
        error("click that fails", 500, "Click tracking failed"),
        row("lead", 200, json!({ "success": true, "message": "Lead tracked successfully" })),
        row(
            "provisional lead",
            200,
            json!({
                "success": true, "provisional": true,
                "message": "Lead recorded as provisional. This program requires server-side (Bearer) lead tracking to settle attribution.",
            }),
        ),
        error("lead without ids", 400, "click_id or customer_key is required"),
        error("lead of nobody", 400, "Customer not found. Provide a valid click_id or customer_key."),
        error("lead of another program", 400, "Customer does not belong to this program"),
        error("lead again", 400, "Customer status cannot be updated to lead. Current status: lead"),
        row(
            "lead again, where that is idempotent",
            200,
            json!({
                "success": true, "message": "Lead tracked successfully",
            }),
        ),
        row(
            "lead of nobody, where that is unattributed",
            200,
            json!({
                "success": true, "message": "Lead tracked successfully",
            }),
        ),
        error("lead with a wrong key", 401, "Invalid API token"),
        error("lead that fails", 500, "Lead tracking failed"),
        row(
            "sale",
            200,
            json!({
                "success": true, "sale_id": "<int>", "commission_id": "<int>", "message": "Sale tracked successfully",
            }),
        ),
        row(
            "sale after the window",
            200,
            json!({
                "success": true, "attributed": false, "reason": "attribution_window_expired", "click_age_days": 75,
                "window_days": 60, "sale_id": null, "commission_id": null,
            }),
        ),
        row(
            "sale after the window, recorded",
            200,
            json!({
                "success": true, "sale_id": "<int>", "commission_id": null,
                "message": "Sale tracked — attribution window expired, no commission created",
            }),
        ),
        error("sale again", 409, "Duplicate transaction_id. This sale has already been recorded."),
        row(
            "sale again, the other body",
            409,
            json!({
                "error": "Conflict", "message": "transaction_id already recorded", "statusCode": 409,
            }),
        ),
        error("sale without a transaction id", 400, "transaction_id is required and must be a string"),
        error("sale without an amount", 400, "amount_cents is required and must be a positive integer"),
        error("sale of nobody", 400, "Customer not found. Provide customer_key or click_id."),
        error("sale without a click", 400, "No affiliate attribution found for this customer in this program"),
        error("sale of a partner who left", 400, "No partner-program relationship found for this customer"),
        error("sale of a deleted partner", 400, "partnerId required to create commission"),
        error("sale without a key", 401, "Invalid API token"),
        error("sale that fails", 500, "Sale tracking failed"),
        error("sale whose commission fails", 500, "Failed to create commission"),
        row(
            "refund",
            200,
            json!({
                "success": true, "status": "reversed", "deductionAmount": 20, "commission_id": "<int>",
            }),
        ),
        row(
            "refund without a status",
            200,
            json!({
                "success": true, "deductionAmount": 20, "commission_id": "<int>",
            }),
        ),
        row(
            "partial refund",
            200,
            json!({
                "success": true, "status": "refunded", "deductionAmount": 5, "commission_id": "<int>",
            }),
        ),
        row(
            "refund again",
            200,
            json!({
                "success": true, "status": "skipped", "reason": "already reversed", "commission_id": "<int>",
            }),
        ),
        row(
            "refund of a sale without a commission",
            200,
            json!({
                "success": true, "status": "no_commission", "message": "Sale has no commission to reverse",
            }),
        ),
        error("refund without a transaction id", 400, "transaction_id is required"),
        error("refund with a wrong key", 401, "Invalid API token"),
        error("refund of an unknown sale", 404, "Sale not found for transaction_id"),
        error("refund that fails", 500, "Refund tracking failed"),
        row("test click", 200, test_event("click", json!(1))),
        row("test lead", 200, test_event("lead", json!(42))),
        row("test sale", 200, test_event("sale", json!(42))),
        row("test click without a program", 200, test_event("click", Value::Null)),
        row(
            "check-test-events",
            200,
            json!({ "success": true, "data": {
            "hasTestEvents": true, "eventCount": 1, "eventsByType": { "click": [found.clone()], "lead": [], "sale": [] },
            "latestTestEvent": found, "programId": "42", "advertiserId": "<int>", "stepId": "pageview",
        } }),
        ),
        row(
            "tracker's test",
            200,
            json!({
                "success": true, "message": "Test event received",
                "testEvent": { "id": "<int>", "event_type": "click", "step_id": "pageview", "timestamp": "<time>" },
            }),
        ),
        row(
            "chain",
            200,
            json!({ "data": {
            "type": "chain", "short_code": "afftest42", "customer_key": "<text>", "verdict": verdict("attributed"),
            "attributed": true,
        } }),
        ),
        row(
            "eleventh chain of an hour",
            429,
            json!({ "error": {
            "status": 429, "code": "rate_limited", "message": "<text>", "retry_after_seconds": "<int>",
        } }),
        ),
        row(
            "test event of the old form",
            200,
            json!({
                "event_type": "sale", "event_id": "<text>", "received": true, "attributed": false, "message": "<text>",
            }),
        ),
        error("chain without a key", 401, "Invalid API token"),
        row(
            "readiness before any event",
            200,
            readiness(
                "configuring",
                false,
                json!("tracking"),
                json!({ "status": "fail", "next_action": "install_tracker_or_send_events", "checked_at": "<null or time>" }),
                json!({ "status": "fail", "next_action": "run_synthetic_sale_chain", "test_chain": verdict("pending") }),
            ),
        ),
        row(
            "readiness after a chain",
            200,
            readiness(
                "integration_verified",
                true,
                Value::Null,
                json!({ "status": "pass", "detail": "receiving_events", "checked_at": "<null or time>" }),
                json!({ "status": "pass", "test_chain": verdict("attributed") }),
            ),
        ),
        row(
            "readiness with a wrong key",
            401,
            json!({ "error": {
            "code": "invalid_key", "message": "Invalid API token.",
        } }),
        ),
        row(
            "readiness that fails",
            500,
            json!({ "error": {
            "code": "internal_error", "message": "Failed to compute readiness. Retry shortly.", "retry_after_seconds": 10,
        } }),
        ),
        row(
            "status",
            200,
            json!({
                "program_id": "42", "name": "<text>", "domain": "<text>", "dns_verified": "<flag>", "stripe_connected": false,
                "stripe_charges_enabled": false, "recent_events": { "clicks_24h": 1, "leads_24h": 1, "sales_24h": 1 },
                "active_partners": 2, "pending_commissions": 1,
            }),
        ),
        row(
            "events: a click",
            200,
            events(with(
                head("click"),
                json!({
                    "converted": true, "session_id": "sess_a_1", "page_url": "<text>", "referrer_url": "<text>", "geo_country": "<text>",
                    "geo_region": "<text>", "geo_city": "<text>", "device_type": "<text>", "device_os": "<text>",
                    "browser_name": "<text>",
                }),
            )),
        ),
        row(
            "events: a lead",
            200,
            events(with(
                head("lead"),
                json!({
                    "converted": true, "customer_key": "user_7", "session_id": "sess_a_1", "page_url": "<text>",
                }),
            )),
        ),
        row(
            "events: a conversion",
            200,
            events(with(
                head("conversion"),
                json!({
                    "amount_cents": 10_000, "currency": "USD", "sale_type": "payment", "payment_status": "paid",
                    "processor_event_id": "t_1", "is_recurring": false,
                }),
            )),
        ),
        cms_error("events of an unknown program", 404, "NotFoundError", "Program not found"),
        row(
            "performance",
            200,
            json!({
                "data": [{
                    "date": "<date>", "period": "<date>", "clicks": "<int>", "leads": "<int>", "conversions": "<int>",
                    "revenue": "<number>", "partners": "<int>", "sales": 0, "commission": "<number>",
                }],
                // Two clicks, two customers, and three sales of 100 dollars by one of them.
                "metrics": {
                    "totalClicks": 2, "totalLeads": 2, "totalConversions": 1, "totalRevenue": 300, "conversionRate": 50,
                    "averageOrderValue": 300, "totalPartners": 2, "totalSales": 3, "totalPartnersCommission": 60,
                    "clicksTrend": trend, "leadsTrend": trend, "conversionsTrend": trend, "revenueTrend": trend,
                    "partnersTrend": trend, "salesTrend": trend, "commissionTrend": trend,
                },
                "meta": {
                    "period": "7d", "dateFrom": "<time>", "dateTo": "<time>",
                    "previousPeriod": { "dateFrom": "<time>", "dateTo": "<time>" },
                },
            }),
        ),
        row(
            "status of the steps",
            200,
            json!({ "data": {
            "programId": "42", "stepStatuses": { "pageview": "complete", "referrals": "pending", "payments": "pending" },
            "statistics": {
                "pageview": test_events(1, json!({ "id": "<int>", "timestamp": "<time>", "createdAt": "<time>" })),
                "referrals": test_events(0, Value::Null),
                "payments": {
                    "stripeConnectionStatus": "<text>", "isStripeConnected": false, "stripeAccountId": null,
                    "chargesEnabled": false, "payoutsEnabled": false, "detailsSubmitted": false, "connectionDate": null,
                },
            },
            "hasPartners": true, "lastUpdated": "<time>",
        } }),
        ),
        row(
            "login",
            200,
            json!({ "state": "<text>", "auth_url": "<text>", "poll_url": "<text>", "expires_at": "<time>" }),
        ),
        row("poll of a login", 200, json!({ "status": "pending" })),
        row(
            "poll of a confirmed login",
            200,
            json!({
                "status": "complete", "token": "<text>", "email": "jo@example.com", "advertiser_id": "<int>",
            }),
        ),
        row("poll of an exchanged login", 200, json!({ "status": "consumed" })),
        row("poll of an expired login", 200, json!({ "status": "expired" })),
        row(
            "init",
            200,
            json!({
                "program_id": "43", "api_key": "<text>", "program_slug": "<text>", "domain": "shop.example",
            }),
        ),
        row(
            "programs",
            200,
            json!([{
                "id": "<int>", "name": "<text>", "domain": "<text>", "status": "<text>", "commission": "<text>",
                "partners": "<int>", "created_at": "<time>",
            }]),
        ),
        row(
            "stripe-connect",
            200,
            json!({
                "connected": true, "stripe_account_id": "acct_1", "webhook_endpoint_id": "we_1", "charges_enabled": "<flag>",
                "payouts_enabled": "<flag>",
            }),
        ),
        cms_error("an unknown path", 404, "NotFoundError", "Not Found"),
        cms_error("a wrong method", 405, "MethodNotAllowedError", "Method Not Allowed"),
    ]
}
