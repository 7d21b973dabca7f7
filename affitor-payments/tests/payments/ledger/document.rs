//! `what-counts.md` and the tables name the same rows.

use std::collections::BTreeSet;

use affitor_payments::Provider;

use super::{lemon_squeezy, paddle, polar, shared, stripe, support::Row};

const DOCUMENT: &str = include_str!("what-counts.md");

/// The rows that the document's tables name, in their last column.
fn documented() -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    let mut is_table_of_tests = false;
    for line in DOCUMENT.lines() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let last = cells.last().copied().unwrap_or_default();
        if !line.starts_with('|') {
            is_table_of_tests = false;
        } else if last == "test" {
            is_table_of_tests = true;
        } else if is_table_of_tests {
            names.extend(last.split('`').skip(1).step_by(2));
        }
    }
    names
}

fn add<P: Provider>(all: &mut BTreeSet<&'static str>, what: &str, rows: &[Row<P>], known: &[Row<P>]) {
    println!("{what}: {} rows, {} known to be wrong", rows.len(), known.len());
    for row in rows.iter().chain(known) {
        assert!(all.insert(row.name), "two rows are named {:?}", row.name);
    }
}

#[test]
fn every_row_is_documented() {
    let mut all = BTreeSet::new();
    add(&mut all, "Stripe", &stripe::rows(), &stripe::known_rows());
    add(&mut all, "Polar", &polar::rows(), &polar::known_rows());
    add(&mut all, "Lemon Squeezy", &lemon_squeezy::rows(), &lemon_squeezy::known_rows());
    add(&mut all, "Paddle", &paddle::rows(), &paddle::known_rows());
    add(&mut all, "shared", &shared::rows(), &[]);
    let documented = documented();
    let difference = |a: &BTreeSet<&'static str>, b| a.difference(b).copied().collect::<Vec<_>>();
    assert_eq!(difference(&all, &documented), [""; 0], "rows that what-counts.md does not name");
    assert_eq!(difference(&documented, &all), [""; 0], "rows that only what-counts.md names");
}
