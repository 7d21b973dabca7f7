//! Lists and resolves dead letters and uncertain events.

use affitor_outbox::{Database, DeadLetter, DeadReason, ForgottenCustomer, Outbox};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    check::CheckStatus,
    database::failed,
    exit::Exit,
    failure::Failure,
    format::count,
    output::{BOLD, Output},
    progress::Progress,
    redact::redacted,
    sanitize::sanitized,
};

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub(super) struct Selection {
    /// Event ids
    ids: Vec<i64>,
    /// Select all dead letters with this reason; may be given several times
    #[arg(long, value_name = "REASON", value_parser = ["rejected", "uncertain", "too_old", "unreadable", "other"])]
    reason: Vec<String>,
}

#[derive(Args, Debug)]
pub(super) struct Page {
    /// Maximum number of entries
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Start after this id, to show the next page
    #[arg(long, value_name = "ID")]
    after: Option<i64>,
}

impl Page {
    fn after(&self) -> i64 {
        self.after.unwrap_or(i64::MIN)
    }

    /// Prints that there are no entries, or how to show the next page.
    fn print_note(&self, entries: &[Value], noun: &str, output: Output) {
        match entries.last() {
            None => output.line(&format!("no {noun}")),
            Some(last) if entries.len() == usize::try_from(self.limit).unwrap_or(usize::MAX) => {
                output.line(&format!("there may be more; continue with --after {}", last["id"]));
            }
            Some(_) => {}
        }
    }
}

#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub(super) struct ReplaySelection {
    /// Event ids
    #[arg(conflicts_with = "reason")]
    ids: Vec<i64>,
    /// Select all dead letters with this reason; may be given several times. Uncertain ones are selected by id only
    #[arg(long, value_name = "REASON", value_parser = ["rejected", "too_old", "unreadable", "other"])]
    reason: Vec<String>,
    /// Redeliver uncertain events, after checking in Affitor's dashboard that they have not arrived
    #[arg(long, requires = "ids")]
    confirm: bool,
}

