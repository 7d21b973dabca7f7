//! `affitor sandbox`: runs a sandbox of the service on localhost.

mod banner;
mod lines;

use std::{io, net::IpAddr, path::PathBuf};

use affitor_sandbox::{Commission, Fault, FaultRule, Interpretations, LeadAuth, Sandbox};
use clap::{Args, ValueEnum, builder::RangedI64ValueParser};

use crate::{
    exit::{Exit, ExitCodes},
    failure::Failure,
    output::Output,
    progress::Progress,
    signal,
};

pub(crate) const EXIT_CODES: ExitCodes =
    &[(Exit::Success, "Stopped by Ctrl-C or SIGTERM"), (Exit::Usage, Exit::Usage.meaning())];

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Port; 0 selects a free port
    #[arg(long, default_value_t = 4010, allow_negative_numbers = true)]
    port: u16,
    /// IP address to listen on; 0.0.0.0 for all
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDRESS")]
    bind: IpAddr,
    /// Host name, besides localhost, under which the page is available; may be given several times
    #[arg(long = "allow-host", value_name = "NAME")]
    allowed_hosts: Vec<String>,
    /// Program id
    #[arg(
        long,
        default_value_t = 42,
        value_name = "ID",
        allow_negative_numbers = true,
        value_parser = RangedI64ValueParser::<u64>::new().range(0..),
    )]
    program_id: u64,
    /// Program API key
    #[arg(
        long,
        default_value = "test_key",
        value_name = "KEY",
        env = "AFFITOR_SANDBOX_API_KEY",
        hide_env_values = true
    )]
    api_key: Key,
    /// Key of the Management API, with all scopes, for `affitor key rotate`
    #[arg(long, value_name = "KEY", env = "AFFITOR_SANDBOX_MANAGEMENT_KEY", hide_env_values = true)]
    management_key: Option<Key>,
    /// Link code of a partner; may be given several times
    #[arg(long = "partner", value_name = "CODE", default_value = "PARTNER123", value_parser = partner_code)]
    partners: Vec<String>,
    /// Who may report leads
    #[arg(long, value_enum, default_value_t = LeadAuthArg::Open)]
    lead_auth: LeadAuthArg,
    /// Days after a click in which a sale earns a commission
    #[arg(
        long,
        default_value_t = 60,
        value_name = "DAYS",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=365),
    )]
    attribution_window_days: u32,
    /// Lifetime of the tracker's cookie in days
    #[arg(
        long,
        default_value_t = 90,
        value_name = "DAYS",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=365),
    )]
    cookie_window_days: u32,
    /// Commission policy: one-time:RATE, recurring:RATE:MONTHS, lifetime:RATE, per-click, per-lead or none. RATE is a
    /// percentage such as 20, or an amount in cents such as 500c
    #[arg(long, default_value = "lifetime:20", value_name = "POLICY", value_parser = commission_policy)]
    commission: Policy,
    /// Save the sandbox's state to this file, and restore it at startup
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// Leave out the damaged lines of that file, in place of an error
    #[arg(long, requires = "data")]
    skip_damaged_lines: bool,
    /// Memory limit for all records in MiB; the oldest details and clicks are dropped first, but never sales
    #[arg(
        long,
        default_value_t = 512,
        value_name = "MIB",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=1024 * 1024),
    )]
    memory_limit: u32,
    /// Connect a Stripe account: the sandbox reads its webhooks, signed with this secret, at /webhooks/stripe/<program id>
    #[arg(long, value_name = "SECRET", env = "AFFITOR_SANDBOX_STRIPE_WEBHOOK_SECRET", hide_env_values = true)]
    stripe_webhook_secret: Option<Key>,
    /// Don't print a line per call
    #[arg(long)]
    quiet: bool,
    #[arg(long, value_name = "RULES", value_delimiter = ',', help = faults_help())]
    faults: Vec<FaultRule>,
    /// Seed of the random numbers for fault probabilities
    #[arg(long, default_value_t = 0, value_name = "NUMBER", allow_negative_numbers = true)]
    seed: u64,
    #[arg(long = "interpretation", value_name = "NAME=VALUE", help = interpretations_help())]
    interpretations: Vec<String>,
}

fn faults_help() -> String {
    let faults: Vec<_> =
        Fault::ALL.iter().map(|fault| format!("{}: {}", fault.syntax(), fault.description())).collect();
    format!(
        "Faults to inject: FAULT[@CALL][:PROBABILITY or :COUNTx], such as error-after-write@sale:3x or \
         latency=250ms:0.1; separate several with commas. Faults:\n  {}",
        faults.join("\n  ")
    )
}

fn interpretations_help() -> String {
    let switches: Vec<_> = Interpretations::switches().iter().map(ToString::to_string).collect();
    format!(
        "Interpretation of an ambiguity in the service's documents, such as duplicate-sale=conflict; may be given \
         several times. Names and values, defaults first: {}",
        switches.join(", ")
    )
}

/// An API key. `Debug` hides it. It is validated after argument parsing, because clap's errors show values.
#[derive(Clone)]
struct Key(String);

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

