//! `affitor prove`: proves on the app's own routes that clicks, sign-ups and payments reach Affitor. The service is a sandbox.
//!
//! `affitor prove` looks only from outside: at responses, at what the sandbox and the stand-in of Stripe's API receive, and at the
//! text of the extractors' rejection, which therefore tells whether the app has a layer at all. A cause is reported instead of its
//! consequences, so after a finding the checks that depend on it are not made. Webhooks are built from what the app's checkout sent,
//! so that missing metadata is missing there too. Three things keep events from the real service: the key that the app gets exists
//! only in this sandbox; the app's HTTPS connections go through a proxy that refuses `affitor.com`; and an app that is already
//! running is left alone until it has called the sandbox with that key.

mod app;
mod browser_landing;
mod cause;
mod checkout;
mod chromium;
pub(crate) mod config;
mod crash;
mod customer_key;
mod deliver;
mod explain;
mod finding;
mod guard;
mod landing;
mod last_click;
mod layer;
mod lead;
mod manual;
mod names;
mod oidc;
mod outage;
mod payments;
mod process;
mod purchase;
mod refund;
mod renewal;
mod report;
mod reporter;
mod rewritten;
mod sale;
mod scripted;
mod second_payment;
mod settings;
mod shown;
mod sign_up;
mod stand_in;
mod start;
mod stripe_api;
mod template;
mod visitor;
mod watch;

