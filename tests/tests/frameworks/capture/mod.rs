//! One table about capturing clicks on the server, with the same expectations for axum and actix-web, over real sockets. Prints the
//! number of rows.

mod apps;
mod flood;
mod row;
mod rows;
mod run;
mod visit;

use std::io::{self, Write as _};

use apps::Framework;

/// Over 10 s: 157 rows in two frameworks, of which some wait for a budget.
#[tokio::test(flavor = "multi_thread")]
async fn every_row_in_both_frameworks() {
    let rows = rows::all();
    let mut failures = Vec::new();
    for framework in [Framework::Axum, Framework::Actix] {
        for row in &rows {
            let case = format!("{framework:?}, {}: {}", row.category, row.name);
            if row.only.is_some_and(|only| only != framework) {
                continue;
            }
            if let Err(failure) = run::run(framework, row).await {
                failures.push(format!("{case}: {failure}"));
            }
        }
    }
    let mut categories: Vec<&str> = rows.iter().map(|row| row.category).collect();
    categories.dedup();
    let counts = categories.iter().map(|category| {
        let count = rows.iter().filter(|row| row.category == *category).count();
        format!("{category} {count}")
    });
    writeln!(io::stderr(), "{} rows: {}", rows.len(), counts.collect::<Vec<_>>().join(", ")).unwrap();
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn names_are_unique() {
    let mut names: Vec<_> = rows::all().iter().map(|row| (row.category, row.name)).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    assert!(count >= 60);
}
