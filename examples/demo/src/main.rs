//! From click to refund in one process: a sandbox of the service, the sign-up app, the checkout app, a payment provider, and a
//! visitor who uses them over real sockets.

mod steps;
mod visitor;

use std::process::ExitCode;

use clap::Parser;
use demo::{Apps, BoxError, Options, Step};
use steps::Chain;
use tracing_subscriber::EnvFilter;

/// Turns a visitor's click into a lead, a sale and a refund, then serves the pages until Ctrl-C.
#[derive(Debug, Parser)]
struct Arguments {
    /// Exit after the chain, with status 0 if it is complete and 1 if it is not
    #[arg(long)]
    once: bool,
    /// Print the sandbox's state after the chain as JSON, and the steps to standard error
    #[arg(long)]
    json: bool,
    /// Break this step: its app gets a wrong API key (for the click: an unknown partner code)
    #[arg(long = "break", value_name = "STEP")]
    broken: Option<Step>,
    /// Report clicks from the server of the sign-up app, as for a visitor without scripts
    #[arg(long)]
    capture: bool,
    /// Port of the sign-up app; 0 for any free port
    #[arg(long, default_value_t = 3000)]
    signup_port: u16,
    /// Port of the checkout app; 0 for any free port
    #[arg(long, default_value_t = 3001)]
    checkout_port: u16,
    /// Port of the sandbox; 0 for any free port
    #[arg(long, default_value_t = 4010)]
    sandbox_port: u16,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or("error".into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run(&arguments).await {
        Ok(complete) if complete || !arguments.once => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<bool, BoxError> {
    let &Arguments { broken, signup_port, checkout_port, sandbox_port, capture, .. } = arguments;
    let apps = Apps::start(Options { broken, signup_port, checkout_port, sandbox_port, captures: capture }).await?;
    let print = |line: &str| if arguments.json { eprintln!("{line}") } else { println!("{line}") };
    print(&format!("sandbox   {}   program 42, key test_key, partners PARTNER123 and abc123", apps.sandbox.url()));
    print(&format!("sign-up   {}   axum", apps.signup_url));
    print(&format!("checkout  {}   actix-web", apps.checkout_url));
    print("");

    let chain = Chain { apps: &apps, broken: arguments.broken, print: &print };
    let missing = chain.run().await?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&apps.sandbox.snapshot())?);
    }
    let complete = missing.is_empty();
    let last_line = if complete {
        "chain complete: click lead sale refund".to_owned()
    } else {
        let missing: Vec<_> = missing.into_iter().map(Step::name).collect();
        format!("chain incomplete: missing {}", missing.join(" "))
    };
    print(&last_line);
    if arguments.once {
        return Ok(complete);
    }
    print(&format!("\nTry it yourself: {}/?aff=abc123 and {}/", apps.signup_url, apps.checkout_url));
    print(&format!("Watch the events at {}/ (Ctrl-C to stop)", apps.sandbox.url()));
    tokio::signal::ctrl_c().await?;
    Ok(complete)
}
