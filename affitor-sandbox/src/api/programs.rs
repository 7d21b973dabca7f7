//! The programs of the person who is logged in: `POST /api/v1/cli/init` creates one, `GET /api/v1/cli/programs` lists them.
//! Both require a session token. There is one advertiser, so all programs belong to every person.
//!
//! A new program has one partner, `PARTNER<id>`, because there is no other way to add one. Its other settings are those of
//! the first program.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::{Call, Decision, Fields, auth, fields::invalid_field, login::no_random_numbers};
use crate::reply::{ErrorText, Reply};
use crate::{
    change::{Change, NewProgram},
    clock::iso,
    commission::{Commission, CommissionKind},
    percent::Percent,
    program::{MAX_PROGRAM_ID, PartnerState},
    secret::{StoredKey, random},
    state::State,
};

/// Maximum number of programs.
const LIMIT: usize = 1_000;

/// Names of the commission types, in the service's documents and in its command line.
const COMMISSION_TYPES: &[&str] = &[
    "cpc",
    "cpl",
    "cps_one_time",
    "cps_recurring",
    "cps_lifetime",
    "percent",
    "fixed",
    "recurring_percent",
    "recurring_fixed",
];

/// A new program.
#[derive(ToSchema)]
pub(super) struct NewProgramRequest {
    #[schema(min_length = 1, max_length = 512, example = "My shop")]
    name: String,
    #[schema(min_length = 1, max_length = 512, example = "shop.example")]
    domain: String,
    /// `cps_one_time`, `cps_recurring` or `cps_lifetime`, or the names of the service's command line: `percent`, `fixed`,
    /// `recurring_percent` or `recurring_fixed`. For `cpc` and `cpl`, the sandbox computes no commissions.
    #[schema(
        pattern = "^(cpc|cpl|cps_one_time|cps_recurring|cps_lifetime|percent|fixed|recurring_percent|recurring_fixed)$"
    )]
    commission_type: String,
    /// Percentage with up to four decimals, or amount in dollars.
    #[schema(minimum = 0, maximum = 1000000, example = 20)]
    commission_rate: f64,
    /// Days.
    #[schema(minimum = 1, maximum = 365, example = 90)]
    cookie_duration: u32,
    /// For recurring commissions. Missing or 0: forever.
    #[schema(minimum = 0, maximum = 1200)]
    duration_months: Option<u32>,
    /// Ignored: there is one advertiser.
    #[schema(value_type = Option<i64>)]
    #[allow(dead_code, reason = "used for the OpenAPI document only")]
    advertiser_id: (),
}

#[derive(Serialize, ToSchema)]
pub(super) struct CreatedProgram {
    program_id: String,
    /// Returned only here.
    api_key: String,
    program_slug: String,
    domain: String,
}

#[derive(Serialize, ToSchema)]
pub(super) struct ProgramSummary {
    id: u64,
    name: String,
    domain: String,
    status: &'static str,
    /// For example, `20% of every sale`.
    commission: String,
    /// Number of partners.
    partners: usize,
    #[schema(format = DateTime)]
    created_at: String,
}

/// Creates a program with one partner. Its key is shown only once.
#[utoipa::path(
    post, path = "/api/v1/cli/init", tag = "Command line", operation_id = "createProgram",
    security(("session" = [])),
    request_body = NewProgramRequest,
    responses(
        (status = 200, description = "The program was created", body = CreatedProgram),
        (status = 400, description = "A field is missing or invalid, or there are 1,000 programs", body = ErrorText),
        (status = 401, description = "The session token is missing or invalid", body = ErrorText),
    ),
)]
pub(super) fn init(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    auth::require_session(state, call)?;
    let sent = read(call.fields()?)?;
    if state.programs.len() >= LIMIT {
        return Err(Reply::error(400, format!("There are {LIMIT} programs already")));
    }
    let last = state.programs.iter().map(|program| program.id).max().unwrap_or_default();
    if last >= MAX_PROGRAM_ID {
        return Err(Reply::error(400, "There are no more program ids"));
    }
    let id = last + 1;
    let partner = (0..).map(|suffix| partner_code(id, suffix)).find(|code| state.partner(code).is_none());
    let api_key = random("aff_").map_err(no_random_numbers)?;
    let program = NewProgram {
        id,
        api_key: StoredKey::of(&api_key),
        commission: Some(commission(&sent)),
        cookie_window_days: sent.cookie_duration,
        partner: partner.unwrap_or_default(),
        at_ms: call.now_ms,
        domain: sent.domain,
        name: sent.name,
    };
    let reply = Reply::ok(&CreatedProgram {
        program_id: id.to_string(),
        api_key,
        program_slug: slug(&program.name, id),
        domain: program.domain.clone(),
    });
    Ok(Decision::changing(Change::Program(Box::new(program)), reply))
}

