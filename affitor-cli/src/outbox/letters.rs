//! Dead letters: shown, delivered again, done with.

use affitor_outbox::{Database, DeadLetter, Outbox};
use clap::Args;
use serde_json::{Map, Value, json};

use super::failed;
use crate::{
    ending::{Ending, Failure},
    output::{Output, STRONG, Sign, cleaned},
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
    decide(letters.ids(outbox).await?, async |id| outbox.replay(id).await, "is in the queue again", output).await
}

pub(super) async fn discard<DB: Database>(
    letters: Letters,
    outbox: &Outbox<DB>,
    output: Output,
) -> Result<Ending, Failure> {
    decide(letters.ids(outbox).await?, async |id| outbox.discard(id).await, "is discarded", output).await
}

pub(super) async fn settle<DB: Database>(
    ids: Vec<i64>,
    outbox: &Outbox<DB>,
    output: Output,
) -> Result<Ending, Failure> {
    decide(ids, async |id| outbox.settle(id).await, "is settled", output).await
}

async fn decide(
    ids: Vec<i64>,
    decision: impl AsyncFn(i64) -> Result<bool, affitor_outbox::Error>,
    what: &str,
    output: Output,
) -> Result<Ending, Failure> {
    let mut done = Vec::new();
    for id in ids {
        done.push((id, decision(id).await.map_err(|error| failed(&error))?));
    }
    Ok(told(&done, what, output))
}

pub(super) async fn show<DB: Database>(
    outbox: &Outbox<DB>,
    after: Option<i64>,
    limit: u32,
    output: Output,
) -> Result<Ending, Failure> {
    let dead = outbox.dead_after(after.unwrap_or(i64::MIN), limit).await.map_err(|error| failed(&error))?;
    let letters: Vec<Value> = dead.iter().map(|letter| cleaned(described(letter), None)).collect();
    output.document(&json!({ "dead": letters }));
    for letter in &letters {
        output.line(&format!(
            "{STRONG}{}{STRONG:#} {}, enqueued at {}: {}",
            letter["id"],
            text(&letter["reason"]),
            text(&letter["enqueued_at"]),
            letter["event"]
        ));
        if let Some(words) = letter["words"].as_str() {
            output.line(&format!("  {words}"));
        }
    }
    told_all(letters.len(), limit, letters.last(), "dead letters", output);
    Ok(Ending::Fine)
}

pub(super) async fn uncertain<DB: Database>(
    outbox: &Outbox<DB>,
    after: Option<i64>,
    limit: u32,
    output: Output,
) -> Result<Ending, Failure> {
    let found = outbox.uncertain(after.unwrap_or(i64::MIN), limit).await.map_err(|error| failed(&error))?;
    let events: Vec<Value> = found
        .iter()
        .map(|found| {
            let at = httpdate::fmt_http_date(found.enqueued_at);
            cleaned(json!({ "id": found.id, "enqueued_at": at, "event": shown(json!(found.event)) }), None)
        })
        .collect();
    output.document(&json!({ "uncertain": events }));
    for event in &events {
        output.line(&format!(
            "{STRONG}{}{STRONG:#} enqueued at {}: {}",
            event["id"],
            text(&event["enqueued_at"]),
            event["event"]
        ));
    }
    told_all(events.len(), limit, events.last(), "uncertain events", output);
    Ok(Ending::Fine)
}

fn described(letter: &DeadLetter) -> Value {
    let DeadLetter { id, enqueued_at, json, reason, words, .. } = letter;
    // As it is in the row, so that it can be seen why it can't be read.
    let event = serde_json::from_str(json).unwrap_or_else(|_| json!(json));
    let enqueued_at = httpdate::fmt_http_date(*enqueued_at);
    let words = words.as_deref().map(|words| shown(json!(words)));
    json!({ "id": id, "enqueued_at": enqueued_at, "event": shown(event), "reason": reason, "words": words })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn told_all(count: usize, limit: u32, last: Option<&Value>, what: &str, output: Output) {
    match last {
        None => output.line(&format!("there are no {what}")),
        Some(last) if count == usize::try_from(limit).unwrap_or(usize::MAX) => {
            output.line(&format!("there may be more: --after {}", last["id"]));
        }
        Some(_) => {}
    }
}

/// E-mail addresses are in the database, and stay there: this goes into logs and tickets. What an app adds of its own is left out.
fn shown(value: Value) -> Value {
    match value {
        Value::String(text) if may_hold_address(&text) => json!("[redacted]"),
        Value::Array(values) => values.into_iter().map(shown).collect(),
        Value::Object(values) => values
            .into_iter()
            .filter(|(name, _)| name != "additional_data" && name != "line_items")
            .map(|(name, value)| {
                let value = if name == "email" { json!("[redacted]") } else { shown(value) };
                (if may_hold_address(&name) { "[redacted]".to_owned() } else { name }, value)
            })
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

/// As it is, or escaped for a URL, JSON or HTML.
fn may_hold_address(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["@", "%40", "%2540", "\\u0040", "&#64;", "&#x40;", "&commat;"].iter().any(|at| lower.contains(at))
}

fn told(done: &[(i64, bool)], what: &str, output: Output) -> Ending {
    let ids = |wanted: bool| done.iter().filter(|(_, done)| *done == wanted).map(|(id, _)| *id).collect::<Vec<_>>();
    output.document(&json!({ "done": ids(true), "unknown": ids(false) }));
    for (id, done) in done {
        if *done {
            output.sign(Sign::Good, &format!("{id} {what}"));
        } else {
            output.sign(Sign::Bad, &format!("there is no such event {id}"));
        }
    }
    if done.is_empty() {
        output.line("there is none of this reason");
    }
    if ids(false).is_empty() { Ending::Fine } else { Ending::No }
}
