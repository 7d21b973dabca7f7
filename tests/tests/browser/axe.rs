//! Accessibility checks of a page with axe.

use std::{
    env, fs,
    io::{self, Write as _},
};

use serde_json::Value;

use super::Chromium;

/// Returns the script of axe. Returns `None`, and prints a warning, if it is missing.
pub(crate) fn script() -> Option<String> {
    match env::var("AXE").map(fs::read_to_string) {
        Ok(Ok(script)) => Some(script),
        missing if env::var_os("AFFITOR_TESTS_FORBID_SKIP").is_none() => {
            writeln!(&mut io::stderr(), "SKIPPED: axe: {missing:?}").unwrap();
            None
        }
        missing => panic!("AXE must be the path of axe.min.js: {missing:?}"),
    }
}

/// Returns the violations in the page, one line each, and the number of rules that passed.
pub(crate) async fn violations(browser: &Chromium, script: &str) -> (Vec<String>, usize) {
    browser.page.execute(script, vec![]).await.unwrap();
    let run = "const done = arguments[0]; axe.run().then((result) => done({ passes: result.passes.length, violations: \
               result.violations.map((found) => `${found.id}: ${found.help}: ${found.nodes.map((node) => \
               node.html).join(' | ')}`) }));";
    let result = browser.page.execute_async(run, vec![]).await.unwrap();
    let lines = result["violations"].as_array().unwrap().iter().map(Value::to_string).collect();
    (lines, usize::try_from(result["passes"].as_u64().unwrap()).unwrap())
}