impl Selection {
    async fn ids<DB: Database>(self, outbox: &Outbox<DB>) -> Result<Vec<i64>, Failure> {
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
    selection: ReplaySelection,
    outbox: &Outbox<DB>,
    output: Output,
) -> Result<Exit, Failure> {
    let ReplaySelection { ids, reason, confirm } = selection;
    let mut unconfirmed = Vec::new();
    if !confirm {
        for id in &ids {
            let letter = outbox.dead_letter(*id).await.map_err(|error| failed(&error))?;
            unconfirmed.extend(letter.filter(|letter| letter.reason == DeadReason::Uncertain));
        }
    }
    if !unconfirmed.is_empty() {
        return Ok(ask_to_confirm(&unconfirmed, output));
    }
    let selection = Selection { ids, reason };
    resolve(selection.ids(outbox).await?, async |id| outbox.replay(id).await, "requeued", output).await
}

/// Shows what would be redelivered, and changes nothing.
fn ask_to_confirm(letters: &[DeadLetter], output: Output) -> Exit {
    let shown: Vec<Value> = letters.iter().map(|letter| sanitized(dead_letter_json(letter), None)).collect();
    output.document(&json!({ "done": [], "not_found": [], "unconfirmed": shown }));
    for letter in &shown {
        let message =
            format!("event {} may have arrived, and a repeat may be deducted twice: {}", letter["id"], letter["event"]);
        output.status(CheckStatus::Warning, &message);
    }
    output.line("nothing is redelivered");
    output.hint("check Affitor's dashboard; add --confirm to send what has not arrived, or discard the rest");
    Exit::Failed
}

/// Forgets a customer.
pub(super) async fn forget<DB: Database>(
    customer_key: &str,
    outbox: &Outbox<DB>,
    output: Output,
) -> Result<Exit, Failure> {
    let forgotten = outbox.forget_customer(customer_key).await.map_err(|error| failed(&error))?;
    let ForgottenCustomer { discarded, being_sent, .. } = forgotten;
    output.document(&json!({ "discarded": discarded, "being_sent": being_sent }));
    output.status(CheckStatus::Passed, &format!("{} discarded", count(discarded, "event")));
    if being_sent == 0 {
        return Ok(Exit::Success);
    }
    output.status(CheckStatus::Failed, &format!("{} being sent right now", count(being_sent, "event")));
    output.hint("run the command again in a minute");
    Ok(Exit::Failed)
}

pub(super) async fn discard<DB: Database>(
    selection: Selection,
    outbox: &Outbox<DB>,
    output: Output,
) -> Result<Exit, Failure> {
    resolve(selection.ids(outbox).await?, async |id| outbox.discard(id).await, "discarded", output).await
}

pub(super) async fn settle<DB: Database>(ids: Vec<i64>, outbox: &Outbox<DB>, output: Output) -> Result<Exit, Failure> {
    resolve(ids, async |id| outbox.settle(id).await, "settled", output).await
}

/// Applies an action to each event, which returns `false` if the event does not exist.
async fn resolve(
    ids: Vec<i64>,
    action: impl AsyncFn(i64) -> Result<bool, affitor_outbox::Error>,
    past_tense: &str,
    output: Output,
) -> Result<Exit, Failure> {
    let (mut done, mut not_found) = (Vec::new(), Vec::new());
    let progress = Progress::steps(format!("{}:", count(ids.len() as u64, "event")), ids.len(), output);
    for id in ids {
        let exists = action(id).await.map_err(|error| failed(&error))?;
        let found = if exists { &mut done } else { &mut not_found };
        found.push(id);
        progress.advance();
    }
    drop(progress);
    output.document(&json!({ "done": done, "not_found": not_found }));
    for id in &done {
        output.status(CheckStatus::Passed, &format!("event {id} {past_tense}"));
    }
    for id in &not_found {
        output.status(CheckStatus::Failed, &format!("event {id} not found"));
    }
    if done.is_empty() && not_found.is_empty() {
        output.line("no dead letter has this reason");
    }
    Ok(if not_found.is_empty() { Exit::Success } else { Exit::Failed })
}

pub(super) async fn list<DB: Database>(outbox: &Outbox<DB>, page: &Page, output: Output) -> Result<Exit, Failure> {
    let dead = outbox.dead_after(page.after(), page.limit).await.map_err(|error| failed(&error))?;
    let letters: Vec<Value> = dead.iter().map(|letter| sanitized(dead_letter_json(letter), None)).collect();
    output.document(&json!({ "dead": letters }));
    for letter in &letters {
        output.line(&format!(
            "{BOLD}{}{BOLD:#} {}, enqueued at {}: {}",
            letter["id"],
            text(&letter["reason"]),
            text(&letter["enqueued_at"]),
            letter["event"]
        ));
        if let Some(message) = letter["message"].as_str() {
            output.line(&format!("  {message}"));
        }
    }
    page.print_note(&letters, "dead letters", output);
    Ok(Exit::Success)
}

pub(super) async fn list_uncertain<DB: Database>(
    outbox: &Outbox<DB>,
    page: &Page,
    output: Output,
) -> Result<Exit, Failure> {
    let found = outbox.uncertain(page.after(), page.limit).await.map_err(|error| failed(&error))?;
    let events: Vec<Value> = found
        .iter()
        .map(|found| {
            let at = httpdate::fmt_http_date(found.enqueued_at);
            let event = redacted(json!(found.event));
            sanitized(json!({ "id": found.id, "enqueued_at": at, "event": event, "reason": found.reason() }), None)
        })
        .collect();
    output.document(&json!({ "uncertain": events }));
    for event in &events {
        output.line(&format!(
            "{BOLD}{}{BOLD:#} enqueued at {}: {}",
            event["id"],
            text(&event["enqueued_at"]),
            event["event"]
        ));
        output.hint(text(&event["reason"]));
    }
    page.print_note(&events, "uncertain events", output);
    Ok(Exit::Success)
}

fn dead_letter_json(letter: &DeadLetter) -> Value {
    let DeadLetter { id, enqueued_at, json, reason, message, .. } = letter;
    // Show the row's text if it is not JSON, because that is why it is a dead letter.
    let event = serde_json::from_str(json).unwrap_or_else(|_| json!(json));
    let enqueued_at = httpdate::fmt_http_date(*enqueued_at);
    let message = message.as_deref().map(|message| redacted(json!(message)));
    json!({ "id": id, "enqueued_at": enqueued_at, "event": redacted(event), "reason": reason, "message": message })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
