//! `affitor verify`: a synthetic chain, then readiness, until the integration is verified or something stands in the way.

use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use affitor::{Client, Readiness, TestChain, program::StepVerdict};
use clap::{Args, builder::RangedI64ValueParser};
use indicatif::ProgressBar;
use serde_json::json;

use crate::{
    connection::{Connection, Settings},
    ending::{Ending, Failure},
    gates,
    output::{Output, STRONG, Sign, cleaned},
    settings::SAME_PROGRAM,
};

/// How long to wait after a question that had no answer.
const POLL_SECONDS: u64 = 2;

pub(crate) const EXIT_CODES: &str = "Exit codes:
  0  the chain just run was attributed (--no-chain asks for none), and the integration is verified
  1  one of these is not so, or the key is for another program
  2 to 5 as `affitor --help` says";

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// Only ask for readiness: run no chain, of which there are ten an hour
    #[arg(long)]
    no_chain: bool,
    /// For how many seconds to ask
    #[arg(
        long,
        default_value_t = 60,
        value_name = "SECONDS",
        allow_negative_numbers = true,
        value_parser = RangedI64ValueParser::<u64>::new().range(1..=3600),
    )]
    timeout: u64,
}

pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Ending, Failure> {
    let settings = arguments.connection.settings();
    let client = settings.client()?;
    let progress = if output.json || !std::io::stderr().is_terminal() {
        ProgressBar::hidden()
    } else {
        ProgressBar::new_spinner()
    };
    progress.enable_steady_tick(Duration::from_millis(100));
    let asked = ask(&settings, &client, arguments, &progress).await;
    progress.finish_and_clear();
    let (chain, readiness) = asked?;
    let (chain, readiness) =
        (chain.map(|chain| cleaned(chain, settings.secret())), cleaned(readiness, settings.secret()));

    let attributed = chain.as_ref().is_none_or(|chain| chain.attributed);
    let verified = attributed && readiness.integration_verified;
    output.document(&json!({ "verified": verified, "chain": chain, "readiness": readiness }));
    if let Some(chain) = &chain {
        let TestChain { verdict, .. } = chain;
        let steps = format!("click {}, lead {}, sale {}", verdict.click, verdict.lead, verdict.sale);
        output.sign(sign(chain), &format!("chain: {steps}"));
        if sign(chain) == Sign::Unsure {
            output.mend("not yet decided: in a while, ask again with `affitor verify --no-chain`");
        }
    }
    gates::say(&readiness, output);
    let program = readiness.program_id.as_deref().unwrap_or("?");
    let state = &readiness.state;
    output.line(&if verified {
        format!("{STRONG}verified{STRONG:#}: program {program} is {state}")
    } else if readiness.integration_verified {
        format!("{STRONG}not verified{STRONG:#}: program {program} is {state}, but this chain was not attributed")
    } else {
        format!("{STRONG}not verified{STRONG:#}: program {program} is {state}, held up by {}", blocker(&readiness))
    });
    Ok(if verified { Ending::Fine } else { Ending::No })
}

fn sign(chain: &TestChain) -> Sign {
    let verdict = &chain.verdict;
    if chain.attributed {
        Sign::Good
    } else if [&verdict.click, &verdict.lead, &verdict.sale].contains(&&StepVerdict::Pending) {
        Sign::Unsure
    } else {
        Sign::Bad
    }
}

fn blocker(readiness: &Readiness) -> &str {
    readiness.blocker.as_ref().map_or("nothing that it names", |gate| gate.as_str())
}

async fn ask(
    settings: &Settings,
    client: &Client,
    arguments: &Arguments,
    progress: &ProgressBar,
) -> Result<(Option<TestChain>, Readiness), Failure> {
    if settings.program_id.is_some() {
        progress.set_message("asking which program the key is for");
        let readiness = client.readiness().await.map_err(|error| settings.explain(&error))?;
        if let Some(message) = settings.other_program(readiness.program_id.as_deref()) {
            return Err(Failure { ending: Ending::No, ..Failure::usage(message, SAME_PROGRAM) });
        }
    }
    let chain = if arguments.no_chain {
        None
    } else {
        progress.set_message("running a synthetic click, lead and sale");
        Some(client.run_test_chain().await.map_err(|error| no_chain(settings, &error))?)
    };
    progress.set_message("asking whether the integration is ready");
    let until = Instant::now() + Duration::from_secs(arguments.timeout);
    let mut asked = client.recheck_readiness().await;
    // Whoever has never answered is not waited for.
    let mut answered = chain.is_some() || settings.program_id.is_some();
    loop {
        let (wait, about) = match &asked {
            // What a setting blocks does not mend itself while one waits.
            Ok(readiness) if !readiness.integration_verified && gates::may_pass_by_itself(readiness) => {
                answered = true;
                let about = format!("{}, held up by {}", readiness.state, blocker(readiness));
                (readiness.poll.retry_after_seconds.clamp(1, 60), about)
            }
            Err(error) if answered && error.is_retryable() => {
                (error.retry_after().map_or(POLL_SECONDS, |wait| wait.as_secs().max(1)), "no answer".to_owned())
            }
            _ => break,
        };
        let wait = Duration::from_secs(wait);
        if Instant::now() + wait > until {
            break;
        }
        progress.set_message(format!("{about}; asking again in {} s", wait.as_secs()));
        tokio::time::sleep(wait).await;
        asked = client.readiness().await;
    }
    Ok((chain, asked.map_err(|error| settings.explain(&error))?))
}

/// Why no chain was run.
fn no_chain(settings: &Settings, error: &affitor::Error) -> Failure {
    let mut failure = settings.explain(error);
    if failure.ending == Ending::Later {
        failure.mend = Some("`affitor verify --no-chain` asks without a chain".to_owned());
    }
    failure
}
