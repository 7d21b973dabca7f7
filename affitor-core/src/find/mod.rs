//! Finding the click id of a request: pure functions of text and bytes, without a web framework and without I/O.
//!
//! [`Sources`] is the configuration: which places are searched, in which order. They are a header that the page's script forwards
//! ([`CLICK_ID_HEADER`]), a field of a JSON or form body ([`FIELDS`]), and the tracker's cookies ([`CLICK_ID_COOKIE`] and its old
//! name [`OLD_CLICK_ID_COOKIE`]). [`search`] applies them to a request. The layers of `affitor-tower` and `affitor-actix` use it, so
//! the same request has the same click id in every framework.
//!
//! An invalid [`ClickId`](crate::ClickId) is treated as missing. It is neither an error nor logged.
//!
//! # Building an adapter
//!
//! `affitor-tower` and `affitor-actix` are thin adapters on top of this module. Use it to support another framework; the rules
//! about where a click id is found, and which bodies may be inspected, stay the same.
//!
//! An adapter does the following for each request, before the handler runs:
//!
//! 1. Call [`search`] with the request's head. [`BodyAccess`] tells whether the adapter can read bodies.
//! 2. If the result is [`Search::NeedsBody`], read the body into a [`Prefix`], within [`Sources::get_body_timeout`], and call
//!    [`BodySearch::finish`]. Pass the prefix and then the rest of the body on to the handler, so that it sees every byte.
//! 3. Store the click id in the request. With a client, store an
//!    [`Attribution`](https://docs.rs/affitor/latest/affitor/adapter/struct.Attribution.html) instead, which `affitor::adapter` has,
//!    together with what else an adapter with a client needs.
//!
//! An adapter never rejects a request and never changes what the handler sees. If an outer layer already stored a click id, keep
//! it.
//!
//! # Example
//!
//! A framework whose requests are a list of headers and a body in memory:
//!
//! ```
//! use affitor_core::{
//!     ClickId,
//!     find::{BodyAccess, Header, RequestHead, Search, Sources, search},
//! };
//!
//! struct Request {
//!     headers: Vec<(&'static str, Vec<u8>)>,
//!     body: Vec<u8>,
//! }
//!
//! struct Head<'r> {
//!     request: &'r Request,
//!     sources: &'r Sources,
//! }
//!
//! impl RequestHead for Head<'_> {
//!     fn values(&self, header: Header) -> impl Iterator<Item = &[u8]> {
//!         let name = header.name(self.sources);
//!         self.request.headers.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value.as_slice())
//!     }
//! }
//!
//! fn click_id(sources: &Sources, request: &Request) -> Option<ClickId> {
//!     let head = Head { request, sources };
//!     let access = BodyAccess::Readable { length: Some(request.body.len() as u64) };
//!     match search(sources, &head, access) {
//!         Search::Done(found) => found,
//!         Search::NeedsBody(pending) => pending.finish(sources, &head, Some(&request.body)),
//!     }
//! }
//!
//! let request = Request {
//!     headers: vec![("content-type", b"application/json".to_vec())],
//!     body: br#"{"affitorClickId": "cust_42_1714000000000"}"#.to_vec(),
//! };
//! assert_eq!(click_id(&Sources::default(), &request).unwrap(), "cust_42_1714000000000");
//! ```

use std::time::Duration;

mod body;
pub mod cookie;
mod form;
mod header;
mod json;
mod name;
mod prefix;
mod search;
mod sources;

pub use name::Names;
pub use prefix::Prefix;
pub use search::{BodyAccess, BodySearch, Header, RequestHead, Search, search};
pub use sources::{Source, Sources};

/// Name of the header in which a page's script may forward the click id. An API that is called from another origin must list
/// it in `Access-Control-Allow-Headers`.
pub const CLICK_ID_HEADER: &str = "x-affitor-click-id";

/// Name of the cookie in which the tracker stores the last click id.
pub const CLICK_ID_COOKIE: &str = "affitor_click_id";

/// Old name of [`CLICK_ID_COOKIE`]. Other software uses it too, so it counts only if its value starts with `cust_`.
pub const OLD_CLICK_ID_COOKIE: &str = "customer_code";

/// Name of the cookie in which the tracker stores the click history.
pub const HISTORY_COOKIE: &str = "affitor_click_ids";

/// Names of the body fields that can contain a click id, in order of precedence. Other ad networks use the name `click_id`, so
/// it is searched only if you add it with [`Sources::fields`].
pub const FIELDS: [&str; 2] = ["affitorClickId", "affitor_click_id"];

/// Default of [`Sources::body_timeout`]: 2 seconds.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(2);

/// Default of [`Sources::body_limit`], in bytes: 64 KiB.
pub const BODY_LIMIT: usize = 64 * 1024;
