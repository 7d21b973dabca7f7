//! The SQL of a database, as text that can be pasted into its console.

use std::{collections::HashMap, sync::Arc};

/// Name of the schema in the text.
const SCHEMA: &str = "affitor";

/// Defines [`Sql`] from the names of the queries.
macro_rules! queries {
    ($($name:ident)*) => {
        /// The queries of a database, rendered for its schema. `sql/*/queries.sql` says what each one does.
        #[derive(Debug)]
        #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "SQLite does not notify"))]
        #[cfg_attr(not(feature = "webhooks"), allow(dead_code, reason = "the queries of the payment ledger"))]
        pub(crate) struct Sql {
            $(pub(crate) $name: Arc<str>,)*
        }

        impl Sql {
            /// Reads the queries from a text in which each one begins with the line `-- name: …`.
            pub(crate) fn parse(text: &str, schema: &str) -> Self {
                let text = in_schema(text, schema);
                let mut queries: HashMap<&str, &str> = text
                    .split("-- name: ")
                    .skip(1)
                    .filter_map(|part| part.split_once('\n'))
                    .map(|(name, sql)| (name.trim(), without_comment(sql)))
                    .collect();
                Self { $($name: queries.remove(stringify!($name)).unwrap_or_default().into(),)* }
            }

            /// All queries with their names.
            #[cfg(test)]
            pub(crate) fn all(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($name), &*self.$name),)*]
            }
        }
    };
}

queries! {
    enqueue notify lead_pending payment_pending partial_refund set_history put_last put_forward stats backlog dead
    uncertain settle discard dead_letter correct replay replay_refunds forget_unsent forget_leads being_sent foreign fix_waiting
    fix_running version record_version
    ledger_start ledger save_policy ledger_connected ledger_decide payment_ids lock_group group new_group add_ids move_ids
    move_payments move_webhooks drop_groups save_group save_facts reports group_payments save_payment drop_payments save_webhook
    save_webhook_ids loose_webhooks refused_webhooks count_refused
    waiting_for_source claim_due_groups say_retention retention purge_completed purge_groups purge_webhooks purge_reports
    find_payment group_ids group_webhooks list_payments list_payments_with_status list_payments_to_check balance_sales
    balance_refunds release_payments groups_naming forget_payments forget_webhook_ids
}

/// Removes the comment before a query.
fn without_comment(mut sql: &str) -> &str {
    while let Some((_, rest)) = sql.split_once('\n').filter(|(line, _)| line.starts_with("--")) {
        sql = rest;
    }
    sql.trim()
}

/// Replaces the schema in a text. SQLite's text contains none.
pub(crate) fn in_schema(text: &str, schema: &str) -> String {
    if schema.is_empty() || schema == SCHEMA {
        text.to_owned()
    } else {
        text.replace("affitor.", &format!("{schema}."))
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    /// A migration that somebody may have applied never changes. Until the first release, change the hash with it; after that, add a
    /// migration.
    #[test]
    fn the_migrations_are_as_they_were() {
        for (text, hash) in [
            (
                include_str!("../../sql/postgres/migrations/001.sql"),
                "425124a89e11dc65bab067d496afe395dec230d5a1b41377e2bbd3e6649e72b5",
            ),
            (
                include_str!("../../sql/sqlite/migrations/001.sql"),
                "af0fcadc104d89e591c9db8aacde44e092e1c03429555a719420f64a42596899",
            ),
        ] {
            assert_eq!(format!("{:x}", Sha256::digest(text)), hash);
        }
    }

    #[test]
    fn every_query_has_a_text() {
        for (text, without) in [
            (include_str!("../../sql/postgres/queries.sql"), ""),
            (include_str!("../../sql/sqlite/queries.sql"), "notify"),
        ] {
            let sql = Sql::parse(text, "shop_a");
            for (name, query) in sql.all() {
                assert_eq!(query.is_empty(), name == without, "{name}");
                assert!(!query.starts_with("--") && !query.contains("affitor."), "{name}: {query}");
            }
            assert_eq!(text.matches("-- name: ").count(), sql.all().iter().filter(|(_, sql)| !sql.is_empty()).count());
        }
    }
}
