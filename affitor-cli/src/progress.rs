//! Progress of long work, on standard error. Nothing is shown unless that is a terminal, or with `--json`.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::output::Output;

const TICK: Duration = Duration::from_millis(100);

/// Shows what a command is doing. Removes it from the terminal when dropped: drop it before printing a result.
#[derive(Debug)]
#[must_use = "the progress is removed when it is dropped"]
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Shows a spinner with this message.
    pub(crate) fn start(message: impl Into<String>, output: Output) -> Self {
        let bar = ProgressBar::with_draw_target(None, target(output)).with_style(ProgressStyle::default_spinner());
        Self::show(bar, message.into())
    }

    /// Shows a bar for this number of steps, each of which ends with [`advance`](Self::advance).
    #[cfg(feature = "outbox")]
    pub(crate) fn steps(message: impl Into<String>, steps: usize, output: Output) -> Self {
        let bar = ProgressBar::with_draw_target(Some(steps as u64), target(output));
        // The template is a constant, so it is valid.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {wide_bar} {pos}/{len}") {
            bar.set_style(style);
        }
        Self::show(bar, message.into())
    }

    fn show(bar: ProgressBar, message: String) -> Self {
        bar.set_message(message);
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// Replaces the message.
    pub(crate) fn set(&self, message: impl Into<String>) {
        self.0.set_message(message.into());
    }

    /// Ends a step of the bar.
    #[cfg(feature = "outbox")]
    pub(crate) fn advance(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn target(output: Output) -> ProgressDrawTarget {
    if output.json || !std::io::stderr().is_terminal() {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    }
}
