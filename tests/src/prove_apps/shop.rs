//! The shop: its settings, and what its handlers share.

use std::{path::Path, sync::Mutex};

use affitor::{Client, capture::ClickCapture};
use affitor_outbox::{
    Outbox, RunningOutbox,
    sqlx::{self, Sqlite},
};
use affitor_payments::{Stripe, StripeReporter, Webhook};
use reqwest::redirect::Policy;

use super::{AnyError, Fault, Options, payments::Handled, users::Users, variable};
use crate::databases::open_sqlite;

/// The shop.
pub(super) struct Shop {
    pub(super) fault: Option<Fault>,
    pub(super) client: Client,
    pub(super) webhook: Webhook<Stripe>,
    pub(super) capture: ClickCapture,
    /// Whether the server captures clicks.
    pub(super) captures: bool,
    pub(super) delivery: Delivery,
    pub(super) users: Users,
    pub(super) handled: Handled,
    /// The id of the first sale, or of the first invoice, for the shop's own code.
    pub(super) first: Mutex<String>,
    /// Reports refunds, with another API key.
    pub(super) refunds: Client,
    /// A client that makes one attempt.
    pub(super) once: Client,
    /// URL of Stripe's API.
    pub(super) stripe_url: String,
    pub(super) http: reqwest::Client,
}

/// How the shop delivers its events.
pub(super) enum Delivery {
    /// Each handler makes the call.
    Direct,
    /// The client's queue in memory. Payments are reported while the provider waits.
    Queue,
    /// The outbox.
    Outbox(RunningOutbox<Sqlite>),
}

impl Shop {
    pub(super) async fn open(options: Options) -> Result<Self, AnyError> {
        let client = client(&options)?;
        let delivery = if options.queue {
            Delivery::Queue
        } else if let Some(path) = &options.database {
            outbox(path, client.clone()).await?
        } else {
            Delivery::Direct
        };
        let secret = match options.fault {
            // The mistake: the secret of the endpoint in Stripe's test mode, for example.
            Some(Fault::WrongSecret) => "whsec_of_another_endpoint".to_owned(),
            _ => variable("STRIPE_WEBHOOK_SECRET")?,
        };
        let reporter = match options.fault {
            Some(Fault::ReportsAnyway) => StripeReporter::AppEvenIfConnected,
            _ => variable(StripeReporter::VARIABLE)?.parse()?,
        };
        let capture = ClickCapture::builder(client.clone()).host_only().without_consent_check();
        Ok(Self {
            fault: options.fault,
            webhook: Webhook::<Stripe>::new(secret, reporter)?,
            capture: capture.build()?,
            captures: options.capture,
            refunds: with_old_key()?,
            once: Client::builder()
                .api_key(variable("AFFITOR_API_KEY")?)
                .api_url(variable("AFFITOR_API_URL")?)
                .max_attempts(1)
                .build()?,
            client,
            delivery,
            users: Users::default(),
            handled: Handled::default(),
            first: Mutex::default(),
            stripe_url: variable("STRIPE_API_URL")?,
            http: reqwest::Client::builder().redirect(Policy::none()).build()?,
        })
    }

    pub(super) fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}

fn client(options: &Options) -> Result<Client, AnyError> {
    if options.fault == Some(Fault::TestMode) {
        let builder = Client::builder().api_key(variable("AFFITOR_API_KEY")?).api_url(variable("AFFITOR_API_URL")?);
        // The mistake: it was left on.
        return Ok(builder.program_id(variable("AFFITOR_PROGRAM_ID")?).test_mode(true).build()?);
    }
    if options.fault != Some(Fault::PointsElsewhere) {
        return Ok(Client::from_env()?);
    }
    // A test must not reach the real service. So its name leads to a port of this machine that is closed, or through the proxy of
    // `affitor prove`, which refuses it.
    let closed = ([127, 0, 0, 1], 1).into();
    let http = reqwest::Client::builder().redirect(Policy::none()).resolve("api.affitor.com", closed).build()?;
    // The mistake: the URL is part of the code.
    let builder = Client::builder().api_url(&options.service).http_client(http);
    let builder = builder.api_key(variable("AFFITOR_API_KEY")?).program_id(variable("AFFITOR_PROGRAM_ID")?);
    Ok(builder.build()?)
}

fn with_old_key() -> Result<Client, AnyError> {
    let builder = Client::builder().api_key("aff_old_0123456789").api_url(variable("AFFITOR_API_URL")?);
    Ok(builder.build()?)
}

async fn outbox(path: &Path, client: Client) -> Result<Delivery, AnyError> {
    let pool = open_sqlite(path).await;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS users (id text PRIMARY KEY, email text NOT NULL)").execute(&pool).await?;
    Ok(Delivery::Outbox(Outbox::sqlite(pool).start(client).await?))
}
