//! All orders in which the webhooks of a payment can arrive, each any number of times, before and after the hold and after days:
//! `cargo run --release -p affitor-tests --bin orders`. What is reported in the end must be what the life says, to the cent.
//!
//! Sequences are not listed: equal states are merged. A state is what was delivered, the facts, what was reported, and which deadlines have
//! passed. Facts have `Eq` and the decision is pure, so merging is exact.
//!
//! The exit status is 1 if money is off and nothing says so.

#![allow(missing_docs, reason = "a binary")]

mod explore;
mod lives;
mod sequences;
mod state;

use std::{collections::BTreeMap, process::ExitCode, time::Instant};

use clap::Parser;

use self::{
    explore::{Graph, explore},
    lives::lives,
    state::{Verdict, World},
};

#[derive(Debug, Parser)]
struct Arguments {
    /// Lives of each kind that a provider has, which differ in what happens in them
    #[arg(long, default_value_t = 20)]
    per_kind: usize,
    /// Webhooks of a life, besides those that say nothing new
    #[arg(long, default_value_t = 7)]
    webhooks: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let began = Instant::now();
    let (mut all, mut count, mut doubts) = (Graph::default(), 0, BTreeMap::<String, usize>::new());
    let mut failures = Vec::new();
    for (group, lives) in lives(arguments.per_kind, arguments.webhooks) {
        let mut graph = Graph::default();
        for life in &lives {
            let world = World::new(life);
            let one = explore(&world, true);
            if count == 0 || world.webhooks() == 4 && failures.is_empty() {
                assert_eq!(explore(&world, false).ends, sequences::ends(&world), "merging is exact");
            }
            for end in &one.ends {
                match world.verdict(end) {
                    Verdict::Exact => {}
                    Verdict::Doubt(rules) => *doubts.entry(format!("{group}: {rules}")).or_default() += 1,
                    Verdict::Silent(difference) => {
                        failures.push(format!("{group} {:?}: {difference}", life.traits));
                    }
                }
            }
            count += 1;
            graph.add(one);
        }
        println!("{group}: {} lives, {}", lives.len(), graph.summary());
        all.add(graph);
    }
    for (rules, ends) in &doubts {
        println!("with a doubt: {rules}: {ends} final states");
    }
    failures.sort();
    failures.dedup();
    for failure in &failures {
        println!("SILENTLY OFF: {failure}");
    }
    println!(
        "{count} lives, {}, {} with a doubt, silently off {}, {:.1} s",
        all.summary(),
        doubts.values().sum::<usize>(),
        failures.len(),
        began.elapsed().as_secs_f64()
    );
    if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
