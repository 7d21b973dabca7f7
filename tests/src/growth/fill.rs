//! Rows in the form that the outbox writes, with its triggers on.

use super::Dialect;

/// Which rows there are many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// Delivered sales.
    Delivered,
    /// Pending sales that are due much later.
    Pending,
    /// Payments in the ledger, whose sales are delivered.
    Payments,
}

/// The statements that fill the tables.
#[derive(Clone, Copy, Debug)]
pub struct Rows {
    /// Which rows.
    pub fill: Fill,
    /// How many.
    pub count: u32,
}

/// One in a hundred is a dead letter, and one in a hundred is uncertain.
const DEAD: u32 = 7;
const UNCERTAIN: u32 = 8;

impl Rows {
    /// Returns the statements, for one transaction.
    pub fn statements(self, dialect: Dialect) -> Vec<String> {
        let mut statements = vec![self.events(dialect)];
        if self.fill != Fill::Pending {
            statements.push(self.finish(
                dialect,
                "discarded",
                &format!("id % 100 = {DEAD}"),
                "{\"affitor_dead\": {\"outcome\": \"dead\"}}",
            ));
            let uncertain = "{\"output\": {\"outcome\": \"already_recorded\", \"uncertain\": true}}";
            statements.push(self.finish(dialect, "completed", &format!("id % 100 = {UNCERTAIN}"), uncertain));
            statements.push(self.finish(
                dialect,
                "completed",
                "state = 'available'",
                "{\"output\": {\"outcome\": \"recorded\"}}",
            ));
        }
        // Every table has some rows.
        let payments = if self.fill == Fill::Payments { self.count } else { 10 };
        statements.extend(Self { count: payments, ..self }.payments(dialect));
        statements
    }

    fn numbers(self) -> String {
        format!("WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {})", self.count)
    }

    fn events(self, dialect: Dialect) -> String {
        let (numbers, pending) = (self.numbers(), self.fill == Fill::Pending);
        let sale = "'type', 'sale', 'transaction_id', 't' || n, 'customer_key', 'user_' || n, 'amount_cents', 4900, 'currency', 'USD'";
        match dialect {
            Dialect::Sqlite => {
                let due = if pending { "datetime('now', '+20 hours')" } else { "datetime('now')" };
                let state = if pending { "scheduled" } else { "available" };
                format!(
                    "{numbers} INSERT INTO river_job (id, kind, queue, max_attempts, state, scheduled_at, args, unique_key)
                     SELECT n, 'affitor_event', 'affitor', 30, '{state}', {due}, jsonb_object('event', jsonb_object({sale})),
                       CAST('sale' || char(10) || 'affitor' || char(10) || 't' || n AS blob) FROM number"
                )
            }
            Dialect::Postgres => {
                let due = if pending { "now() + interval '20 hours'" } else { "now()" };
                let state = if pending { "scheduled" } else { "available" };
                format!(
                    "{numbers} INSERT INTO affitor.river_job (id, kind, queue, max_attempts, state, scheduled_at, args, unique_key)
                     SELECT n, 'affitor_event', 'affitor', 30, '{state}', {due},
                       jsonb_build_object('event', jsonb_build_object({sale})),
                       convert_to('sale' || E'\\n' || 'affitor' || E'\\n' || 't' || n, 'UTF8') FROM number;
                     SELECT setval('affitor.river_job_id_seq', {})",
                    self.count
                )
            }
        }
    }

    fn finish(self, dialect: Dialect, state: &str, which: &str, metadata: &str) -> String {
        match dialect {
            Dialect::Sqlite => format!(
                "UPDATE river_job SET state = '{state}', attempt = 1, finalized_at = datetime('now'), metadata = jsonb('{metadata}')
                 WHERE {which}"
            ),
            Dialect::Postgres => format!(
                "UPDATE affitor.river_job SET state = '{state}', attempt = 1, finalized_at = now(), metadata = '{metadata}'
                 WHERE {which}"
            ),
        }
    }

    fn payments(self, dialect: Dialect) -> Vec<String> {
        let (numbers, affitor) = (self.numbers(), if dialect == Dialect::Sqlite { "" } else { "affitor." });
        let facts = r#"'{"t' || n || '": {"kind": "bill", "attribution": {"customer_key": "user_' || n || '"}, "paid":
          {"cents": 4900, "currency": "USD", "at": 1700000000, "known_since": 1700000000}}}'"#;
        let facts = if dialect == Dialect::Sqlite { facts.to_owned() } else { format!("CAST({facts} AS jsonb)") };
        let mut statements = vec![format!(
            "{numbers} INSERT INTO {affitor}affitor_payment_groups (id, queue, scope, facts, updated_at)
             SELECT n, 'affitor', 'stripe//live', {facts}, 1000000000 + n FROM number"
        )];
        for statement in [
            "affitor_payment_ids (queue, scope, id, group_id) SELECT 'affitor', 'stripe//live', 't' || id, id",
            "affitor_payments (queue, scope, transaction_id, group_id, status, paid_cents, commissionable_cents, currency, customer_key,
               source, returned_cents, reported_refund_cents, doubts, since)
             SELECT 'affitor', 'stripe//live', 't' || id, id, CASE id % 100 WHEN 0 THEN 'no_customer' ELSE 'reported' END, 4900, 4900,
               'USD', 'user_' || id, 'sub_' || id, 0, 0, CASE id % 100 WHEN 9 THEN 'uncertain_id' ELSE '' END, 1",
            "affitor_payment_webhooks (queue, scope, event_id, kind, group_id, first_seen_at, last_seen_at, decision)
             SELECT 'affitor', 'stripe//live', 'evt_' || id, 'invoice.paid', id, 1000000000 + id, 1000000000 + id, ''",
        ] {
            statements.push(format!("INSERT INTO {affitor}{statement} FROM {affitor}affitor_payment_groups"));
        }
        if dialect == Dialect::Postgres {
            let sequence = "pg_get_serial_sequence('affitor.affitor_payment_groups', 'id')";
            statements.push(format!("SELECT setval({sequence}, {})", self.count));
        }
        statements
    }
}
