//! `affitor payments reconcile`: compares the ledger with the provider's own API, and records what is missing.

mod api;
mod collected;
mod key;
mod lemon_squeezy;
mod paddle;
mod polar;
mod provider;
mod recorder;
mod report;
mod since;
mod stripe;
mod tally;
mod times;

use std::time::{Duration, SystemTime};

use affitor_outbox::{Database, Outbox, PaymentSettings, Reconciliation, payments::ledger::CommissionOn};
use clap::{Args, ValueEnum};

use self::{api::Api, recorder::Recorder, report::Report};
use crate::provider::PaymentProvider;
use crate::{exit::Exit, failure::Failure, output::Output, progress::Progress};

#[derive(Args, Debug)]
pub(super) struct Arguments {
    #[arg(long, value_enum, help = provider::help())]
    provider: PaymentProvider,
    /// How far back to search, such as 12h, 30d or 8w, at most 540d
    #[arg(long, value_name = "AGE", value_parser = since::parse)]
    since: Duration,
    /// Change nothing and show what is missing: the first step
    #[arg(long)]
    dry_run: bool,
    /// Program id; payments whose metadata names another program are not ours [default: as the app has set]
    #[arg(long, value_name = "ID", env = "AFFITOR_PROGRAM_ID")]
    program_id: Option<String>,
    /// What commissions are calculated from [default: as the app has set]
    #[arg(long, value_enum, value_name = "AMOUNT")]
    commission_on: Option<Commission>,
    /// Read test payments with a key of test mode, and report the sales as tests
    #[arg(long)]
    test_mode: bool,
    /// URL of the provider's API [default: the provider's own]
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// Also report payments that were made before the ledger was started, from --since on; only if nothing else has
    /// reported them
    #[arg(long)]
    report_older: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Commission {
    /// What the customer paid, including tax
    Gross,
    /// What the customer paid, without tax
    Net,
    /// The fee that the shop keeps of a payment to a connected account
    Fee,
}

/// Arguments that were checked.
pub(super) struct Plan {
    provider: PaymentProvider,
    since: SystemTime,
    dry_run: bool,
    test: bool,
    settings: PaymentSettings,
    reconciliation: Reconciliation,
    api: Api,
    /// What the user should know about the key.
    advice: Option<&'static str>,
}

impl Plan {
    pub(super) fn new(arguments: Arguments) -> Result<Self, Failure> {
        let Arguments { provider, since, dry_run, program_id, commission_on, test_mode: test, api_url, report_older } =
            arguments;
        let key = key::read(provider)?;
        let advice = key::check(provider, &key, test)?;
        let api = Api::new(provider, &key, test, api_url.as_deref())?;
        let since = SystemTime::now() - since;
        let mut reconciliation = Reconciliation::new().test_mode(test).dry_run(dry_run);
        if let Some(amount) = commission_on {
            reconciliation = reconciliation.commission_on(match amount {
                Commission::Gross => CommissionOn::Gross,
                Commission::Net => CommissionOn::Net,
                Commission::Fee => CommissionOn::Fee,
            });
        }
        let mut settings = PaymentSettings::new();
        if let Some(id) = program_id.as_deref().map(str::trim).filter(|id| !id.is_empty()) {
            settings = settings.program_id(id);
        }
        if report_older {
            settings = settings.report_since(since);
        }
        Ok(Self { provider, since, dry_run, test, settings, reconciliation, api, advice })
    }
}

pub(super) async fn run<DB: Database>(plan: Plan, outbox: Outbox<DB>, output: Output) -> Result<Exit, Failure> {
    let Plan { provider, since, dry_run, test, settings, reconciliation, api, advice } = plan;
    let outbox = outbox.with_payment_settings(settings);
    // Fails here if the tables are missing, before the first request.
    outbox.stats().await.map_err(|error| crate::database::failed(&error))?;
    if let Some(advice) = advice {
        eprintln!("affitor: {advice}");
    }
    let progress = Progress::start(format!("connecting to {}", provider.name()), output);
    let mut recorder = Recorder::new(&outbox, provider, test, reconciliation, &progress);
    let result = match provider {
        PaymentProvider::Stripe => stripe::read(&api, since, &mut recorder).await,
        PaymentProvider::Polar => polar::read(&api, since, &mut recorder).await,
        PaymentProvider::LemonSqueezy => lemon_squeezy::read(&api, since, &mut recorder).await,
        PaymentProvider::Paddle => paddle::read(&api, since, &mut recorder).await,
    };
    let tally = recorder.tally;
    drop(progress);
    Report { provider, since, dry_run, test, tally }.print(result, output)
}

/// The rules of each provider.
type Stripe = affitor_payments::Stripe;
type Polar = affitor_payments::Polar;
type LemonSqueezy = affitor_payments::LemonSqueezy;
type Paddle = affitor_payments::Paddle;
