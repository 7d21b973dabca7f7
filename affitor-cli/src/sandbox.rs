//! `affitor sandbox`: the service on localhost.

use std::{io, path::PathBuf};

use affitor_sandbox::{Commission, FaultRule, LeadAuth, Readings, Sandbox};
use clap::{Args, ValueEnum};
use serde_json::json;

use crate::{
    ending::{Ending, Failure},
    output::{Output, SOFT, STRONG},
};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The port on 127.0.0.1; 0 for a free one
    #[arg(long, default_value_t = 4010)]
    port: u16,
    /// The program's id
    #[arg(long, default_value_t = 42)]
    program_id: u64,
    /// The program's key
    #[arg(long, default_value = "test_key", value_name = "KEY", value_parser = key)]
    api_key: Key,
    /// A partner, by the code of their link; may be given several times
    #[arg(long = "partner", value_name = "CODE", default_value = "PARTNER123", value_parser = code)]
    partners: Vec<String>,
    /// Who may report leads
    #[arg(long, value_enum, default_value_t = WhoseLeads::Open)]
    lead_auth: WhoseLeads,
    /// For how many days after a click a sale makes a commission
    #[arg(long, default_value_t = 60, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=365))]
    attribution_window_days: u32,
    /// For how many days the tracker's cookie lives
    #[arg(long, default_value_t = 90, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=365))]
    cookie_window_days: u32,
    /// What a sale pays: one-time:PERCENT, recurring:PERCENT:MONTHS, lifetime:PERCENT, or none
    #[arg(long, default_value = "lifetime:20", value_name = "POLICY", value_parser = commission)]
    commission: Policy,
    /// Keep what happens in this file, and start with what it holds
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// What goes wrong: FAULT[@CALL][:PROBABILITY or :COUNTx], such as error-after-write@sale:3x or latency=250ms:0.1;
    /// several with commas. Faults: latency=TIME, error-before-write, error-after-write, rate-limited=TIME,
    /// reset-before-write, reset-after-write, cut-answer, bad-gateway, stall
    #[arg(long, value_name = "RULES", value_delimiter = ',')]
    faults: Vec<FaultRule>,
    /// What the probabilities of faults are drawn from
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    seed: u64,
    /// How to read what the service's documents leave open, such as duplicate-sale=conflict; may be given several times.
    /// The others: repeated-lead=idempotent, unknown-lead=unattributed, expired-window=without-commission,
    /// window-start=first-click, second-refund=taken, reversal-status=absent
    #[arg(long = "reading", value_name = "NAME=VALUE")]
    readings: Vec<String>,
}

/// A key, which no `Debug` shows.
#[derive(Clone)]
struct Key(String);

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

fn key(text: &str) -> Result<Key, String> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a key is of visible ASCII characters, without white space".to_owned());
    }
    Ok(Key(text.to_owned()))
}

fn code(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("a partner's code can't be empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn commission(text: &str) -> Result<Policy, String> {
    if text == "none" { Ok(Policy(None)) } else { text.parse().map(|policy| Policy(Some(policy))) }
}

pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<Ending, Failure> {
    let mut readings = Readings::default();
    for switch in &arguments.readings {
        readings.set(switch).map_err(|why| Failure::usage(why, "`affitor sandbox --help` lists the readings"))?;
    }
    let mut builder = Sandbox::builder()
        .port(arguments.port)
        .program_id(arguments.program_id)
        .api_key(arguments.api_key.0)
        .lead_auth(match arguments.lead_auth {
            WhoseLeads::Open => LeadAuth::Open,
            WhoseLeads::ServerRequired => LeadAuth::ServerRequired,
        })
        .attribution_window_days(arguments.attribution_window_days)
        .cookie_window_days(arguments.cookie_window_days)
        .seed(arguments.seed)
        .readings(readings);
    builder = match arguments.commission.0 {
        Some(commission) => builder.commission(commission),
        None => builder.without_commission(),
    };
    for partner in &arguments.partners {
        builder = builder.partner(partner);
    }
    for rule in arguments.faults {
        builder = builder.fault(rule);
    }
    if let Some(file) = &arguments.data {
        builder = builder.data(file);
    }
    let sandbox = builder.start().await.map_err(|error| cannot_start(&error, arguments.port))?;
    say(&sandbox, &arguments.partners, output);
    ended().await.map_err(|error| Failure::usage(format!("signals can't be heard: {error}"), "try again"))?;
    Ok(Ending::Fine)
}

fn cannot_start(error: &io::Error, port: u16) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            Failure::usage(format!("port {port} is taken"), "choose another with --port, or 0 for a free one")
        }
        _ => Failure {
            ending: Ending::Usage,
            message: format!("the sandbox can't start: {error}"),
            mend: None,
            retry_after: None,
        },
    }
}

fn say(sandbox: &Sandbox, partners: &[String], output: Output) {
    let (url, id, key) = (sandbox.url(), sandbox.program_id(), sandbox.api_key());
    let click = sandbox.shop_url();
    output.document(&json!({
        "url": url,
        "api_key": key,
        "program_id": id,
        "partners": partners,
        "page_url": format!("{url}/"),
        "click_url": click,
    }));
    output.line(&format!("{STRONG}Affitor sandbox{STRONG:#}  {url}"));
    output.line("");
    output.line(&format!("  key      {key}"));
    output.line(&format!("  program  {id}, partners {}", partners.join(", ")));
    output.line(&format!("  look     {url}/"));
    output.line(&format!("  click    {click}"));
    output.line(&format!("  your app AFFITOR_API_URL={url} AFFITOR_API_KEY={key} AFFITOR_PROGRAM_ID={id}"));
    output.line("");
    output.line(&format!("{SOFT}Ctrl-C ends it.{SOFT:#}"));
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
