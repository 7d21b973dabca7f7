//! Building an adapter for a web framework.
//!
//! `affitor-tower` and `affitor-actix` are thin adapters on top of this module. Use it to support another framework; the rules
//! about where a click id is found, and which bodies may be inspected, stay the same.
//!
//! An adapter does the following for each request, before the handler runs:
//!
//! 1. Call [`search`] with the request's head. [`BodyAccess`] tells whether the adapter can read bodies.
//! 2. If the result is [`Search::NeedsBody`], read the body into a [`Prefix`], within [`Sources::get_body_timeout`]
//!    ([`Deadline`] helps with polling), and call [`BodySearch::finish`]. Pass the prefix and then the rest of the body on to the
//!    handler, so that it sees every byte.
//! 3. Store an [`Attribution`] in the request. Extractors call [`Attribution::bind`] to get the client for this visitor.
//!
//! If an extractor finds no [`Attribution`], `MissingLayer` says why.
//!
//! An adapter never rejects a request and never changes what the handler sees. If an outer layer already stored an
//! [`Attribution`], keep it.
//!
//! For payment webhooks (feature `webhooks`), `WebhookBody` reads the body within the limit and verifies the signature, and
//! `WebhookRejection` has the status and the text of the response.
//!
//! # Example
//!
//! An adapter for a framework whose requests are a list of headers and a body in memory:
//!
//! ```
//! # #[cfg(feature = "client")]
//! # mod adapter {
//! use affitor::{
//!     Client,
//!     adapter::{Attribution, BodyAccess, Header, RequestHead, Search, search},
//!     find::Sources,
//! };
//!
//! pub struct Request {
//!     pub headers: Vec<(&'static str, Vec<u8>)>,
//!     pub body: Vec<u8>,
//! }
//!
//! struct Head<'r> {
//!     request: &'r Request,
//!     sources: &'r Sources,
//! }
//!
//! impl RequestHead for Head<'_> {
//!     fn values(&self, header: Header) -> impl Iterator<Item = &[u8]> {
//!         let name = match header {
//!             Header::ClickId => self.sources.get_header(),
//!             Header::Cookie => "cookie",
//!             Header::ContentType => "content-type",
//!             Header::ContentEncoding => "content-encoding",
//!             Header::ContentLength => "content-length",
//!             Header::Expect => "expect",
//!             Header::Upgrade => "upgrade",
//!         };
//!         self.request.headers.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value.as_slice())
//!     }
//! }
//!
//! pub fn attribution(client: &Client, sources: &Sources, request: &Request) -> Attribution {
//!     let head = Head { request, sources };
//!     let access = BodyAccess::Readable { length: Some(request.body.len() as u64) };
//!     let click_id = match search(sources, &head, access) {
//!         Search::Done(found) => found,
//!         Search::NeedsBody(pending) => pending.finish(sources, &head, Some(&request.body)),
//!     };
//!     Attribution::new(client.clone(), click_id)
//! }
//! # }
//! # #[cfg(feature = "client")]
//! # fn main() {
//! # use adapter::*;
//! # use affitor::{Client, find::Sources};
//! let request = Request {
//!     headers: vec![("content-type", b"application/json".to_vec())],
//!     body: br#"{"affitorClickId": "cust_42_1714000000000"}"#.to_vec(),
//! };
//! let attribution = attribution(&Client::disabled(), &Sources::default(), &request);
//! assert_eq!(attribution.click_id().unwrap(), &"cust_42_1714000000000");
//! # }
//! # #[cfg(not(feature = "client"))] fn main() {}
//! ```
//!
//! [`Sources::get_body_timeout`]: crate::find::Sources::get_body_timeout

#[cfg(feature = "client")]
mod attribution;
#[cfg(feature = "client")]
mod captured;
mod deadline;
#[cfg(feature = "client")]
mod missing_layer;
mod prefix;
mod search;
#[cfg(feature = "webhooks")]
mod webhook;

#[cfg(feature = "client")]
pub use attribution::Attribution;
#[cfg(feature = "client")]
pub use captured::CapturedByServer;
#[cfg(feature = "client")]
pub use missing_layer::MissingLayer;
pub use {
    deadline::Deadline,
    prefix::Prefix,
    search::{BodyAccess, BodySearch, Header, RequestHead, Search, search},
};

#[cfg(feature = "webhooks")]
pub use webhook::{WebhookBody, WebhookRejection};
