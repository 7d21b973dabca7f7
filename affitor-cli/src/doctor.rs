//! `affitor doctor`: what is wrong with this environment, in the order in which a request meets it, each with the mend.

mod network;
mod settings;

use clap::Args;
use serde::Serialize;
use serde_json::json;

use crate::{
    connection::Connection,
    ending::{Ending, Failure},
    output::{Output, Sign},
};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    result: Sign,
    /// What was found.
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
    /// What a script is told.
    #[serde(skip)]
    ending: Ending,
}

impl Check {
    fn good(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, result: Sign::Good, found: found.into(), mend: None, ending: Ending::Fine }
    }

    fn bad(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { name, result: Sign::Bad, found: found.into(), mend: Some(mend.into()), ending: Ending::No }
    }

    /// Strange, and perhaps right.
    fn unsure(name: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { result: Sign::Unsure, ending: Ending::Fine, ..Self::bad(name, found, mend) }
    }

    fn skipped(name: &'static str, why: &str) -> Self {
        Self { name, result: Sign::Skipped, found: format!("not looked at: {why}"), mend: None, ending: Ending::Fine }
    }

    fn ending(self, ending: Ending) -> Self {
        Self { ending, ..self }
    }
}

pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Ending, Failure> {
    let connection = &arguments.connection;
    let mut checks = vec![settings::key(connection.api_key.as_deref())];
    let (check, url) = settings::url(&connection.api_url);
    checks.push(check);
    checks.push(settings::program_id(connection.program_id.as_deref()));
    checks.extend(settings::proxies());
    match url {
        Some(url) => checks.extend(network::checks(connection, &url).await),
        None => checks.push(Check::skipped("address", "the URL is wrong")),
    }

    let wrong = checks.iter().filter(|check| check.result == Sign::Bad).count();
    let ending = checks.iter().map(|check| check.ending).find(|ending| *ending != Ending::Fine).unwrap_or(Ending::Fine);
    output.document(&json!({ "healthy": wrong == 0, "checks": checks }));
    for check in &checks {
        output.sign(check.result, &format!("{:<9}{}", check.name, check.found));
        if let Some(mend) = &check.mend {
            output.mend(mend);
        }
    }
    output.line(match wrong {
        0 => "nothing is wrong",
        1 => "one thing is wrong",
        _ => "several things are wrong: mend the first one first",
    });
    Ok(ending)
}
