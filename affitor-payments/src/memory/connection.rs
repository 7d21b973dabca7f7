//! Whether Stripe is connected to the program, as the service said lately.

use std::{collections::HashMap, time::Duration};

use affitor::Client;
use tokio::{sync::Mutex, time::Instant};

/// How long a response holds.
const HOLDS: Duration = Duration::from_secs(60 * 60);
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(60);
/// How long a webhook waits for the response.
const PATIENCE: Duration = Duration::from_secs(3);

/// Responses by program id.
#[derive(Debug, Default)]
pub(crate) struct Connections(Mutex<HashMap<Option<String>, Answer>>);

#[derive(Clone, Copy, Debug)]
struct Answer {
    is_connected: bool,
    until: Instant,
}

impl Connections {
    /// Returns whether Stripe is connected to the client's program. `false` if that is unknown, which is logged.
    pub(crate) async fn is_connected(&self, client: &Client) -> bool {
        let program = client.program_id().map(str::to_owned);
        // Held while asking, so that one webhook asks.
        let mut answers = self.0.lock().await;
        if let Some(answer) = answers.get(&program).filter(|answer| answer.until > Instant::now()) {
            return answer.is_connected;
        }
        let before = answers.get(&program).map(|answer| answer.is_connected);
        let answer = Answer::after(before, ask(client).await, Instant::now());
        answers.insert(program, answer);
        answer.is_connected
    }
}

impl Answer {
    /// What holds after asking. Of a failure, what was known before.
    fn after(before: Option<bool>, known: Option<bool>, now: Instant) -> Self {
        let holds = if known.is_some() { HOLDS } else { PAUSE };
        Self { is_connected: known.or(before).unwrap_or_default(), until: now + holds }
    }
}

async fn ask(client: &Client) -> Option<bool> {
    const UNKNOWN: &str =
        "unknown whether Stripe is connected to the Affitor program, in which case its payments would count twice";
    if client.program_id().is_none() {
        tracing::warn!("{UNKNOWN}: the client has no program id (AFFITOR_PROGRAM_ID)");
        // Without it, nothing will be known later either.
        return Some(false);
    }
    match tokio::time::timeout(PATIENCE, client.status()).await {
        Ok(Ok(status)) => Some(status.stripe_connected),
        Ok(Err(error)) => {
            tracing::warn!(%error, "{UNKNOWN}");
            None
        }
        Err(_) => {
            tracing::warn!("{UNKNOWN}: the service did not respond within {PATIENCE:?}");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_failure_forgets_nothing() {
        for (before, known, is_connected, holds) in [
            (None, None, false, PAUSE),
            (None, Some(true), true, HOLDS),
            (Some(true), None, true, PAUSE),
            (Some(true), Some(false), false, HOLDS),
        ] {
            let now = Instant::now();
            let answer = Answer::after(before, known, now);
            assert_eq!((answer.is_connected, answer.until), (is_connected, now + holds), "{before:?} {known:?}");
        }
    }
}
