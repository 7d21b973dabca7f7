//! Finding the [Affitor](https://affitor.com) click id of a web request.
//!
//! A visitor who was brought by a partner has a click id: in a header that the page's script forwards, in a field of the sign-up
//! form, or in a cookie. This crate has the rules, as pure functions of headers and bytes. It knows no web framework, no HTTP client
//! and no runtime.
//!
//! Apps don't need this crate: [`affitor`](https://docs.rs/affitor) and the adapters for axum, actix-web and Tower re-export what is
//! in it. Use it to build an adapter for another framework: see [`find`].
//!
//! ```
//! use affitor_core::{ClickId, Visitor};
//!
//! let visitor = Visitor::from(ClickId::new("cust_42_1714000000000")?);
//! assert!(ClickId::new("two words").is_err());
//! # Ok::<(), affitor_core::InvalidClickId>(())
//! ```
//!
//! # Dependencies
//!
//! `bytes`, `memchr`, `form_urlencoded`, `percent-encoding` and `serde_json` find click ids. `serde` stores a [`Visitor`].

#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod click_history;
mod click_id;
pub mod error;
pub mod find;
pub mod network;
pub mod redact;
pub mod secret;
mod visitor;

pub use click_history::ClickHistory;
pub use click_id::{ClickId, InvalidClickId};
pub use visitor::Visitor;
