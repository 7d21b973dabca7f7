//! The [Affitor](https://affitor.com) tracking service on localhost, with real state: partners and links, customers, last
//! click wins, both windows, commissions, duplicates, refunds, test mode. For tests, demos and development, without an
//! account.
//!
//! It keeps its own idea of the wire and knows nothing of the client in the crate `affitor`, so that the two check each
//! other.
//!
//! ```
//! use affitor_sandbox::Sandbox;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let sandbox = Sandbox::start().await?; // on a free port, with one program, one key and one partner
//!
//! let answer: serde_json::Value = reqwest::Client::new()
//!     .post(format!("{}/api/v1/track/click", sandbox.url()))
//!     .json(&serde_json::json!({ "affiliate_url": format!("https://shop.example/?aff={}", sandbox.partner_code()) }))
//!     .send()
//!     .await?
//!     .json()
//!     .await?;
//!
//! let clicks = sandbox.clicks();
//! assert_eq!(answer["click_id"], clicks[0].click_id);
//! # Ok(()) } // dropped: it stops, and its connections with it
//! ```
//!
//! # In your own tests
//!
//! Add it as a dev-dependency, point the app at [`Sandbox::url`] with [`Sandbox::api_key`], and ask the sandbox what
//! arrived:
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
//! // #[tokio::test] async fn a_sale_whose_answer_is_lost_counts_once()
//! let sandbox = Sandbox::start().await.unwrap();
//! sandbox.inject(Fault::ErrorAfterWrite.times(1).on(ApiCall::Sale));
//! let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
//! let click = serde_json::json!({ "affiliate_url": landing }).to_string();
//! let url = format!("{}/api/v1/track/click", sandbox.url());
//! reqwest::Client::new().post(url).body(click).send().await.unwrap();
//! let click_id = sandbox.clicks()[0].click_id.clone();
//!
//! let first = my_app_sells(sandbox.url(), sandbox.api_key(), &click_id).await;
//! let again = my_app_sells(sandbox.url(), sandbox.api_key(), &click_id).await;
//!
//! assert_eq!((first, again), (500, 409)); // 409: recorded already, which is no failure
//! assert_eq!(sandbox.sales().len(), 1);
//! assert_eq!(sandbox.commissions()[0].amount_cents, 980);
//! # }
//! ```
//!
//! - [`Sandbox::wait_for`] waits for what an app tracks in the background.
//! - [`Sandbox::advance_days`] moves the clock past windows and holds; [`SandboxBuilder::clock_standing_at_ms`] stops it.
//! - [`Fault`] is what can go wrong; [`Sandbox::requests`] says what became of each request.
//!
//! # The page, and tests in other languages
//!
//! The command `affitor sandbox` (crate `affitor-cli`) runs it in a process of its own. `GET /` is a page that shows each
//! visitor's chain, live, and `GET /openapi.json` the API, made from the types that read and write it. What a test does to
//! a [`Sandbox`] is there over HTTP as well, for hosts of this machine alone; bodies are JSON or forms:
//!
//! | | |
//! |---|---|
//! | `GET /_sandbox/snapshot`, `/_sandbox/requests` | what it holds; what was asked, and what became of it |
//! | `GET`, `POST`, `DELETE /_sandbox/faults` | `{"rule": "error-after-write@sale:3x"}` |
//! | `GET`, `POST /_sandbox/clock` | `{"days": 61}`, `{"seconds": 30}` |
//! | `POST /_sandbox/partners` | `{"partner": "abc123", "state": "link_inactive"}`, see [`PartnerState`] |
//! | `POST /_sandbox/chain`, `/_sandbox/reset` | a synthetic chain; forgets everything |
//! | `GET /_sandbox/changes` | server-sent events: one after each change |
//! | `GET /_sandbox/shop?aff=<partner>` | a small shop to click through |
//!
//! # What it answers
//!
//! | call | file |
//! |---|---|
//! | `POST /api/v1/track/{click,lead,sale,refund}`, and the aliases under `/api/tracking/` | `src/api/{click,lead,sale,refund}.rs` |
//! | `POST /api/v1/cli/test-event` | `src/api/chain.rs` |
//! | `GET /api/v1/programs/me/readiness` | `src/api/readiness.rs` |
//! | `GET /api/v1/cli/status`, `GET /api/tracking/status/<program>` | `src/api/status.rs` |
//! | `POST /api/tracking/check-test-events`, `POST /api/tracking/test` | `src/api/checks.rs` |
//! | `GET /api/tracking/events/<program>` | `src/api/events.rs` |
//! | `GET /api/tracking/performance/<program>` | `src/api/performance.rs` |
//! | `GET /js/affitor-tracker.js`, and CORS for what pages call | `src/browser.rs`, `src/tracker.js` |
//!
//! Each of these files says in which order it checks a request. Where the service's documents leave a
//! question open, [`Readings`] is the switch. Where they are silent, this is what the sandbox does:
//!
//! - The duplicate check of a sale comes before the look-up of the customer.
//! - A field of the wrong type is a 400 that names it. `null` is as if absent. Unknown fields are ignored.
//! - An empty body counts as `{}`; one that is no JSON object is a 400; one of over 1 MiB a 413. Where a key is needed, it
//!   is looked at first.
//! - A commission is held for 15 days, and is 20 % of each sale unless the [builder](SandboxBuilder) says otherwise.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod api;
mod browser;
mod builder;
mod call;
mod change;
mod clock;
mod control;
mod fault;
mod journal;
mod page;
mod program;
mod record;
mod request_log;
mod routes;
mod sandbox;
mod server;
mod service;
mod state;

pub use builder::SandboxBuilder;
pub use call::ApiCall;
pub use fault::{Fault, FaultRule};
pub use program::{
    Commission, CommissionKind, DuplicateSale, ExpiredWindow, LeadAuth, PartnerState, Payout, Readings, RepeatedLead,
    SecondRefund, UnknownLead, WindowStart,
};
pub use record::{
    ChainRecord, ClickRecord, CommissionRecord, CommissionStatus, CustomerRecord, CustomerStatus, LeadRecord,
    RefundRecord, SaleRecord, Snapshot, TestEventRecord,
};
pub use request_log::RequestRecord;
pub use sandbox::{Sandbox, TimedOut};
