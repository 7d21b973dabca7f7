//! Dead letters: shown, delivered again, done with.

use affitor_outbox::{Database, DeadLetter, Outbox};
use clap::Args;
use serde_json::{Map, Value, json};

use super::failed;
use crate::{
    ending::{Ending, Failure},
    output::{Output, STRONG, Sign},
};

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct Letters {
    /// Their ids
    ids: Vec<i64>,
    /// All of this reason; can be given several times
    #[arg(long, value_name = "REASON", value_parser = ["rejected", "uncertain", "too_old", "unreadable", "other"])]
    reason: Vec<String>,
}

impl Letters {
    async fn ids<DB: affitor_outbox::Database>(self, outbox: &Outbox<DB>) -> Result<Vec<i64>, Failure> {
        let mut ids = self.ids;
        let mut last = i64::MIN;
        while !self.reason.is_empty() {
            let page = outbox.dead_after(last, 1_000).await.map_err(|error| failed(&error))?;
            let Some(end) = page.last() else { break };
            last = end.id;
            ids.extend(
                page.iter().filter(|letter| self.reason.iter().any(|r| json!(letter.reason) == **r)).map(|l| l.id),
            );
        }
        Ok(ids)
    }
}

pub(super) async fn replay<DB: Database>(
    letters: Letters,
    outbox: &Outbox<DB>,
    output: Output,
) -> Result<Ending, Failure> {
    let mut done = Vec::new();
    for id in letters.ids(outbox).await? {
        done.push((id, outbox.replay(id).await.map_err(|error| failed(&error))?));
    }
    Ok(told(&done, "is delivered again", output))
}

pub(super) async fn discard<DB: Database>(
    letters: Letters,
    outbox: &Outbox<DB>,
    output: Output,
) -> Result<Ending, Failure> {
    let mut done = Vec::new();
    for id in letters.ids(outbox).await? {
        done.push((id, outbox.discard(id).await.map_err(|error| failed(&error))?));
    }
    Ok(told(&done, "is discarded", output))
}

pub(super) async fn show<DB: Database>(outbox: &Outbox<DB>, limit: u32, output: Output) -> Result<Ending, Failure> {
    let dead = outbox.dead(limit).await.map_err(|error| failed(&error))?;
    let letters: Vec<Value> = dead
        .iter()
        .map(|DeadLetter { id, event, reason, words, .. }| {
            json!({ "id": id, "event": without_addresses(json!(event)), "reason": reason, "words": words })
        })
        .collect();
    output.document(&json!({ "dead": letters }));
    for DeadLetter { id, event, reason, words, .. } in &dead {
        // `Debug` of an event shows no e-mail address.
        let event = event.as_ref().map_or_else(|| "no event".to_owned(), |event| format!("{event:?}"));
        output.line(&format!("{STRONG}{id}{STRONG:#} {reason:?}: {event}"));
        if let Some(words) = words {
            output.line(&format!("  {words}"));
        }
    }
    if dead.is_empty() {
        output.line("there are no dead letters");
    }
    Ok(Ending::Fine)
}

/// E-mail addresses are in the database, and stay there: this goes into logs and tickets.
fn without_addresses(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains('@') => json!("[redacted]"),
        Value::Array(values) => values.into_iter().map(without_addresses).collect(),
        Value::Object(values) => {
            values.into_iter().map(|(name, value)| (name, without_addresses(value))).collect::<Map<_, _>>().into()
        }
        other => other,
    }
}

fn told(done: &[(i64, bool)], what: &str, output: Output) -> Ending {
    let ids = |wanted: bool| done.iter().filter(|(_, done)| *done == wanted).map(|(id, _)| *id).collect::<Vec<_>>();
    output.document(&json!({ "done": ids(true), "unknown": ids(false) }));
    for (id, done) in done {
        if *done {
            output.sign(Sign::Good, &format!("{id} {what}"));
        } else {
            output.sign(Sign::Bad, &format!("there is no dead letter {id}"));
        }
    }
    if ids(false).is_empty() { Ending::Fine } else { Ending::No }
}
