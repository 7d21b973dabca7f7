//! Compares what the service has recorded with the model. A difference is allowed only if the ledger says that it is uncertain.

use std::collections::{BTreeMap, BTreeSet};

use affitor_outbox::Report;
use affitor_sandbox::Snapshot;

use crate::ledger::store::Store;
use affitor_tests::ledger_model::judge::Reported;

/// What the ledger says is uncertain about a sale.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Uncertain {
    pub(crate) sale: bool,
    /// Sum of the refunds that are uncertain.
    pub(crate) refunds: u64,
}

/// The result of a comparison.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) differences: usize,
    /// Differences that the ledger does not list.
    pub(crate) unlisted: Vec<String>,
}

/// What the service has recorded, by transaction id.
pub(crate) fn recorded(snapshot: &Snapshot) -> BTreeMap<String, Reported> {
    let mut all = BTreeMap::<String, Reported>::new();
    for sale in &snapshot.sales {
        let recorded = all.entry(sale.transaction_id.clone()).or_default();
        recorded.sales += 1;
        recorded.cents += sale.amount_cents;
        recorded.currency.clone_from(&sale.currency);
        recorded.customer_key.clone_from(&sale.customer_key);
    }
    for refund in &snapshot.refunds {
        let recorded = all.entry(refund.transaction_id.clone()).or_default();
        recorded.refunded += refund.refund_amount_cents.unwrap_or(recorded.cents);
    }
    all
}

/// Compares both sides.
pub(crate) fn compare(
    recorded: &BTreeMap<String, Reported>,
    expected: &BTreeMap<String, Reported>,
    uncertain: &BTreeMap<String, Uncertain>,
) -> Verdict {
    let mut verdict = Verdict::default();
    for id in recorded.keys().chain(expected.keys()).collect::<BTreeSet<_>>() {
        let (recorded, expected) = (recorded.get(id), expected.get(id));
        if recorded == expected {
            continue;
        }
        verdict.differences += 1;
        let known = uncertain.get(id).copied().unwrap_or_default();
        let is_listed = match (recorded, expected) {
            (None, Some(_)) => known.sale,
            (Some(recorded), Some(expected)) => {
                // Only refunds may be missing, and nothing is refunded twice.
                let same_sale = Reported { refunded: expected.refunded, ..recorded.clone() } == *expected;
                same_sale
                    && recorded.refunded < expected.refunded
                    && expected.refunded - recorded.refunded <= known.refunds
            }
            (_, None) => false,
        };
        if !is_listed {
            verdict.unlisted.push(format!("{id}: recorded {recorded:?}, expected {expected:?}, {known:?}"));
        }
    }
    verdict
}

/// Reads from the ledger's reports what is uncertain, and checks that the balance counts the same.
pub(crate) async fn uncertain(store: &Store) -> (BTreeMap<String, Uncertain>, u64) {
    let (mut all, mut counts) = (BTreeMap::new(), BTreeMap::<String, u64>::new());
    for payment in store.payments(None).await {
        let Some(currency) = payment.currency.clone().filter(|_| payment.status != "counted_as") else { continue };
        let reports = store.explain(&payment.transaction_id).await.unwrap().reports;
        let of_this = |report: &&Report| report.transaction_id == payment.transaction_id;
        let is_uncertain = |report: &&Report| report.uncertain || report.outcome == "dead";
        let mut uncertain = Uncertain::default();
        let count = counts.entry(currency).or_default();
        for report in reports.iter().filter(of_this).filter(is_uncertain) {
            if report.r#type == "sale" {
                uncertain.sale = true;
            } else {
                uncertain.refunds += report.cents.unwrap_or(payment.commissionable_cents);
                *count += 1;
            }
        }
        *count += u64::from(uncertain.sale || !payment.doubts.is_empty());
        all.insert(payment.transaction_id, uncertain);
    }
    let balance = store.balance().await;
    for (currency, count) in &counts {
        assert_eq!(balance[currency].uncertain, *count, "{currency}: {:?}", balance[currency]);
    }
    (all, counts.values().sum())
}

/// Changes one thing after another on either side, which the comparison must notice if nothing is listed. Returns the number of changes.
pub(crate) fn each_change_is_noticed(snapshot: &Snapshot, expected: &BTreeMap<String, Reported>) -> usize {
    let mut changes = 0;
    let mut check = |snapshot: &Snapshot, expected: &BTreeMap<String, Reported>, what: &str| {
        let unlisted = compare(&recorded(snapshot), expected, &BTreeMap::new()).unlisted;
        assert_eq!(unlisted.len(), 1, "{what}: {unlisted:#?}");
        changes += 1;
    };
    for sale in 0..snapshot.sales.len() {
        let mut altered = snapshot.clone();
        altered.sales[sale].amount_cents += 1;
        check(&altered, expected, "another amount");
        altered.sales.remove(sale);
        check(&altered, expected, "a lost sale");
    }
    for refund in 0..snapshot.refunds.len() {
        let mut altered = snapshot.clone();
        let lost = altered.refunds.remove(refund);
        check(&altered, expected, "a lost refund");
        altered.refunds.extend([lost.clone(), lost]);
        check(&altered, expected, "a refund that is counted twice");
    }
    for id in expected.keys() {
        let mut altered = expected.clone();
        altered.entry(id.clone()).or_default().refunded += 1;
        check(snapshot, &altered, "a refund that is a cent larger in the model");
    }
    changes
}
