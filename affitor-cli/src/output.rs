//! Text for people, or one JSON document for programs. Colours only where a terminal shows them.

use std::{
    io::{self, Write as _},
    time::{Duration, SystemTime},
};

use anstyle::{AnsiColor, Style};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::ending::Failure;

pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
pub(crate) const BAD: Style = AnsiColor::Red.on_default();
pub(crate) const UNSURE: Style = AnsiColor::Yellow.on_default();
pub(crate) const SOFT: Style = Style::new().dimmed();
pub(crate) const STRONG: Style = Style::new().bold();

/// Where answers go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// A line for people, on standard output.
    pub(crate) fn line(self, text: &str) {
        if !self.json {
            written(writeln!(anstream::stdout(), "{text}"));
        }
    }

    /// A line with a sign in front of it.
    pub(crate) fn sign(self, sign: Sign, text: &str) {
        let (style, sign) = sign.look();
        self.line(&format!("{style}{sign}{style:#} {text}"));
    }

    /// What to do, below the line that says why.
    pub(crate) fn mend(self, text: &str) {
        self.line(&format!("  {SOFT}→{SOFT:#} {text}"));
    }

    /// The document for programs.
    pub(crate) fn document(self, document: &impl Serialize) {
        if self.json {
            match serde_json::to_string_pretty(document) {
                Ok(text) => written(writeln!(anstream::stdout(), "{text}")),
                Err(error) => eprintln!("affitor: {error}"),
            }
        }
    }

    pub(crate) fn failure(self, failure: &Failure) {
        let Failure { ending, message, mend, retry_after } = failure;
        let mends: Vec<String> = retry_after.map(come_back).into_iter().chain(mend.clone()).collect();
        let mend = (!mends.is_empty()).then(|| mends.join("; "));
        if self.json {
            self.document(&json!({ "error": {
                "kind": ending.word(),
                "message": message,
                "mend": mend,
                "retry_after_seconds": retry_after.map(|wait| wait.as_secs()),
            } }));
            return;
        }
        let mut terminal = anstream::stderr();
        let _ = writeln!(terminal, "{BAD}affitor:{BAD:#} {failure}");
        if let Some(mend) = mend {
            let _ = writeln!(terminal, "  {SOFT}→{SOFT:#} {mend}");
        }
    }
}

/// Who has closed standard output does not want it; who gets it cut off must hear of it.
fn written(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        eprintln!("affitor: the answer can't be written: {error}");
        std::process::exit(1);
    }
}

/// A server's answer made fit for a terminal, text by text: without what could move the cursor, forge lines or turn the
/// writing around, and without the key.
pub(crate) fn cleaned<T: Serialize + DeserializeOwned>(answer: T, key: Option<&str>) -> T {
    let clean = |text: &str| {
        let text: String = text.chars().map(|c| if is_unfit(c) { '\u{fffd}' } else { c }).collect();
        key.filter(|key| !key.is_empty()).map_or(text.clone(), |key| text.replace(key, "(not shown)"))
    };
    let cleaned = serde_json::to_value(&answer).map(|mut json| {
        each_text(&mut json, &clean);
        serde_json::from_value(json)
    });
    match cleaned {
        Ok(Ok(cleaned)) => cleaned,
        // What was read can be written and read again.
        _ => answer,
    }
}

fn each_text(json: &mut Value, clean: &impl Fn(&str) -> String) {
    match json {
        Value::String(text) => *text = clean(text),
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, clean)),
        Value::Object(fields) => fields.values_mut().for_each(|value| each_text(value, clean)),
        _ => {}
    }
}

/// Control characters, and those that turn the writing around.
fn is_unfit(c: char) -> bool {
    c.is_control() || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sign {
    Good,
    Bad,
    Unsure,
    Skipped,
}

impl Sign {
    fn look(self) -> (Style, &'static str) {
        match self {
            Self::Good => (GOOD, "✓"),
            Self::Bad => (BAD, "✗"),
            Self::Unsure => (UNSURE, "!"),
            Self::Skipped => (SOFT, "·"),
        }
    }
}

/// `1 click`, `2 clicks`.
pub(crate) fn count(number: impl TryInto<u64>, what: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// What to do where the service asks to wait.
pub(crate) fn come_back(wait: Duration) -> String {
    // Of a longer wait the time of day says nothing.
    let at = if wait <= Duration::from_secs(24 * 60 * 60) { time_of_day(wait) } else { String::new() };
    format!("come back in {}{at}", in_words(wait))
}

/// `59 min`, `40 s`; rounded up, so that who comes back then is not too early.
pub(crate) fn in_words(wait: Duration) -> String {
    let seconds = wait.as_secs();
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds.div_ceil(60)) }
}

/// The time of day in so long, in UTC.
fn time_of_day(wait: Duration) -> String {
    // The date of HTTP is "Sat, 21 Nov 2026 11:38:41 GMT".
    let date = SystemTime::now().checked_add(wait).map(httpdate::fmt_http_date).unwrap_or_default();
    date.get(17..25).map_or_else(String::new, |time| format!(", at {time} UTC"))
}
