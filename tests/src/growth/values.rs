//! Values for the parameters of the statements. Row 5 is in every table.

use super::Dialect;

impl Dialect {
    pub(super) fn values(self, name: &str) -> Vec<String> {
        let key = |text: &str| self.bytes(text);
        let refunds = || [key("refund\naffitor\nt5"), key("refund\naffitor\nt5\u{b}")];
        let leads = || [key("lead\naffitor\nh5\n"), key("lead\naffitor\nh5\u{b}")];
        let values: Vec<&str> = match name {
            "lead_pending" => return with(&["5", "'affitor'"], &leads(), &["'cust_5'"]),
            "payment_pending" => return with(&["5", &key("sale\naffitor\nt5")], &refunds(), &[]),
            "partial_refund" => return with(&["5"], &refunds(), &[]),
            "replay_refunds" => return with(&[], &refunds(), &[]),
            "forget_leads" => return with(&[], &leads(), &[]),
            "enqueue" => {
                vec!["'affitor'", r#"'{"event": {"type": "sale", "transaction_id": "new"}}'"#, "'sale\naffitor\nnew'"]
            }
            "set_history" => vec!["5", "1", "'{}'"],
            "put_last" => vec!["5"],
            "dead" | "uncertain" => vec!["'affitor'", "5", "5"],
            "settle" | "discard" | "dead_letter" => vec!["'affitor'", "5"],
            "correct" => vec!["'affitor'", "5", "'key'", "'{}'"],
            "replay" => vec!["'affitor'", "5", "'{}'"],
            "forget_unsent" | "being_sent" => vec!["'affitor'", "'user_5'"],
            "record_version" => vec!["1"],
            "ledger_start" | "release_payments" => vec!["'affitor'", "1"],
            "purge_completed" | "purge_groups" | "purge_webhooks" | "purge_reports" => vec!["'affitor'", "1"],
            "ledger" => vec!["'affitor'", "'stripe//live'"],
            "save_policy" => vec!["'affitor'", "'stripe//live'", "'{}'"],
            "ledger_connected" | "ledger_decide" => vec!["'affitor'", "true"],
            "payment_ids" => vec!["'affitor'", "'stripe//live'", "'[\"t5\"]'"],
            "lock_group" | "group" | "group_ids" | "group_webhooks" | "group_payments" => vec!["5"],
            "new_group" => vec!["'affitor'", "'stripe//live'", "1"],
            "add_ids" => vec!["'affitor'", "'stripe//live'", "'[\"new\"]'", "5"],
            "move_ids" | "move_payments" | "move_webhooks" => vec!["'[5]'", "6"],
            "drop_groups" => vec!["'[5]'"],
            "save_group" => vec!["5", "'{}'", "'{}'", "1", "1"],
            "say_retention" => vec!["'affitor'", "'payments'", "1", "1"],
            "claim_due_groups" => vec!["'affitor'", "1", "2", "100"],
            "save_facts" => vec!["5", "'{}'"],
            "reports" => vec!["'affitor'", "'[\"t5\"]'"],
            "drop_payments" => vec!["5", "'[\"t5\"]'"],
            "save_payment" => vec![
                "'affitor'",
                "'stripe//live'",
                "'t5'",
                "5",
                "'bill'",
                "'reported'",
                "'t5'",
                "1",
                "1",
                "'USD'",
                "1",
                "'user_5'",
                "'cust_5'",
                "'42'",
                "'sub_1'",
                "0",
                "0",
                "''",
                "1",
                "'cus_1'",
            ],
            "save_webhook" => {
                vec!["'affitor'", "'stripe//live'", "'evt_5'", "'invoice.paid'", "5", "1", "'noted'", "false"]
            }
            "save_webhook_ids" => vec!["'affitor'", "'stripe//live'", "'evt_5'", "'[\"new\"]'"],
            "loose_webhooks" => vec!["'affitor'", "'[\"t5\"]'"],
            "refused_webhooks" => vec!["'affitor'", "5"],
            "waiting_for_source" => vec!["'affitor'", "'stripe//live'", "'[\"sub_5\"]'"],
            "find_payment" => vec!["'affitor'", "'t5'", "5"],
            "list_payments" => vec!["'affitor'", "'t5'", "5"],
            "list_payments_with_status" => vec!["'affitor'", "'t5'", "5", "'held'"],
            "list_payments_to_check" => vec!["'affitor'", "'t5'", "5", "NULL"],
            "groups_naming" | "forget_payments" | "forget_webhook_ids" => vec!["'affitor'", "'user_5'"],
            _ => vec!["'affitor'"],
        };
        values.into_iter().map(str::to_owned).collect()
    }
}

fn with(before: &[&str], range: &[String; 2], after: &[&str]) -> Vec<String> {
    let owned = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    [owned(before), range.to_vec(), owned(after)].concat()
}