use std::{
    collections::HashSet,
    ffi::OsString,
    io::{self, Write as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use affitor_payments::StripeReporter;
use affitor_sandbox::{Interpretations, RequestRecord, Sandbox, SecondRefund};
use clap::Args;
use reqwest::Url;

use self::{
    app::App, chromium::Chromium, config::Config, finding::FindingId, guard::Guard, purchase::Purchase, report::Report,
    stand_in::Server, stripe_api::StripeApi,
};
use crate::{
    exit::{Exit, ExitCodes},
    failure::Failure,
    output::Output,
    provider::PaymentProvider,
    signal,
};

pub(crate) const EXIT_CODES: ExitCodes = &[
    (Exit::Success, "Proved: no problem found"),
    (Exit::Failed, "A problem was found"),
    (Exit::Usage, "Invalid settings, or the app was refused because it uses a service other than the sandbox"),
    (Exit::RetryLater, "No problem found, but events that the app has accepted have not arrived yet"),
];

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[arg(long, value_name = "FILE", help = format!("File that describes the app's routes [default: {}]", config::FILE))]
    config: Option<PathBuf>,
    /// URL of the app, on this machine, in place of `app.url`; `{port}` stands for a free port
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// Sign up yourself, in your browser, while the command watches
    #[arg(long)]
    manual: bool,
    /// Open the landing page in a headless Chromium, with scripts; also sign up there if a script reports the lead
    #[arg(long)]
    browser: bool,
    /// Time to wait for an event, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=3600))]
    wait: u64,
    /// Seconds to wait until the app listens, including the time to build it
    #[arg(long, value_name = "SECONDS", default_value_t = 900, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    start_timeout: u64,
    /// Explain a finding, and do nothing else
    #[arg(long, value_name = "FINDING", hide_possible_values = true)]
    explain: Option<FindingId>,
    /// Leave out the outages of the service and the crash of the app, which take most of the time
    #[arg(long)]
    quick: bool,
    /// Length of an outage, in milliseconds: for tests
    #[arg(long, hide = true)]
    outage: Option<u64>,
    /// Port of the sandbox if the app is already running; 0 selects a free port
    #[arg(long, value_name = "PORT", default_value_t = 4010)]
    sandbox_port: u16,
    /// Command that starts the app. Default: `app.start` in affitor.toml. If there is neither, start the app yourself, with the environment
    /// variables that are printed
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// How the client marks its product if it has no TLS.
const NO_TLS: &str = " (no TLS)";

/// Time after which nothing more is expected of an app that sends events at once.
const SETTLE: Duration = Duration::from_secs(2);

/// Link code of the first partner.
const PARTNER: &str = "PARTNER123";

/// A proof in progress.
struct Proof {
    config: Config,
    url: Url,
    sandbox: Arc<Sandbox>,
    stripe: Option<StripeApi>,
    identity: Option<Server>,
    guard: Option<Guard>,
    app: Option<App>,
    /// The webhook secret that the app has.
    secret: Option<String>,
    /// Who is to report Stripe's payments.
    reporter: StripeReporter,
    /// Name and value of the variable for the app's port.
    port: Option<(String, String)>,
    /// Payments that the buyer has begun, for after the app is started again.
    begun: Vec<Purchase>,
    /// Whether leads, and sales, survive an outage of the service.
    keeps_leads: bool,
    keeps_sales: bool,
    /// How long the service is stopped. `None` if that is not checked.
    outage: Option<Duration>,
    /// Customer keys that have been reported.
    customers: HashSet<String>,
    /// Click ids whose leads have arrived: another visitor's lead must not have them.
    credited: HashSet<String>,
    report: Report,
    wait: Duration,
    start_timeout: Duration,
    is_manual: bool,
    use_browser: bool,
    /// The browser that has landed.
    chromium: Option<Chromium>,
    /// Whether the app was started once more.
    is_second_start: bool,
}

/// Why a proof ends early.
enum Stop {
    /// The report contains the reason.
    Reported,
    /// The app uses another service than the sandbox, so it must not be driven. The report says so.
    Refused,
    Failure(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

pub(crate) async fn run(arguments: Arguments, output: Output) -> Result<Exit, Failure> {
    if let Some(finding) = arguments.explain {
        return Ok(explain::explain(finding, output));
    }
    let config = arguments.config()?;
    let command = match (&arguments.command[..], &config.app.start) {
        ([], Some(start)) => start.iter().map(OsString::from).collect(),
        (command, _) => command.to_vec(),
    };
    let mut proof = Proof::prepare(&arguments, config, command.is_empty(), output).await?;
    let result = tokio::select! {
        stopped = signal::stop_requested() => Err(stopped.map_or_else(Stop::Failure, |()| interrupted())),
        result = proof.run(&command) => result,
    };
    if let Some(app) = proof.app.take() {
        app.stop().await;
    }
    match result {
        Ok(()) => Ok(proof.report.finish()),
        Err(Stop::Reported) => {
            proof.report.skipped(&["the rest"], "it depends on what failed: correct that, and repeat the command");
            Ok(proof.report.finish())
        }
        Err(Stop::Refused) => {
            proof.report.finish();
            Ok(Exit::Usage)
        }
        Err(Stop::Failure(failure)) => {
            // Worth more than the failure that it may have caused.
            match proof.check_guard() {
                Err(Stop::Refused) => {
                    proof.report.finish();
                    Ok(Exit::Usage)
                }
                _ => Err(failure),
            }
        }
    }
}

fn interrupted() -> Stop {
    Stop::Failure(Failure::new(Exit::Failed, "stopped before the end", "run the command again"))
}

impl Proof {
    async fn prepare(arguments: &Arguments, config: Config, is_running: bool, output: Output) -> Result<Self, Failure> {
        // Its port may still be open.
        let url =
            config.url(1).map_err(|problem| Failure::usage(problem, "set `app.url` in affitor.toml, or --url"))?;
        let no_port = |error: io::Error| {
            Failure::usage(format!("cannot start the sandbox: {error}"), "choose another port with --sandbox-port")
        };
        let mut interpretations = Interpretations::default();
        // So that the app's second refund shows as well.
        interpretations.second_refund = SecondRefund::Taken;
        let key: String = std::iter::repeat_with(fastrand::alphanumeric).take(32).collect();
        let webhook = config.webhook.as_ref();
        let secret = match webhook {
            Some(webhook) if is_running => Some(settings::existing_secret(&webhook.secret)?),
            Some(webhook) => Some(settings::new_secret(webhook.provider)),
            None => None,
        };
        let is_stripe = webhook.is_some_and(|webhook| webhook.provider == PaymentProvider::Stripe);
        let reporter = if is_stripe { reporter::chosen()? } else { StripeReporter::App };
        let mut sandbox = Sandbox::builder().partner(PARTNER).partner(last_click::PARTNER);
        if let Some(secret) = secret.as_ref().filter(|_| is_stripe && reporter != StripeReporter::App) {
            sandbox = sandbox.stripe_webhook_secret(secret);
        }
        let sandbox = sandbox
            .port(if is_running { arguments.sandbox_port } else { 0 })
            .program_id(settings::program_id())
            .api_key(format!("aff_{key}"))
            .interpretations(interpretations)
            .start()
            .await
            .map_err(no_port)?;
        let stripe = if config.has_stripe_api() { Some(StripeApi::start().await.map_err(no_port)?) } else { None };
        let identity = if config.has_log_in() { Some(oidc::start().await.map_err(no_port)?) } else { None };
        Ok(Self {
            url,
            config,
            sandbox: Arc::new(sandbox),
            stripe,
            identity,
            guard: None,
            app: None,
            secret,
            reporter,
            port: None,
            begun: Vec::new(),
            keeps_leads: false,
            keeps_sales: false,
            outage: (!arguments.quick).then(|| arguments.outage.map_or(outage::LENGTH, Duration::from_millis)),
            customers: HashSet::new(),
            credited: HashSet::new(),
            report: Report::new(output),
            wait: Duration::from_secs(arguments.wait),
            start_timeout: Duration::from_secs(arguments.start_timeout),
            is_manual: arguments.manual,
            use_browser: arguments.browser,
            chromium: None,
            is_second_start: false,
        })
    }

    /// Starts the app, or waits until a running one has called the sandbox; then checks everything.
    async fn run(&mut self, command: &[OsString]) -> Result<(), Stop> {
        // Also for the browser, if the app is already running. Before a free port is chosen, which it could take.
        let guard = Guard::start()
            .await
            .map_err(|error| Failure::usage(format!("cannot start a proxy: {error}"), "run the command again"))?;
        self.guard = Some(guard);
        let (url, port) = settings::app_url(&self.config)?;
        (self.url, self.port) = (url, port);
        if command.is_empty() {
            self.find_app().await?;
        } else {
            self.start_app(command).await?;
        }
        let mut buyer = if self.is_manual { self.manual_sign_up().await? } else { self.sign_ups().await? };
        self.check_guard()?;
        self.payments(&mut buyer).await?;
        self.crash(command).await?;
        if self.reporter == StripeReporter::App {
            self.sale_with_stripe_connected(command).await?;
        }
        if self.is_second_start && !self.is_manual {
            self.sign_up_after_restart().await?;
        }
        self.check_tls();
        self.check_guard()
    }

    /// Reports an app that works with the sandbox, and not with the service.
    fn check_tls(&mut self) {
        let is_without = |request: &RequestRecord| {
            request
                .user_agent
                .as_deref()
                .is_some_and(|client| client.starts_with("affitor-rust/") && client.ends_with(NO_TLS))
        };
        if self.sandbox.requests().iter().any(is_without) {
            let message = "the app's client has no TLS, so it can't reach https://api.affitor.com";
            self.report.failed("tls", FindingId::NoTls.found(message));
        }
    }

    /// Reports a finding after which nothing else can be checked. What the app did wrong before comes first.
    fn stop(&mut self, name: &'static str, finding: finding::Finding) -> Stop {
        if let Err(refused) = self.check_guard() {
            return refused;
        }
        self.report.failed(name, finding);
        Stop::Reported
    }

    /// Refuses to go on if the app has tried to reach the real service.
    fn check_guard(&mut self) -> Result<(), Stop> {
        let Some(host) = self.guard.as_ref().and_then(Guard::refused) else { return Ok(()) };
        let message = format!("the app tried to reach {host} instead of the sandbox; the connection was refused");
        self.report.failed("app", FindingId::PointsElsewhere.found(message));
        Err(Stop::Refused)
    }
}

/// Tells the developer what to do. Not on standard output, which is for results.
fn say(text: &str) {
    // Nobody reads it if standard error is closed.
    let _ = writeln!(anstream::stderr(), "{text}");
}