fn partner_code(id: u64, suffix: u64) -> String {
    if suffix == 0 { format!("PARTNER{id}") } else { format!("PARTNER{id}-{suffix}") }
}

fn slug(name: &str, id: u64) -> String {
    let words: Vec<String> = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    if words.is_empty() { format!("program-{id}") } else { words.join("-") }
}

fn commission(sent: &NewProgramRequest) -> Commission {
    let percent = Percent::from(sent.commission_rate);
    let recurring = match sent.duration_months {
        None | Some(0) => Commission::lifetime(percent),
        Some(months) => Commission::recurring(percent, months),
    };
    let cents = (sent.commission_rate * 100.0).round() as u64;
    match sent.commission_type.as_str() {
        "cps_one_time" | "percent" => Commission::one_time(percent),
        "cps_lifetime" => Commission::lifetime(percent),
        "cps_recurring" | "recurring_percent" => recurring,
        "fixed" => Commission::one_time(Percent::default()).with_fixed_cents(cents),
        "recurring_fixed" => recurring.with_fixed_cents(cents),
        "cpl" => Commission::per_lead(),
        _ => Commission::per_click(),
    }
}

fn read(fields: &Fields) -> Result<NewProgramRequest, Reply> {
    let required = |name: &str| fields.key(name)?.ok_or_else(|| Reply::error(400, format!("{name} is required")));
    let whole = |name: &str, range: std::ops::RangeInclusive<u64>| match fields.get(name) {
        None => Ok(None),
        Some(value) => {
            let number = value.as_u64().filter(|number| range.contains(number));
            let expected = format!("a whole number from {} to {}", range.start(), range.end());
            number.and_then(|number| u32::try_from(number).ok()).map(Some).ok_or_else(|| invalid_field(name, &expected))
        }
    };
    let expected = COMMISSION_TYPES.join(", ");
    let commission_type = fields.choice("commission_type", COMMISSION_TYPES, &format!("one of {expected}"))?;
    let commission_type = commission_type.ok_or_else(|| Reply::error(400, "commission_type is required"))?;
    let is_percentage = commission_type.starts_with("cps_") || commission_type.ends_with("percent");
    let most = if is_percentage { 100.0 } else { 1_000_000.0 };
    let commission_rate =
        fields.get("commission_rate").and_then(Value::as_f64).filter(|rate| (0.0..=most).contains(rate));
    Ok(NewProgramRequest {
        name: required("name")?,
        domain: required("domain")?,
        commission_type,
        commission_rate: commission_rate
            .ok_or_else(|| invalid_field("commission_rate", &format!("a number from 0 to {most}")))?,
        cookie_duration: whole("cookie_duration", 1..=365)?
            .ok_or_else(|| Reply::error(400, "cookie_duration is required"))?,
        duration_months: whole("duration_months", 0..=1_200)?,
        advertiser_id: (),
    })
}

/// Lists all programs, oldest first.
#[utoipa::path(
    get, path = "/api/v1/cli/programs", tag = "Command line", operation_id = "listPrograms",
    security(("session" = [])),
    responses(
        (status = 200, description = "The programs", body = Vec<ProgramSummary>),
        (status = 401, description = "The session token is missing or invalid", body = ErrorText),
    ),
)]
pub(super) fn list(state: &State, call: &Call<'_>) -> Result<Decision, Reply> {
    auth::require_session(state, call)?;
    let summary = |(index, program): (usize, &crate::program::Program)| ProgramSummary {
        id: program.id,
        name: program.name.clone(),
        domain: program.domain.clone(),
        status: program.status(),
        commission: describe(program.commission),
        partners: state.partners_of(index).filter(|partner| partner.state == PartnerState::Active).count(),
        created_at: iso(program.created_ms.unwrap_or(state.created_ms)),
    };
    Ok(Reply::ok(&state.programs.iter().enumerate().map(summary).collect::<Vec<_>>()).into())
}

fn describe(commission: Option<Commission>) -> String {
    let Some(commission) = commission else { return "none".to_owned() };
    let rate = match commission.fixed_cents() {
        Some(cents) => format!("${}.{:02}", cents / 100, cents % 100),
        None => format!("{}%", commission.percent()),
    };
    match commission.kind() {
        CommissionKind::OneTime => format!("{rate} of the first sale"),
        CommissionKind::Recurring { months } => format!("{rate} of every sale for {months} months"),
        CommissionKind::Lifetime => format!("{rate} of every sale"),
        CommissionKind::PerClick => "per click".to_owned(),
        CommissionKind::PerLead => "per lead".to_owned(),
    }
}
