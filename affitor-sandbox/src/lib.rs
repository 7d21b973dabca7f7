//! The [Affitor](https://affitor.com) tracking service on localhost, with real state: partners and links, customers,
//! last-click attribution, attribution and cookie windows, commissions, duplicates, refunds and test mode. For tests, demos and
//! development; no account is needed.
//!
//! The sandbox has its own definition of the wire format and does not depend on the client crate `affitor`, so a test that
//! uses both checks one against the other.
//!
//! ```
//! use affitor_sandbox::Sandbox;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start().await?; // on a free port, with one program, one key and one partner
//!
//! let response: serde_json::Value = reqwest::Client::new()
//!     .post(format!("{}/api/v1/track/click", sandbox.url()))
//!     .json(&serde_json::json!({ "affiliate_url": format!("https://shop.example/?aff={}", sandbox.partner_code()) }))
//!     .send()
//!     .await?
//!     .json()
//!     .await?;
//!
//! let clicks = sandbox.clicks();
//! assert_eq!(response["click_id"], clicks[0].click_id);
//! # Ok(()) } // dropping the sandbox stops it and closes its connections
//! ```
//!
//! # In your own tests
//!
//! Add the crate as a dev-dependency, point your app at [`Sandbox::url`] with [`Sandbox::api_key`], and check what the
//! sandbox has received:
//!
//! ```
//! use affitor_sandbox::{ApiCall, Fault, Sandbox};
//!
//! # async fn my_app_sells(api: &str, key: &str, click: &str) -> u16 {
//! #     let body = serde_json::json!({ "transaction_id": "in_1", "amount_cents": 4_900, "click_id": click }).to_string();
//! #     let url = format!("{api}/api/v1/track/sale");
//! #     reqwest::Client::new().post(url).bearer_auth(key).body(body).send().await.unwrap().status().as_u16()
//! # }
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! // #[tokio::test] async fn a_sale_whose_response_is_lost_counts_once()
//! let sandbox = Sandbox::start().await.unwrap();
//! sandbox.inject(Fault::ErrorAfterWrite.times(1).on(ApiCall::Sale));
//! let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
//! let click = serde_json::json!({ "affiliate_url": landing }).to_string();
//! let url = format!("{}/api/v1/track/click", sandbox.url());
//! reqwest::Client::new().post(url).body(click).send().await.unwrap();
//! let click_id = sandbox.clicks()[0].click_id.clone();
//!
//! let first = my_app_sells(sandbox.url(), sandbox.api_key(), &click_id).await;
//! let retried = my_app_sells(sandbox.url(), sandbox.api_key(), &click_id).await;
//!
//! assert_eq!((first, retried), (500, 409)); // 409 means "already recorded", which is not a failure
//! assert_eq!(sandbox.sales().len(), 1);
//! assert_eq!(sandbox.commissions()[0].amount_cents, 980);
//! # }
//! ```
//!
//! - [`Sandbox::wait_for`] waits for events that an app tracks in the background.
//! - [`Sandbox::advance_days`] moves the clock past windows and holds; [`SandboxBuilder::clock_stopped_at_ms`] stops it.
//! - [`Fault`] lists the failures that can be injected; [`Sandbox::requests`] shows what happened to each request.
//! - [`SandboxBuilder::policy`] sets what a group of partners or a product earns: so a test notices a missing `product_id`.
//! - [`Sandbox::set_paused`] pauses the program; [`Sandbox::pay_out`] pays, so that a later refund makes a balance negative.
//! - [`Sandbox::rotate_key`] replaces the API key, as a person can do in the service's dashboard.
//! - [`SandboxBuilder::stripe_webhook_secret`] connects a Stripe account, whose webhooks the sandbox then reads itself.
//!   [`Sandbox::double_payments`] shows which sales the app tracked as well.
//!
//! # The page, and tests in other languages
//!
//! The command `affitor sandbox` (crate `affitor-cli`) runs the sandbox in its own process. `GET /` is a live page that
//! shows each visitor's chain of events and what each partner earned. `GET /openapi.json` and `/openapi.yaml` describe the API; they
//! are generated from the types that read requests and write responses. `GET /skill.md` is a short text for agents. Most of what a test can do to a [`Sandbox`] is also available
//! over HTTP. Bodies are JSON or forms:
//!
//! | | |
//! |---|---|
//! | `GET /_sandbox/snapshot`, `/_sandbox/requests` | the state; the requests and their results |
//! | `GET /_sandbox/memory` | the memory of the records, and what was dropped |
//! | `GET`, `POST`, `DELETE /_sandbox/faults` | `{"rule": "error-after-write@sale:3x"}` |
//! | `GET`, `POST /_sandbox/clock` | `{"days": 61}`, `{"seconds": 30}` |
//! | `POST /_sandbox/partners` | `{"partner": "abc123", "state": "link_inactive"}`, see [`PartnerState`] |
//! | `POST /_sandbox/groups` | `{"partner": "abc123", "group": "Friends"}` |
//! | `POST /_sandbox/policies` | `{"group": "Friends", "product_id": "prod_1", "starts_in_days": 7, "commission": "recurring:20:12"}`: see [`Policy`] and [`Commission`] |
//! | `POST /_sandbox/attribution-model` | `{"model": "first_click"}`, see [`AttributionModel`] |
//! | `POST /_sandbox/pause`, `/_sandbox/payouts` | `{"paused": true}`; pays the commissions whose hold is over |
//! | `POST /_sandbox/profile` | `{"logo": "https://…", "web_page": …, "category": …, "short_description": …, "description": …}` |
//! | `POST /_sandbox/key` | `{"program_id": 42}`: returns a new key; the old one is invalid immediately |
//! | `POST /_sandbox/chain`, `/_sandbox/reset` | runs a synthetic chain; deletes all events |
//! | `GET /_sandbox/changes` | server-sent events: one after each change |
//! | `GET /_sandbox/shop?aff=<partner>` | a small shop to click through |
//!
//! A field that a route does not have is a 400, and changes nothing.
//!
//! These routes, the page, and the calls that return recorded events without a key accept only this machine's host names in
//! the `Host` header, such as `localhost`. [`SandboxBuilder::allow_host`] adds others. This prevents DNS rebinding.
//!
//! # After a restart or a reset
//!
//! A browser still has the cookies of earlier clicks, which the sandbox no longer knows. The sandbox's tracker notices that
//! (it keeps `affitor_sandbox` in `localStorage`, which the service's tracker doesn't have) and makes a new click when a page is
//! opened. A lead or sale with an unknown click id gets the documented 400, with the reason in the response header
//! `x-affitor-sandbox-hint`, in [`RequestRecord::hint`] and on the page.
//!
//! # Webhooks of Stripe
//!
//! With [`SandboxBuilder::stripe_webhook_secret`], the sandbox reads Stripe's webhooks, as the service does for a connected
//! account. `stripe listen --forward-to http://127.0.0.1:4010/webhooks/stripe/42` delivers them and prints the secret
//! (`whsec_…`). The service's own address, `/api/webhook-distributor/stripe`, takes the program from the metadata. Set the `metadata` of a checkout session to `{"program_id": "42", "affitor_customer_key": "user_7"}`; for
//! subscriptions, set `subscription_data.metadata` too.
//!
//! | event | result |
//! |---|---|
//! | `checkout.session.completed`, `checkout.session.async_payment_succeeded` | a sale, once it is paid |
//! | `invoice.paid`, `invoice.payment_succeeded` | a sale, for the invoices that [`StripeInvoices`] selects, once per invoice |
//! | `charge.refunded` | a refund of the amount by which the charge's running total has grown |
//! | `customer.created` | a lead, if the metadata names the program and a known click or customer |
//!
//! Other events, and those of payments that are already recorded, are acknowledged and ignored.
//!
//! # Memory
//!
//! Anyone can report clicks, so what is kept is bounded. Texts of an event are cut to 2 KiB, and `additional_data` and
//! `line_items` are kept up to 16 KiB. Ids of more than 512 characters are refused. [`SandboxBuilder::memory_limit`] bounds
//! all records.
//!
//! # Supported calls
//!
//! | call | file |
//! |---|---|
//! | `POST /api/v1/track/{click,lead,sale,refund}`, and the aliases under `/api/tracking/` | `src/api/{click,lead,sale,refund}.rs` |
//! | `POST /api/v1/cli/test-event` | `src/api/chain.rs` |
//! | `GET /api/v1/programs/me/readiness` | `src/api/readiness.rs` |
//! | `GET /api/v1/cli/status` | `src/api/status.rs` |
//! | `POST /api/v1/cli/auth/start`, `GET /api/v1/cli/auth/poll` | `src/api/login.rs` |
//! | `POST /api/v1/cli/init`, `GET /api/v1/cli/programs` | `src/api/programs.rs` |
//! | `/api/advertiser/api-keys`, `/api/advertiser/affiliate-programs` | `src/api/{management,advertiser_programs}.rs` |
//! | `POST /api/v1/cli/stripe-connect`, `POST /webhooks/stripe/<program>`, `POST /api/webhook-distributor/stripe` | `src/api/stripe.rs` |
//! | `POST /api/tracking/check-test-events`, `POST /api/tracking/test` | `src/api/checks.rs` |
//! | `GET /api/tracking/events/<program>` | `src/api/events.rs` |
//! | `GET /api/tracking/performance/<program>` | `src/api/performance.rs` |
//! | `GET /api/tracking/status/<program>` | `src/api/steps.rs` |
//! | `GET /js/affitor-tracker.js`, `/js/affitor-tracker-local.js` and `/js/affitor-tracker-uat.js`, and CORS for the calls made by web pages | `src/browser.rs`, `src/tracker.js` |
//!
//! Each of these files documents the order in which a request is checked. Where the service's documentation is
//! ambiguous, [`Interpretations`] selects the behaviour. Where it is silent, the sandbox does the following:
//!
//! - A sale is checked for duplicates before its customer is looked up.
//! - A field of the wrong type is a 400 that names the field. `null` is treated as missing. Unknown fields are ignored.
//! - An empty body counts as `{}`. A body that isn't a JSON object is a 400; one larger than 1 MiB is a 413. Where a key
//!   is required, it is checked before the body.
//! - The list of events shows a visitor's location, which the sandbox takes from the time zone that the click sent.
//! - These texts of errors are the sandbox's own: `<field> must be …`, `<field> is required` of the command line's calls, `There are no
//!   more program ids`, `There are … programs already`, those about a body (`The body …`, `Too many large bodies at a time`), those about
//!   dates and periods of the dashboard, and those of Stripe's webhooks.
//! - A management key needs the scope `*` for `/api/advertiser/api-keys`. Calls that the documents name but do not describe, such as
//!   changing a program, return 501. There, the messages `Missing or invalid credentials`, `Forbidden` and those of 400 and 501 are the
//!   sandbox's own.
//! - A group without a policy uses the policies of the group `Default`. A sale keeps the policy that was valid when it was recorded. If
//!   refunds have made a partner's balance negative, the next payout deducts that amount from the new commissions, for each currency.
//! - A commission is held for 15 days and is 20 % of each sale, unless the [builder](SandboxBuilder) sets other values.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod account;
mod api;
mod body;
mod browser;
mod builder;
mod call;
mod change;
mod clock;
mod commission;
mod control;
mod fault;
mod guard;
mod hosts;
mod http;
mod interpretations;
mod journal;
mod management;
mod memory;
mod money;
mod number;
mod openapi;
mod origin;
mod outcome;
mod page;
mod percent;
mod policy;
mod program;
mod record;
mod reply;
mod request_log;
mod response;
mod router;
mod sandbox;
mod secret;
mod server;
mod service;
mod state;

pub use builder::SandboxBuilder;
pub use call::ApiCall;
pub use commission::{Commission, CommissionKind};
pub use fault::{Fault, FaultRule};
pub use interpretations::{
    DuplicateSale, ExpiredWindow, InterpretationSwitch, Interpretations, PausedSale, RepeatedLead, SaleLookup,
    SecondRefund, StripeInvoices, StripeSaleId, UnknownLead, WindowStart,
};
pub use memory::MemoryUse;
pub use percent::{InvalidPercent, Percent};
pub use policy::{AttributionModel, Policy};
pub use program::{LeadAuth, PartnerState, Payout};
pub use record::{
    ChainRecord, ClickRecord, CommissionRecord, CommissionStatus, CustomerRecord, CustomerStatus, DoublePayment,
    LeadRecord, RefundRecord, SaleRecord, SaleSource, Snapshot, TestEventRecord,
};
pub use request_log::RequestRecord;
pub use sandbox::{Sandbox, TimedOut};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeDoctests;