#[derive(Clone, Copy, Debug)]
struct Policy(Option<Commission>);

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LeadAuthArg {
    /// Browsers and servers
    Open,
    /// Servers; a lead from a browser is provisional until a server reports it too, or the customer pays
    ServerRequired,
}

impl Key {
    fn check(&self, flag: &str) -> Result<(), Failure> {
        if self.0.is_empty() || !self.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            let message = "a key consists of visible ASCII characters, without white space";
            return Err(Failure::usage(message, format!("use another {flag}")));
        }
        Ok(())
    }
}

fn partner_code(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("a partner code must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn commission_policy(text: &str) -> Result<Policy, String> {
    if text == "none" { Ok(Policy(None)) } else { text.parse().map(|policy| Policy(Some(policy))) }
}

pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<Exit, Failure> {
    init_logging();
    arguments.api_key.check("--api-key")?;
    if let Some(key) = &arguments.management_key {
        key.check("--management-key")?;
    }
    let mut interpretations = Interpretations::default();
    for switch in &arguments.interpretations {
        interpretations
            .set(switch)
            .map_err(|why| Failure::usage(why, "`affitor sandbox --help` lists the interpretations"))?;
    }
    let mut builder = Sandbox::builder()
        .ip(arguments.bind)
        .port(arguments.port)
        .memory_limit(arguments.memory_limit as usize * 1024 * 1024)
        .program_id(arguments.program_id)
        .api_key(&arguments.api_key.0)
        .lead_auth(match arguments.lead_auth {
            LeadAuthArg::Open => LeadAuth::Open,
            LeadAuthArg::ServerRequired => LeadAuth::ServerRequired,
        })
        .attribution_window_days(arguments.attribution_window_days)
        .cookie_window_days(arguments.cookie_window_days)
        .seed(arguments.seed)
        .interpretations(interpretations);
    builder = match arguments.commission.0 {
        Some(commission) => builder.commission(commission),
        None => builder.without_commission(),
    };
    for partner in &arguments.partners {
        builder = builder.partner(partner);
    }
    for rule in &arguments.faults {
        builder = builder.fault(*rule);
    }
    for host in &arguments.allowed_hosts {
        builder = builder.allow_host(host);
    }
    if let Some(key) = &arguments.management_key {
        builder = builder.management_key(&key.0);
    }
    if let Some(secret) = &arguments.stripe_webhook_secret {
        builder = builder.stripe_webhook_secret(&secret.0);
    }
    if let Some(file) = &arguments.data {
        builder = builder.data(file).skip_damaged_lines(arguments.skip_damaged_lines);
    }
    let loading = arguments.data.as_ref().map(|file| Progress::start(format!("reading {}", file.display()), output));
    let started = builder.start().await;
    drop(loading);
    let sandbox = started.map_err(|error| cannot_start(&error, &arguments))?;
    banner::print(&sandbox, &arguments, output);
    if arguments.quiet || output.json {
        signal::stop_requested().await?;
    } else {
        tokio::select! {
            stopped = signal::stop_requested() => stopped?,
            () = lines::print(&sandbox, output) => {}
        }
    }
    Ok(Exit::Success)
}

/// Prints the sandbox's warnings to standard error, for example if its file cannot be written.
fn init_logging() {
    let _ = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .try_init();
}

fn cannot_start(error: &io::Error, arguments: &Arguments) -> Failure {
    let text = error.to_string();
    // Errors about the file begin with its path.
    let data = arguments.data.as_ref().filter(|file| text.starts_with(&file.display().to_string()));
    let hint = match (error.kind(), data) {
        (io::ErrorKind::AddrNotAvailable, _) => {
            let message = format!("{} is not an address of this machine", arguments.bind);
            return Failure::usage(message, "choose another with --bind");
        }
        (io::ErrorKind::AddrInUse, _) => {
            let message = format!("port {} is already in use", arguments.port);
            return Failure::usage(message, "choose another with --port, or 0 for a free one");
        }
        (io::ErrorKind::InvalidData, Some(_)) if text.contains("other programs") => {
            "use the program and the partners that the file was written with; or move or delete the file, or choose \
             another with --data"
        }
        (io::ErrorKind::InvalidData, Some(_)) if text.contains("line 1:") => {
            "move or delete the file, or choose another with --data"
        }
        (io::ErrorKind::InvalidData, Some(_)) => {
            "leave the line out with --skip-damaged-lines; or move or delete the file, or choose another with --data"
        }
        (_, Some(_)) => "choose another file with --data",
        (io::ErrorKind::InvalidInput, None) if text.contains("key") => "use another --api-key",
        (io::ErrorKind::InvalidInput, None) if text.contains("webhook secret") => {
            "set --stripe-webhook-secret to the secret of the endpoint, whsec_…"
        }
        (io::ErrorKind::InvalidInput, None) if text.contains("host name") => "use another --allow-host",
        (io::ErrorKind::InvalidInput, None) => "use each --partner once",
        (_, None) => "choose another port with --port",
    };
    Failure::usage(format!("cannot start the sandbox: {text}"), hint)
}
