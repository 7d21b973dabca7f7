//! The whole chain in one process: a sandbox of the service, the sign-up app, the checkout app, a payment provider, and a
//! visitor who goes through them over real sockets.

mod apps;
mod provider;
mod steps;
mod visitor;

use std::{io, process::ExitCode};

use apps::Apps;
use clap::{Parser, ValueEnum};
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

/// A step of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Step {
    Click,
    Lead,
    Sale,
    Refund,
}

impl Step {
    fn name(self) -> &'static str {
        match self {
            Self::Click => "click",
            Self::Lead => "lead",
            Self::Sale => "sale",
            Self::Refund => "refund",
        }
    }
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

type BoxError = Box<dyn std::error::Error + Send + Sync>;

async fn run(arguments: &Arguments) -> Result<bool, BoxError> {
    let apps = Apps::start(arguments).await?;
    let say = |line: &str| if arguments.json { eprintln!("{line}") } else { println!("{line}") };
    say(&format!("sandbox   {}   program 42, key test_key, partners PARTNER123 and abc123", apps.sandbox.url()));
    say(&format!("sign-up   {}   axum", apps.signup_url));
    say(&format!("checkout  {}   actix-web", apps.checkout_url));
    say("");

    let chain = Chain { apps: &apps, broken: arguments.broken, say: &say };
    let missing = chain.run().await?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&apps.sandbox.snapshot().await)?);
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
    say(&format!("\nGo through it yourself: {}/?aff=abc123 and {}/ (Ctrl-C ends)", apps.signup_url, apps.checkout_url));
    tokio::signal::ctrl_c().await?;
    Ok(complete)
}

/// Says whose port is taken, and how to choose another.
fn taken(app: &str, flag: &str, port: u16, error: &io::Error) -> BoxError {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} is taken, and the {app} wants it: choose another with {flag} (0 for a free one)")
                .into()
        }
        _ => format!("the {app} can't listen on port {port}: {error}").into(),
    }
}
