//! `affitor sandbox`: the service on localhost.

mod banner;

use std::{io, path::PathBuf};

use affitor_sandbox::{Commission, Fault, FaultRule, Interpretations, LeadAuth, Sandbox};
use clap::{Args, ValueEnum, builder::RangedI64ValueParser};

use crate::{
    ending::{Ending, Failure},
    output::Output,
};

pub(crate) const EXIT_CODES: &str = "Exit codes:
  0  it ran until Ctrl-C
  2  wrong arguments, or a port or file that can't be had";

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The port on 127.0.0.1; 0 for a free one
    #[arg(long, default_value_t = 4010, allow_negative_numbers = true)]
    port: u16,
    /// The program's id
    #[arg(
        long,
        default_value_t = 42,
        value_name = "ID",
        allow_negative_numbers = true,
        value_parser = RangedI64ValueParser::<u64>::new().range(0..),
    )]
    program_id: u64,
    /// The program's key
    #[arg(long, default_value = "test_key", value_name = "KEY")]
    api_key: Key,
    /// A partner, by the code of their link; may be given several times
    #[arg(long = "partner", value_name = "CODE", default_value = "PARTNER123", value_parser = code)]
    partners: Vec<String>,
    /// Who may report leads
    #[arg(long, value_enum, default_value_t = WhoseLeads::Open)]
    lead_auth: WhoseLeads,
    /// For how many days after a click a sale makes a commission
    #[arg(
        long,
        default_value_t = 60,
        value_name = "DAYS",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=365),
    )]
    attribution_window_days: u32,
    /// For how many days the tracker's cookie lives
    #[arg(
        long,
        default_value_t = 90,
        value_name = "DAYS",
        allow_negative_numbers = true,
        value_parser = clap::value_parser!(u32).range(1..=365),
    )]
    cookie_window_days: u32,
    /// What a sale pays: one-time:PERCENT, recurring:PERCENT:MONTHS, lifetime:PERCENT, or none
    #[arg(long, default_value = "lifetime:20", value_name = "POLICY", value_parser = commission)]
    commission: Policy,
    /// Keep what happens in this file, and start with what it holds
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    #[arg(long, value_name = "RULES", value_delimiter = ',', help = faults_help())]
    faults: Vec<FaultRule>,
    /// What the probabilities of faults are drawn from
    #[arg(long, default_value_t = 0, value_name = "NUMBER", allow_negative_numbers = true)]
    seed: u64,
    #[arg(long = "interpretation", value_name = "NAME=VALUE", help = interpretations_help())]
    interpretations: Vec<String>,
}

fn faults_help() -> String {
    let faults: Vec<_> = Fault::ALL.iter().map(Fault::syntax).collect();
    format!(
        "Faults to inject: FAULT[@CALL][:PROBABILITY or :COUNTx], such as error-after-write@sale:3x or \
         latency=250ms:0.1; separate several with commas. Faults: {}",
        faults.join(", ")
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

/// A key, which no `Debug` shows. It is looked at after the arguments are read, since their errors show values.
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
enum WhoseLeads {
    /// Browsers' and servers'
    Open,
    /// A browser's lead is provisional until a server's comes
    ServerRequired,
}

impl Key {
    fn check(&self) -> Result<(), Failure> {
        if self.0.is_empty() || !self.0.bytes().all(|byte| byte.is_ascii_graphic()) {
            let why = "a key is of visible ASCII characters, without white space";
            return Err(Failure::usage(why, "give another --api-key"));
        }
        Ok(())
    }
}

fn code(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("a partner's code can't be empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn commission(text: &str) -> Result<Policy, String> {
    if text == "none" { Ok(Policy(None)) } else { text.parse().map(|policy| Policy(Some(policy))) }
}

pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<Ending, Failure> {
    log();
    arguments.api_key.check()?;
    let mut interpretations = Interpretations::default();
    for switch in &arguments.interpretations {
        interpretations
            .set(switch)
            .map_err(|why| Failure::usage(why, "`affitor sandbox --help` lists the interpretations"))?;
    }
    let mut builder = Sandbox::builder()
        .port(arguments.port)
        .program_id(arguments.program_id)
        .api_key(&arguments.api_key.0)
        .lead_auth(match arguments.lead_auth {
            WhoseLeads::Open => LeadAuth::Open,
            WhoseLeads::ServerRequired => LeadAuth::ServerRequired,
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
    if let Some(file) = &arguments.data {
        builder = builder.data(file);
    }
    let sandbox = builder.start().await.map_err(|error| cannot_start(&error, &arguments))?;
    banner::say(&sandbox, &arguments, output).await;
    ended().await.map_err(|error| Failure::usage(format!("signals can't be heard: {error}"), "try again"))?;
    Ok(Ending::Fine)
}

/// What the sandbox warns of, such as a file that can't be written, goes to standard error.
fn log() {
    let _ = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .try_init();
}

fn cannot_start(error: &io::Error, arguments: &Arguments) -> Failure {
    let text = error.to_string();
    // What is wrong with the file begins with its path.
    let data = arguments.data.as_ref().filter(|file| text.starts_with(&file.display().to_string()));
    let mend = match (error.kind(), data) {
        (io::ErrorKind::AddrInUse, _) => {
            let message = format!("port {} is taken", arguments.port);
            return Failure::usage(message, "choose another with --port, or 0 for a free one");
        }
        (io::ErrorKind::InvalidData, Some(_)) if text.contains("other programs") => {
            "start it with the program and the partners that the file was written with; or move or delete the file, or \
             choose another with --data"
        }
        (io::ErrorKind::InvalidData, Some(_)) => "move or delete the file, or choose another with --data",
        (_, Some(_)) => "choose another file with --data",
        (io::ErrorKind::InvalidInput, None) => "give each --partner once",
        (_, None) => "choose another port with --port",
    };
    Failure::usage(format!("the sandbox can't start: {text}"), mend)
}

/// Until Ctrl-C, or the word of whoever started it.
async fn ended() -> io::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut asked = signal(SignalKind::terminate())?;
        tokio::select! {
            ended = tokio::signal::ctrl_c() => ended,
            _ = asked.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
