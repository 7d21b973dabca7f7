//! What a row of the table consists of.

use affitor_axum::capture::{ClickCaptureBuilder, Head};
use affitor_sandbox::{FaultRule, PartnerState};

use crate::capture::apps::Framework;

/// A story of one visitor, and what must come of it.
pub(crate) struct Row {
    pub(crate) category: &'static str,
    pub(crate) name: &'static str,
    pub(crate) domain: Option<&'static str>,
    pub(crate) consent: Option<fn(&dyn Head) -> bool>,
    pub(crate) settings: fn(ClickCaptureBuilder) -> ClickCaptureBuilder,
    pub(crate) api: Api,
    pub(crate) steps: Vec<Step>,
    /// Landing URLs of the clicks that the service has at the end.
    pub(crate) clicks: Vec<&'static str>,
    /// A row about what only one framework has.
    pub(crate) only: Option<Framework>,
}

/// The service.
#[derive(Clone, Copy)]
pub(crate) enum Api {
    Sandbox,
    /// Always the same response.
    Fixed(u16, &'static str),
    /// Nobody listens.
    Dead,
}

pub(crate) enum Step {
    Visit(Box<Visit>),
    /// Waits until no calls are in flight.
    Settle,
    Fault(FaultRule),
    Partner(&'static str, PartnerState),
    /// The next requests go to another instance of the app.
    OtherInstance,
    /// Counts of this instance: `late`, `repeated`, `limited`, `failed`.
    Counts([u64; 4]),
    /// Waits until the service has this number of clicks.
    Clicks(usize),
}

/// A request, and what its response must be.
pub(crate) struct Visit {
    pub(crate) method: &'static str,
    pub(crate) target: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) status: u16,
    /// The exact `Set-Cookie` lines. `{1}` is the id of the first click, and `{token}` any token.
    pub(crate) sets: Vec<String>,
    /// Headers that the response must have (with this value) or must not have.
    pub(crate) has: Vec<(&'static str, Option<&'static str>)>,
    pub(crate) body: Option<&'static str>,
    /// Whether the visitor leaves while the call is in flight.
    pub(crate) disconnects: bool,
}

pub(crate) fn row(category: &'static str, name: &'static str) -> Row {
    Row {
        category,
        name,
        domain: None,
        consent: None,
        settings: |builder| builder,
        api: Api::Sandbox,
        steps: Vec::new(),
        clicks: Vec::new(),
        only: None,
    }
}

/// A browser that opens a page.
pub(crate) fn visit(target: impl Into<String>) -> Visit {
    let headers = [
        ("host", "shop.example"),
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
        ("accept-language", "en-US,en;q=0.5"),
        ("sec-fetch-dest", "document"),
        ("sec-fetch-mode", "navigate"),
        ("sec-fetch-site", "cross-site"),
    ];
    Visit {
        method: "GET",
        target: target.into(),
        headers: headers.into_iter().map(|(name, value)| (name, value.to_owned())).collect(),
        status: 200,
        sets: Vec::new(),
        has: Vec::new(),
        body: None,
        disconnects: false,
    }
}

impl Row {
    pub(crate) fn domain(mut self, domain: &'static str) -> Self {
        self.domain = Some(domain);
        self
    }

    pub(crate) fn consent(mut self, predicate: fn(&dyn Head) -> bool) -> Self {
        self.consent = Some(predicate);
        self
    }

    pub(crate) fn settings(mut self, settings: fn(ClickCaptureBuilder) -> ClickCaptureBuilder) -> Self {
        self.settings = settings;
        self
    }

    pub(crate) fn api(mut self, api: Api) -> Self {
        self.api = api;
        self
    }

    pub(crate) fn only(mut self, framework: Framework) -> Self {
        self.only = Some(framework);
        self
    }

    pub(crate) fn step(mut self, step: impl Into<Step>) -> Self {
        self.steps.push(step.into());
        self
    }

    /// Ends the row with the landing URLs of all clicks.
    pub(crate) fn clicks(mut self, landings: impl IntoIterator<Item = &'static str>) -> Self {
        self.clicks = landings.into_iter().collect();
        self
    }

    pub(crate) fn no_click(self) -> Self {
        self.clicks([])
    }
}

impl Visit {
    /// Sets a header, or replaces it.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    /// A browser that sends no `Sec-Fetch-*` headers.
    pub(crate) fn old_browser(self) -> Self {
        self.without("sec-fetch-dest").without("sec-fetch-mode").without("sec-fetch-site")
    }

    pub(crate) fn method(mut self, method: &'static str) -> Self {
        self.method = method;
        self
    }

    pub(crate) fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    pub(crate) fn sets<L: Into<String>>(mut self, lines: impl IntoIterator<Item = L>) -> Self {
        self.sets = lines.into_iter().map(Into::into).collect();
        self
    }

    pub(crate) fn has(mut self, name: &'static str, value: &'static str) -> Self {
        self.has.push((name, Some(value)));
        self
    }

    pub(crate) fn lacks(mut self, name: &'static str) -> Self {
        self.has.push((name, None));
        self
    }

    pub(crate) fn body(mut self, body: &'static str) -> Self {
        self.body = Some(body);
        self
    }

    pub(crate) fn disconnects(mut self) -> Self {
        self.disconnects = true;
        self
    }
}

impl From<Visit> for Step {
    fn from(visit: Visit) -> Self {
        Self::Visit(Box::new(visit))
    }
}

/// The cookies of the first click, on one host, of a landing at this URL.
pub(crate) fn captured(landing: &str) -> Vec<String> {
    captured_as("{1}", landing, "; Path=/; Max-Age=7776000")
}

/// The cookies of a click. `rest` follows `SameSite=Lax`.
pub(crate) fn captured_as(click_id: &str, landing: &str, rest: &str) -> Vec<String> {
    let landing = encoded(landing);
    let line = |name: &str, value: &str| format!("{name}={value}; SameSite=Lax{rest}");
    vec![
        line("affitor_click_id", click_id),
        line("affitor_click_ids", click_id),
        line("affitor_aff_url", &landing),
        line("customer_code", click_id),
    ]
}

/// The retry cookie of a call that was made, on one host.
pub(crate) fn retry(landing: &str) -> String {
    format!("~affitor_retry=1{{token}}.{}; HttpOnly; SameSite=Lax; Path=/; Max-Age=600", encoded(landing))
}

/// The retry cookie of a landing without a call, on one host.
pub(crate) fn retry_later(landing: &str) -> String {
    format!("~affitor_retry=0{{token}}.{}; HttpOnly; SameSite=Lax; Path=/; Max-Age=600", encoded(landing))
}

/// The line that removes the retry cookie, on one host.
pub(crate) const FORGET_RETRY: &str = "~affitor_retry=; Path=/; Max-Age=0";

/// What `encodeURIComponent` returns, for the characters in these tests.
pub(crate) fn encoded(text: &str) -> String {
    let escape = |character: char| match character {
        ':' | '/' | '?' | '=' | '&' | '|' | '%' | '+' | '[' | ']' => format!("%{:02X}", character as u32),
        other => other.to_string(),
    };
    text.chars().map(escape).collect()
}
