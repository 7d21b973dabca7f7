//! The whole chain in one process: a sandbox of the service, the sign-up app, the checkout app, a payment provider, and a
//! visitor who goes through them over real sockets.

mod steps;
mod visitor;

use std::process::ExitCode;

use clap::Parser;
use demo::{Apps, BoxError, Options, Step};
use steps::Chain;

/// A visitor's click becomes a lead, a sale and a refund, and the pages are served until Ctrl-C.
#[derive(Debug, Parser)]
struct Arguments {
    /// Exit after the chain: 0 when it is complete, else 1
    #[arg(long)]
    once: bool,
    /// Print what the sandbox holds after the chain, as JSON (the steps go to standard error)
    #[arg(long)]
    json: bool,
    /// Give the app of this step a wrong key (for the click: a partner whom nobody knows)
    #[arg(long = "break", value_name = "STEP")]
    broken: Option<Step>,
    /// The port of the sign-up app; 0 for a free one
    #[arg(long, default_value_t = 3000)]
    signup_port: u16,
    /// The port of the checkout app; 0 for a free one
    #[arg(long, default_value_t = 3001)]
    checkout_port: u16,
    /// The port of the sandbox; 0 for a free one
    #[arg(long, default_value_t = 4010)]
    sandbox_port: u16,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
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
    let &Arguments { broken, signup_port, checkout_port, sandbox_port, .. } = arguments;
    let apps = Apps::start(Options { broken, signup_port, checkout_port, sandbox_port }).await?;
    let say = |line: &str| if arguments.json { eprintln!("{line}") } else { println!("{line}") };
    say(&format!("sandbox   {}   program 42, key test_key, partners PARTNER123 and abc123", apps.sandbox.url()));
    say(&format!("sign-up   {}   axum", apps.signup_url));
    say(&format!("checkout  {}   actix-web", apps.checkout_url));
    say("");

    let chain = Chain { apps: &apps, broken: arguments.broken, say: &say };
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
    if arguments.once {
        say(&last_line);
        return Ok(complete);
    }
    say(&last_line);
    say(&format!("\nGo through it yourself: {}/?aff=abc123 and {}/", apps.signup_url, apps.checkout_url));
    say(&format!("Watch it at {}/ (Ctrl-C ends)", apps.sandbox.url()));
    tokio::signal::ctrl_c().await?;
    Ok(complete)
}
