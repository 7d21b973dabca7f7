//! Shows the balance of the ledger.

use affitor_outbox::{Balance, Database, Outbox};
use serde_json::json;

use crate::{
    check::CheckStatus,
    database::failed,
    exit::Exit,
    failure::Failure,
    format::{amount, count},
    output::{BOLD, Output},
    sanitize::printable,
};

pub(super) async fn show<DB: Database>(outbox: &Outbox<DB>, output: Output) -> Result<Exit, Failure> {
    let balances = outbox.payment_balance().await.map_err(|error| failed(&error))?;
    let refused = outbox.count_refused_webhooks().await.map_err(|error| failed(&error))?;
    output.document(&json!({ "balance": balances, "refused_webhooks": refused }));
    if balances.is_empty() {
        output.line("no payments");
    }
    for (currency, balance) in &balances {
        print(&printable(currency), balance, output);
    }
    if refused > 0 {
        output.status(CheckStatus::Warning, &format!("{} can't be read", count(refused, "webhook")));
        output.hint("`affitor payments refused` lists them");
    }
    Ok(Exit::Success)
}

fn print(currency: &str, balance: &Balance, output: Output) {
    output.line(&format!("{BOLD}{currency}{BOLD:#} {}", count(balance.payments, "payment")));
    let rows = [
        ("  paid", balance.paid),
        ("= recorded by Affitor", balance.recorded),
        ("+ no partner is credited", balance.not_attributed),
        ("+ held or being delivered", balance.pending),
        ("+ delivery failed or discarded", balance.undelivered),
        ("+ not reported", balance.not_reported),
        ("  returned to customers", balance.returned),
        ("  reported as refunded", balance.refunds),
        ("  of which recorded by Affitor", balance.refunds_recorded),
    ];
    let amounts = rows.map(|(name, cents)| (name, amount(cents, currency)));
    let width = amounts.iter().map(|(_, amount)| amount.len()).max().unwrap_or_default();
    for (name, amount) in amounts {
        output.line(&format!("  {name:<32} {amount:>width$}"));
    }
    if balance.uncertain > 0 {
        output.status(
            CheckStatus::Warning,
            &match balance.uncertain {
                1 => "1 payment or report to check".to_owned(),
                number => format!("{number} payments or reports to check"),
            },
        );
        output.hint("`affitor payments list --check` and `affitor outbox uncertain` show them");
    }
}
