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
//! let clicks = sandbox.clicks().await;
//! assert_eq!(answer["click_id"], clicks[0].click_id);
//! # Ok(()) } // dropped: it stops, and its connections with it
//! ```
//!
//! # What it answers
//!
//! | call | file |
//! |---|---|
//! | `POST /api/v1/track/{click,lead,sale,refund}`, and the aliases under `/api/tracking/` | `src/track/` |
//! | `POST /api/v1/cli/test-event` | `src/chain.rs` |
//! | `GET /api/v1/programs/me/readiness` | `src/readiness.rs` |
//! | `GET /api/v1/cli/status`, `GET /api/tracking/status/<program>` | `src/status.rs` |
//! | `POST /api/tracking/check-test-events`, `POST /api/tracking/test` | `src/checks.rs` |
//! | `GET /api/tracking/events/<program>` | `src/events.rs` |
//! | `GET /api/tracking/performance/<program>` | `src/performance.rs` |
//! | `GET /js/affitor-tracker.js`, and CORS for what pages call | `src/browser.rs`, `src/tracker.js` |
//!
//! Each of the files under `src/track/` says in which order it checks a request. Where the service's documents leave a
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
pub use sandbox::Sandbox;
