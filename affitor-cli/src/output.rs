//! Text for people, or one JSON document for programs. Colours only where a terminal shows them.

use std::{
    io::Write as _,
    time::{Duration, SystemTime},
};

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use serde_json::json;

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
    /// A line for people, on standard output. Who has closed it does not want it.
    pub(crate) fn line(self, text: &str) {
        if !self.json {
            let _ = writeln!(anstream::stdout(), "{text}");
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
                Ok(text) => {
                    let _ = writeln!(anstream::stdout(), "{text}");
                }
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
    format!("come back in {}, at {}", in_words(wait), time_of_day(wait))
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
    format!("{} UTC", date.get(17..25).unwrap_or("then"))
}
