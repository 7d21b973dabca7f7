//! Prints the address and settings of a sandbox that has started.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use affitor_sandbox::{Interpretations, Sandbox};
use clap::ValueEnum as _;
use serde_json::{Value, json};

use super::{Arguments, LeadAuthArg};
use crate::{
    format::{count, duration},
    output::{BOLD, DIM, Output},
};

const DAY_SECONDS: u64 = 24 * 60 * 60;

pub(super) fn print(sandbox: &Sandbox, arguments: &Arguments, output: Output) {
    let (url, id, key) = (sandbox.url(), sandbox.program_id(), sandbox.api_key());
    let (shop_url, partners) = (sandbox.shop_url(), &arguments.partners);
    let data = DataFile::of(sandbox, arguments);
    let commission = arguments.commission.0.map_or_else(|| "none".to_owned(), |commission| commission.to_string());
    let value = arguments.lead_auth.to_possible_value();
    let lead_auth = value.as_ref().map_or("", |value| value.get_name());
    let faults: Vec<String> = arguments.faults.iter().map(ToString::to_string).collect();
    let interpretations: Vec<&str> =
        arguments.interpretations.iter().map(String::as_str).filter(|switch| counts(switch)).collect();
    let (attribution, cookie) = (arguments.attribution_window_days, arguments.cookie_window_days);
    let rotated_ms = sandbox.key_rotated_at_ms();
    let stripe = arguments.stripe_webhook_secret.as_ref().map(|_| format!("{url}/webhooks/stripe/{id}"));
    output.document(&json!({
        "url": url,
        "api_key": rotated_ms.is_none().then_some(key),
        "program_id": id,
        "partners": partners,
        "page_url": format!("{url}/"),
        "shop_url": shop_url,
        "commission": commission,
        "lead_auth": lead_auth,
        "attribution_window_days": attribution,
        "cookie_window_days": cookie,
        "memory_limit_bytes": sandbox.memory().limit_bytes,
        "allowed_hosts": arguments.allowed_hosts,
        "stripe_webhook_url": stripe,
        "faults": faults,
        "interpretations": interpretations,
        "data": data.as_ref().map(DataFile::document),
    }));

    let line = |name: &str, value: &str| output.line(&format!("  {name:<15} {value}"));
    output.line(&format!("{BOLD}Affitor sandbox{BOLD:#}  {url}"));
    output.line("");
    match rotated_ms {
        None => line("API key", key),
        Some(_) => line("API key", "rotated; if you lost it, rotate it again on the page"),
    }
    line("program", &format!("{id}, partners {}", partners.join(", ")));
    line("page", &format!("{url}/"));
    line("shop", &shop_url);
    let app_key = if rotated_ms.is_none() { key } else { "…" };
    line("your app", &format!("AFFITOR_API_URL={url} AFFITOR_API_KEY={app_key} AFFITOR_PROGRAM_ID={id}"));
    // Settings are shown only if they differ from the default.
    for (name, differs, value) in [
        ("commission", commission != "lifetime:20", commission.clone()),
        ("lead auth", !matches!(arguments.lead_auth, LeadAuthArg::Open), lead_auth.to_owned()),
        ("windows", (attribution, cookie) != (60, 90), format!("attribution {attribution} days, cookie {cookie} days")),
        ("Stripe", stripe.is_some(), stripe.clone().unwrap_or_default()),
        ("allowed hosts", !arguments.allowed_hosts.is_empty(), arguments.allowed_hosts.join(", ")),
        ("memory limit", arguments.memory_limit != 512, format!("{} MiB", arguments.memory_limit)),
        ("faults", !faults.is_empty(), faults.join(", ")),
        ("interpretations", !interpretations.is_empty(), interpretations.join(", ")),
    ] {
        if differs {
            line(name, &value);
        }
    }
    if let Some(data) = data {
        line("data", &data.summary());
    }
    output.line("");
    if !arguments.bind.is_loopback() {
        output.line(if arguments.allowed_hosts.is_empty() {
            "The page is available on this machine only. Add other host names with --allow-host."
        } else {
            "There is no password: anyone who can reach this port can read and change everything."
        });
    }
    output.line(&format!("{DIM}Press Ctrl-C to stop.{DIM:#}"));
}

/// Whether an interpretation is another than the default.
fn counts(switch: &str) -> bool {
    let mut interpretations = Interpretations::default();
    interpretations.set(switch).is_ok() && interpretations != Interpretations::default()
}

/// The data file, and what was restored from it.
struct DataFile {
    path: String,
    clicks: usize,
    leads: usize,
    sales: usize,
    /// How far the sandbox's clock is ahead of this machine's.
    clock_ahead: Duration,
}

impl DataFile {
    fn of(sandbox: &Sandbox, arguments: &Arguments) -> Option<Self> {
        let path = arguments.data.as_ref()?.display().to_string();
        let restored = sandbox.snapshot();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let sandbox_now = Duration::from_millis(u64::try_from(sandbox.now_ms()).unwrap_or_default());
        // The two clocks are read a few milliseconds apart: round to the nearest second.
        let ahead = sandbox_now.saturating_sub(now) + Duration::from_millis(500);
        Some(Self {
            path,
            clicks: restored.clicks.len(),
            leads: restored.leads.len(),
            sales: restored.sales.len(),
            clock_ahead: Duration::from_secs(ahead.as_secs()),
        })
    }

    fn summary(&self) -> String {
        let Self { path, clicks, leads, sales, clock_ahead } = self;
        let events = [count(*clicks, "click"), count(*leads, "lead"), count(*sales, "sale")].join(", ");
        let clock = match clock_ahead.as_secs() {
            0 => String::new(),
            seconds if seconds < DAY_SECONDS => format!("; clock {} ahead", duration(*clock_ahead)),
            seconds => format!("; clock {} ahead", count(seconds / DAY_SECONDS, "day")),
        };
        format!("{path}: {events}{clock}")
    }

    fn document(&self) -> Value {
        let Self { path, clicks, leads, sales, clock_ahead } = self;
        json!({
            "file": path,
            "clicks": clicks,
            "leads": leads,
            "sales": sales,
            "clock_ahead_seconds": clock_ahead.as_secs(),
        })
    }
}
