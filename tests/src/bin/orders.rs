//! All orders in which the webhooks of a payment can arrive, each any number of times, at once, after the hold and after days; and with
//! any of them missing until a reconciliation: `cargo run --release -p affitor-tests --bin orders`. What is reported in the end must be
//! what the life says, to the cent.
//!
//! Sequences are not listed: equal states are merged. A state is what was delivered, the facts, what was reported, and which deadlines have
//! passed. Facts have `Eq` and the decision is pure, so merging is exact. Lives with up to four webhooks are also explored without
//! merging, and the final states are compared.
//!
//! The exit status is 1 if money is off and nothing says so.

#![allow(missing_docs, reason = "a binary")]

use std::{collections::BTreeSet, process::ExitCode, time::Instant};

use affitor_tests::orders::{Graph, Story, World, ends, explore, judge, stories};
use clap::Parser;
use shop_lives::Life;

#[derive(Debug, Parser)]
struct Arguments {
    /// Lives of each kind that a provider has, which differ in what happens in them
    #[arg(long, default_value_t = 20)]
    per_kind: usize,
    /// Webhooks of a graph, besides those that say nothing new. A life with more is explored payment by payment, and cut
    #[arg(long, default_value_t = 7)]
    webhooks: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let began = Instant::now();
    let (mut all, mut lives, mut graphs, mut listed) = (Graph::default(), 0, 0, 0);
    for stories in stories(arguments.per_kind) {
        let (name, mut sum) = (stories[0].name(), Graph::default());
        for life in stories.iter().map(Story::explored) {
            for world in World::of(&life, arguments.webhooks) {
                graphs += 1;
                listed += usize::from(compare(&world));
                let mut graph = judge(&world);
                graph.silent = graph.silent.iter().map(|difference| named(&name, &life, difference)).collect();
                sum += graph;
            }
        }
        lives += stories.len();
        println!("{name}: {} lives, {} states, {} edges", stories.len(), sum.states, sum.edges);
        all += sum;
    }
    for (rules, ends) in &all.doubts {
        println!("with a doubt, {rules}: {ends} states");
    }
    for difference in &all.silent {
        println!("SILENTLY OFF: {difference}");
    }
    println!(
        "{lives} lives in {graphs} graphs, {listed} of them also listed; {} states, {} edges; judged: {} with all webhooks, {} reconciled; \
         {} with a doubt, silently off {}, {:.1} s",
        all.states,
        all.edges,
        all.ends,
        all.reconciled,
        all.doubts.values().sum::<usize>(),
        all.silent.len(),
        began.elapsed().as_secs_f64()
    );
    if all.silent.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Compares the final states with those of all sequences, if these are few. Returns whether it did.
fn compare(world: &World) -> bool {
    if world.webhooks() > 4 {
        return false;
    }
    let mut merged = BTreeSet::new();
    explore(world, false, |state| {
        merged.insert(state.key());
    });
    assert_eq!(merged, ends(world), "merging is exact");
    true
}

fn named(kind: &str, life: &Life, difference: &str) -> String {
    format!("{kind} {:?}: {difference}", life.traits)
}
