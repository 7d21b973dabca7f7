//! Questions on the terminal.

use std::{
    io::{self, Write as _},
    str::FromStr,
};

use tokio::sync::oneshot;

use crate::{exit::Exit, failure::Failure, signal::stop_requested};

/// Asks until the text is accepted. An empty text is the default, if there is one.
///
/// # Errors
///
/// Returns a failure if the person cancels, or if the input ends.
pub(crate) async fn ask<T: FromStr>(
    question: &str,
    default: Option<&str>,
    accept: impl Fn(&T) -> bool,
) -> Result<T, Failure> {
    loop {
        let shown = default.map(|default| format!(" [{default}]")).unwrap_or_default();
        let mut stderr = anstream::stderr();
        let _ = write!(stderr, "{question}{shown}: ");
        let _ = stderr.flush();
        let line = line().await?;
        let text = Some(line.trim()).filter(|text| !text.is_empty()).or(default).unwrap_or_default();
        match text.parse() {
            Ok(value) if !text.is_empty() && accept(&value) => return Ok(value),
            _ => {
                let _ = writeln!(stderr, "  This is not a possible value.");
            }
        }
    }
}

/// Reads a line in a thread of its own, which does not keep the command from ending.
async fn line() -> Result<String, Failure> {
    let cancelled =
        || Failure::new(Exit::Failed, "cancelled; nothing was created", "see `affitor init --help` for flags");
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let result = io::stdin().read_line(&mut line).map(|length| (length > 0).then_some(line));
        // Nobody waits any more after Ctrl-C.
        let _ = sender.send(result);
    });
    tokio::select! {
        line = receiver => match line {
            Ok(Ok(Some(line))) => Ok(line),
            _ => Err(cancelled()),
        },
        stopped = stop_requested() => {
            stopped?;
            Err(cancelled())
        }
    }
}
