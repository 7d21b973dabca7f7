//! `affitor doctor`: what is wrong with this environment, in the order in which a request meets it, each with the mend.

mod network;

use clap::Args;
use serde_json::json;

use crate::{
    check::Check,
    connection::Connection,
    ending::{Ending, Failure},
    output::{Output, Sign},
};

pub(crate) const EXIT_CODES: &str = "Exit codes, of the first thing that is wrong:
  0  nothing is wrong (what has a ! may be right)
  1  the key is for another program, or the clock is wrong
  2  a setting is wrong
  3  the service can't be reached, fails, or is something else
  4  the service refuses the key
  5  the service asks to come back later: it could not be checked";

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
}

pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Ending, Failure> {
    let settings = arguments.connection.settings();
    let key = settings.check_key();
    // A key that can't be one is not sent to anybody.
    let usable = settings.key.as_ref().filter(|_| key.result != Sign::Bad);
    let mut checks = vec![key];
    let (check, url) = settings.check_url();
    checks.push(check);
    checks.push(settings.check_program_id());
    match url {
        Some(url) => checks.extend(network::checks(&settings, usable, &url).await),
        None => checks.push(Check::skipped("address", "the URL is wrong")),
    }

    let wrong = checks.iter().filter(|check| check.result == Sign::Bad).count();
    let ending = checks.iter().map(|check| check.ending).find(|ending| *ending != Ending::Fine).unwrap_or(Ending::Fine);
    output.document(&json!({ "healthy": ending == Ending::Fine, "checks": checks }));
    for check in &checks {
        output.sign(check.result, &format!("{:<9}{}", check.name, check.found));
        if let Some(mend) = &check.mend {
            output.mend(mend);
        }
    }
    output.line(match (wrong, ending) {
        (0, Ending::Fine) => "nothing is wrong",
        (0, _) => "nothing wrong was found, and not all could be checked",
        (1, _) => "one thing is wrong",
        _ => "several things are wrong: mend the first one first",
    });
    Ok(ending)
}
