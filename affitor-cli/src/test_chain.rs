//! `affitor test chain`: runs a test chain, then queries readiness until the integration is verified or blocked.

use std::time::{Duration, Instant};

use affitor::{Client, Readiness, TestChain, program::StepVerdict};
use clap::{Args, builder::RangedI64ValueParser};
use serde_json::json;

use crate::{
    check::CheckStatus,
    exit::{self, Exit, ExitCodes},
    failure::Failure,
    gates,
    output::{BOLD, Output},
    progress::Progress,
    sanitize::sanitized,
    settings::{ConnectionArgs, SAME_PROGRAM_HINT, Settings},
};

/// Delay before the next query after one that failed, unless the service names a delay.
const RETRY_SECONDS: u64 = 2;

pub(crate) const EXIT_CODES: ExitCodes = &exit::codes(
    "The integration is verified, and the test chain was attributed (unless --no-run)",
    "The integration is not verified, the chain was not attributed, or the key belongs to another program",
);

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Only query readiness; run no test chain (limited to ten per hour)
    #[arg(long)]
    no_run: bool,
    /// Maximum time to wait for verification, in seconds
    #[arg(
        long,
        default_value_t = 60,
        value_name = "SECONDS",
        allow_negative_numbers = true,
        value_parser = RangedI64ValueParser::<u64>::new().range(1..=3600),
    )]
    timeout: u64,
}

pub(crate) async fn run(arguments: &Arguments, output: Output) -> Result<Exit, Failure> {
    let settings = arguments.connection.settings();
    let client = settings.client()?;
    let progress = Progress::start("connecting", output);
    let result = verify(&settings, &client, arguments, &progress).await;
    drop(progress);
    let (chain, readiness) = result?;
    let chain = chain.map(|chain| sanitized(chain, settings.secret()));
    let readiness = sanitized(readiness, settings.secret());

    let attributed = chain.as_ref().is_none_or(|chain| chain.attributed);
    let verified = attributed && readiness.integration_verified;
    output.document(&json!({ "verified": verified, "chain": chain, "readiness": readiness }));
    if let Some(chain) = &chain {
        let TestChain { verdict, .. } = chain;
        let steps = format!("click {}, lead {}, sale {}", verdict.click, verdict.lead, verdict.sale);
        output.status(chain_status(chain), &format!("chain: {steps}"));
        if chain_status(chain) == CheckStatus::Warning {
            output.hint("still pending: run `affitor test chain --no-run` in a while");
        }
    }
    gates::print(&readiness, output);
    let program = readiness.program_id.as_deref().unwrap_or("?");
    let state = &readiness.state;
    output.line(&if verified {
        format!("{BOLD}verified{BOLD:#}: program {program} is {state}")
    } else if readiness.integration_verified {
        format!("{BOLD}not verified{BOLD:#}: program {program} is {state}, but this chain was not attributed")
    } else {
        format!("{BOLD}not verified{BOLD:#}: program {program} is {state}, blocked by {}", blocker(&readiness))
    });
    Ok(if verified { Exit::Success } else { Exit::Failed })
}

fn chain_status(chain: &TestChain) -> CheckStatus {
    let verdict = &chain.verdict;
    if chain.attributed {
        CheckStatus::Passed
    } else if [&verdict.click, &verdict.lead, &verdict.sale].contains(&&StepVerdict::Pending) {
        CheckStatus::Warning
    } else {
        CheckStatus::Failed
    }
}

fn blocker(readiness: &Readiness) -> &str {
    readiness.blocker.as_ref().map_or("an unnamed gate", |gate| gate.as_str())
}

async fn verify(
    settings: &Settings,
    client: &Client,
    arguments: &Arguments,
    progress: &Progress,
) -> Result<(Option<TestChain>, Readiness), Failure> {
    if settings.program_id.is_some() {
        progress.set("checking which program the key belongs to");
        let readiness = client.readiness().await.map_err(|error| settings.failure(&error))?;
        if let Some(message) = settings.program_mismatch(readiness.program_id.as_deref()) {
            return Err(Failure::new(Exit::Failed, message, SAME_PROGRAM_HINT));
        }
    }
    let chain = if arguments.no_run {
        None
    } else {
        progress.set("running a synthetic click, lead and sale");
        Some(client.run_test_chain().await.map_err(|error| chain_failure(settings, &error))?)
    };
    let service_has_responded = chain.is_some() || settings.program_id.is_some();
    let readiness = poll_readiness(client, service_has_responded, arguments.timeout, progress).await;
    Ok((chain, readiness.map_err(|error| settings.failure(&error))?))
}

/// Queries readiness until the integration is verified, a setting blocks it, or the timeout has passed. Errors are
/// retried only if the service has responded before.
async fn poll_readiness(
    client: &Client,
    mut has_responded: bool,
    timeout_seconds: u64,
    progress: &Progress,
) -> Result<Readiness, affitor::Error> {
    progress.set("querying readiness");
    let deadline = Instant::now() + Duration::from_secs(timeout_seconds);
    let mut result = client.recheck_readiness().await;
    loop {
        let (wait, state) = match &result {
            Ok(readiness) if !readiness.integration_verified && gates::may_pass_without_changes(readiness) => {
                has_responded = true;
                let state = format!("{}, blocked by {}", readiness.state, blocker(readiness));
                (readiness.poll.retry_after_seconds.clamp(1, 60), state)
            }
            Err(error) if has_responded && error.is_retryable() => {
                (error.retry_after().map_or(RETRY_SECONDS, |wait| wait.as_secs().max(1)), "no response".to_owned())
            }
            _ => return result,
        };
        let wait = Duration::from_secs(wait);
        if wait > deadline.saturating_duration_since(Instant::now()) {
            return result;
        }
        progress.set(format!("{state}; next query in {} s", wait.as_secs()));
        tokio::time::sleep(wait).await;
        result = client.readiness().await;
    }
}

fn chain_failure(settings: &Settings, error: &affitor::Error) -> Failure {
    let mut failure = settings.failure(error);
    if failure.exit == Exit::RetryLater {
        failure.hint = Some("`affitor test chain --no-run` queries readiness without a chain".to_owned());
    }
    failure
}
