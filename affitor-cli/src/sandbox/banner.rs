//! What a sandbox says of itself when it has started.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use affitor_sandbox::{Interpretations, Sandbox};
use clap::ValueEnum as _;
use serde_json::{Value, json};

use super::{Arguments, WhoseLeads};
use crate::output::{Output, SOFT, STRONG, count, in_words};

const DAY_SECONDS: u64 = 24 * 60 * 60;

pub(super) async fn say(sandbox: &Sandbox, arguments: &Arguments, output: Output) {
    let (url, id, key) = (sandbox.url(), sandbox.program_id(), sandbox.api_key());
    let (click, partners) = (sandbox.shop_url(), &arguments.partners);
    let held = Held::by(sandbox, arguments).await;
    let commission = arguments.commission.0.map_or_else(|| "none".to_owned(), |commission| commission.to_string());
    let value = arguments.lead_auth.to_possible_value();
    let lead_auth = value.as_ref().map_or("", |value| value.get_name());
    let faults: Vec<String> = arguments.faults.iter().map(ToString::to_string).collect();
    let interpretations: Vec<&str> =
        arguments.interpretations.iter().map(String::as_str).filter(|switch| counts(switch)).collect();
    let (attribution, cookie) = (arguments.attribution_window_days, arguments.cookie_window_days);
    output.document(&json!({
        "url": url,
        "api_key": key,
        "program_id": id,
        "partners": partners,
        "page_url": format!("{url}/"),
        "click_url": click,
        "commission": commission,
        "lead_auth": lead_auth,
        "attribution_window_days": attribution,
        "cookie_window_days": cookie,
        "faults": faults,
        "interpretations": interpretations,
        "data": held.as_ref().map(Held::document),
    }));

    let line = |name: &str, value: &str| output.line(&format!("  {name:<8} {value}"));
    output.line(&format!("{STRONG}Affitor sandbox{STRONG:#}  {url}"));
    output.line("");
    line("key", key);
    line("program", &format!("{id}, partners {}", partners.join(", ")));
    line("look", &format!("{url}/"));
    line("click", &click);
    line("your app", &format!("AFFITOR_API_URL={url} AFFITOR_API_KEY={key} AFFITOR_PROGRAM_ID={id}"));
    // Of the settings only what is not as always.
    for (name, differs, value) in [
        ("pays", commission != "lifetime:20", commission.clone()),
        ("leads", !matches!(arguments.lead_auth, WhoseLeads::Open), lead_auth.to_owned()),
        ("windows", (attribution, cookie) != (60, 90), format!("attribution {attribution} days, cookie {cookie} days")),
        ("faults", !faults.is_empty(), faults.join(", ")),
        ("interpretations", !interpretations.is_empty(), interpretations.join(", ")),
    ] {
        if differs {
            line(name, &value);
        }
    }
    if let Some(held) = held {
        line("data", &held.words());
    }
    output.line("");
    output.line(&format!("{SOFT}Ctrl-C ends it.{SOFT:#}"));
}

/// Whether an interpretation is another than the default.
fn counts(switch: &str) -> bool {
    let mut interpretations = Interpretations::default();
    interpretations.set(switch).is_ok() && interpretations != Interpretations::default()
}

/// What a sandbox with a file began with.
struct Held {
    file: String,
    clicks: usize,
    leads: usize,
    sales: usize,
    ahead: Duration,
}

impl Held {
    async fn by(sandbox: &Sandbox, arguments: &Arguments) -> Option<Self> {
        let file = arguments.data.as_ref()?.display().to_string();
        let held = sandbox.snapshot();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let its = Duration::from_millis(u64::try_from(sandbox.now_ms()).unwrap_or_default());
        // A few milliseconds have passed between the two.
        let ahead = Duration::from_secs((its.saturating_sub(now) + Duration::from_millis(500)).as_secs());
        Some(Self { file, clicks: held.clicks.len(), leads: held.leads.len(), sales: held.sales.len(), ahead })
    }

    fn words(&self) -> String {
        let Self { file, clicks, leads, sales, ahead } = self;
        let events = [count(*clicks, "click"), count(*leads, "lead"), count(*sales, "sale")].join(", ");
        let clock = match ahead.as_secs() {
            0 => String::new(),
            seconds if seconds < DAY_SECONDS => format!("; clock {} ahead", in_words(*ahead)),
            seconds => format!("; clock {} ahead", count(seconds / DAY_SECONDS, "day")),
        };
        format!("{file}: {events}{clock}")
    }

    fn document(&self) -> Value {
        let Self { file, clicks, leads, sales, ahead } = self;
        json!({ "file": file, "clicks": clicks, "leads": leads, "sales": sales, "clock_ahead_seconds": ahead.as_secs() })
    }
}
