//! `affitor verify`: a synthetic chain, then readiness, until the integration is verified or something stands in the way.

use std::{
    io::IsTerminal as _,
    time::{Duration, Instant},
};

use affitor::{Client, Readiness, TestChain};
use clap::Args;
use indicatif::ProgressBar;
use serde_json::json;

use crate::{
    connection::Connection,
    ending::{Ending, Failure},
    gates,
    output::{Output, STRONG, Sign},
};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: Connection,
    /// Only ask for readiness: run no chain, of which there are ten an hour
    #[arg(long)]
    no_chain: bool,
    /// For how many seconds to ask
    #[arg(long, default_value_t = 60, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(..=3600))]
    timeout: u64,
}

pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Ending, Failure> {
    let client = arguments.connection.client()?;
    let progress = if output.json || !std::io::stderr().is_terminal() {
        ProgressBar::hidden()
    } else {
        ProgressBar::new_spinner()
    };
    progress.enable_steady_tick(Duration::from_millis(100));
    let verified = verify(&client, arguments, &progress).await;
    progress.finish_and_clear();
    let (chain, readiness) = verified?;

    output.document(&json!({
        "verified": readiness.integration_verified,
        "chain": chain,
        "readiness": readiness,
    }));
    if let Some(chain) = &chain {
        let sign = if chain.attributed { Sign::Good } else { Sign::Bad };
        let verdict = &chain.verdict;
        let steps = format!("click {}, lead {}, sale {}", verdict.click, verdict.lead, verdict.sale);
        output.sign(sign, &format!("chain: {steps}"));
    }
    gates::say(&readiness, output);
    let program = readiness.program_id.as_deref().unwrap_or("?");
    if readiness.integration_verified {
        output.line(&format!("{STRONG}verified{STRONG:#}: program {program} is {}", readiness.state));
        Ok(Ending::Fine)
    } else {
        let blocker = readiness.blocker.as_ref().map_or("nothing that it names", |gate| gate.as_str());
        output.line(&format!(
            "{STRONG}not verified{STRONG:#}: program {program} is {}, held up by {blocker}",
            readiness.state
        ));
        Ok(Ending::No)
    }
}

async fn verify(
    client: &Client,
    arguments: &Arguments,
    progress: &ProgressBar,
) -> Result<(Option<TestChain>, Readiness), Failure> {
    let chain = if arguments.no_chain {
        None
    } else {
        progress.set_message("running a synthetic click, lead and sale");
        Some(client.run_test_chain().await?)
    };
    progress.set_message("asking whether the integration is ready");
    let until = Instant::now() + Duration::from_secs(arguments.timeout);
    let mut readiness = client.recheck_readiness().await?;
    // What a setting blocks does not mend itself while one waits.
    while !readiness.integration_verified && gates::may_pass_by_itself(&readiness) {
        let wait = Duration::from_secs(readiness.poll.retry_after_seconds.clamp(1, 60));
        if Instant::now() + wait > until {
            break;
        }
        let blocker = readiness.blocker.as_ref().map_or("nothing that it names", |gate| gate.as_str());
        progress.set_message(format!(
            "{}, held up by {blocker}; asking again in {} s",
            readiness.state,
            wait.as_secs()
        ));
        tokio::time::sleep(wait).await;
        readiness = client.readiness().await?;
    }
    Ok((chain, readiness))
}
