//! Instructions and allocations that the layers add to a bare request.

mod actix;
mod axum;
pub(crate) use self::axum::Identity;
pub(crate) mod request;

use std::{env, error::Error, process::Command};

use crate::{
    callgrind,
    measure::{self, Case},
};

/// A row of the report.
struct Row {
    service: &'static str,
    request: &'static str,
    /// Maximum number of added instructions, and of added allocations if they have a target.
    target: Option<(f64, Option<f64>)>,
}

const fn row(service: &'static str, request: &'static str) -> Row {
    Row { service, request, target: None }
}

const fn within(service: &'static str, request: &'static str, instructions: f64, allocations: Option<f64>) -> Row {
    Row { service, request, target: Some((instructions, allocations)) }
}

/// Groups of rows, each with the bare service that its rows are compared with.
#[rustfmt::skip]
const GROUPS: &[(&str, &[Row])] = &[
    ("axum-bare", &[
        row("axum-identity-router", "hit"),
        row("axum-from-fn-outer", "hit"), row("axum-from-fn-outer", "miss"), row("axum-from-fn-outer", "none"),
        row("axum-from-fn-router", "hit"), row("axum-from-fn-router", "miss"), row("axum-from-fn-router", "none"),
        row("axum-cookie-jar-outer", "hit"), row("axum-cookie-jar-outer", "miss"), row("axum-cookie-jar-outer", "none"),
        row("axum-tower-cookies-outer", "hit"), row("axum-tower-cookies-outer", "miss"), row("axum-tower-cookies-outer", "none"),
        within("axum-click-id-outer", "hit", 1_800.0, Some(2.0)), within("axum-click-id-outer", "miss", 700.0, Some(0.0)),
        within("axum-click-id-outer", "none", 300.0, Some(0.0)), within("axum-click-id-outer", "header", 1_100.0, Some(2.0)),
        within("axum-click-id-router", "hit", 1_800.0 + 1_250.0, Some(6.0)), within("axum-click-id-router", "miss", 700.0 + 1_250.0, Some(4.0)),
        within("axum-click-id-router", "none", 300.0 + 1_250.0, Some(4.0)), within("axum-click-id-router", "header", 1_100.0 + 1_250.0, Some(6.0)),
        within("axum-affitor-outer", "hit", 1_950.0, Some(2.0)), within("axum-affitor-outer", "miss", 1_500.0, Some(2.0)),
        within("axum-affitor-outer", "none", 1_100.0, Some(2.0)), row("axum-affitor-outer", "header"),
        within("axum-affitor-router", "hit", 1_950.0 + 1_250.0, Some(6.0)), within("axum-affitor-router", "miss", 1_500.0 + 1_250.0, Some(6.0)),
        within("axum-affitor-router", "none", 1_100.0 + 1_250.0, Some(6.0)), row("axum-affitor-router", "header"),
    ]),
    ("axum-bytes", &[
        within("axum-bytes-affitor-outer", "json-absent", 3_200.0, None),
        within("axum-bytes-affitor-outer", "json-hit", 42_000.0, None),
        row("axum-bytes-click-id-outer", "json-absent"), row("axum-bytes-click-id-outer", "json-hit"),
        row("axum-bytes-affitor-router", "json-absent"), row("axum-bytes-affitor-router", "json-hit"),
        row("axum-json", "json-hit"),
    ]),
    ("actix-bare", &[
        row("actix-identity", "hit"),
        row("actix-cookie", "hit"), row("actix-cookie", "miss"), row("actix-cookie", "none"),
        within("actix-affitor", "hit", 1_700.0, None), within("actix-affitor", "miss", 1_300.0, None),
        within("actix-affitor", "none", 900.0, None), row("actix-affitor", "header"),
    ]),
];

/// Cost of one request.
#[derive(Clone, Copy, Debug, Default)]
struct Cost {
    instructions: f64,
    allocations: f64,
}

/// Runs a case twice, each time in a child process: once without callgrind, to count allocations, and once under callgrind.
fn cost(case: &str) -> Result<Cost, Box<dyn Error>> {
    let output = Command::new(env::current_exe()?).args(["layer", "--case", case]).output()?;
    let allocations = String::from_utf8_lossy(&output.stdout).trim().parse();
    let allocations = allocations.map_err(|_| format!("case {case}: {}", String::from_utf8_lossy(&output.stderr)))?;
    Ok(Cost { instructions: callgrind::instructions("layer", case)?, allocations })
}

/// Measures all cases and prints a table.
pub(crate) fn report() -> Result<(), Box<dyn Error>> {
    println!("Instructions and allocations added to a bare request (the bare request itself has its own row).\n");
    println!("| service | request | instructions | allocations | target | |");
    println!("|---|---|--:|--:|--:|---|");
    let mut missed = Vec::new();
    for (bare, rows) in GROUPS {
        let mut bare_costs: Vec<(&str, Cost)> = Vec::new();
        for row in *rows {
            if !bare_costs.iter().any(|(request, _)| *request == row.request) {
                let cost = cost(&format!("{bare}:{}", row.request))?;
                println!("| {bare} | {} | {:.0} | {} | | |", row.request, cost.instructions, cost.allocations);
                bare_costs.push((row.request, cost));
            }
        }
        for row in *rows {
            let cost = cost(&format!("{}:{}", row.service, row.request))?;
            let bare_cost = bare_costs.iter().find(|(request, _)| *request == row.request).map(|(_, cost)| *cost);
            let bare_cost = bare_cost.unwrap_or_default();
            let instructions = cost.instructions - bare_cost.instructions;
            let allocations = cost.allocations - bare_cost.allocations;
            let (target, verdict) = match row.target {
                None => (String::new(), ""),
                Some((max, max_allocations)) => {
                    let met = instructions <= max && max_allocations.is_none_or(|max| allocations <= max);
                    if !met {
                        missed.push(format!("{} {}", row.service, row.request));
                    }
                    let allocations = max_allocations.map_or(String::new(), |max| format!(" / {max}"));
                    (format!("{max:.0}{allocations}"), if met { "met" } else { "MISSED" })
                }
            };
            println!(
                "| {} | {} | +{instructions:.0} | +{allocations} | {target} | {verdict} |",
                row.service, row.request
            );
        }
    }
    if missed.is_empty() {
        println!("\nAll targets are met.");
    } else {
        println!("\n{} targets are missed: {}", missed.len(), missed.join(", "));
    }
    Ok(())
}

/// Runs one case, `service:request`.
pub(crate) fn run_case(name: &str) -> Result<(), Box<dyn Error>> {
    let unknown = || format!("unknown case: {name}");
    let (service, request) = name.split_once(':').ok_or_else(unknown)?;
    let kind = request::Kind::named(request).ok_or_else(unknown)?;
    if service.starts_with("actix") {
        return actix::run(service, kind);
    }
    let mut case: Box<dyn Case> = axum::case(service, kind).ok_or_else(unknown)?;
    // Some services require a runtime, although none of them waits.
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let _entered = runtime.enter();
    println!("{}", measure::run(&mut *case));
    Ok(())
}
