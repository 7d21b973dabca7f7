//! Building an adapter for a web framework: what a layer with a client stores in a request, and what its extractors need.
//!
//! `affitor-tower` and `affitor-actix` are thin adapters on top of this module and of `affitor-core`, which
//! [finds the click id](affitor_core::find). Use both to support another framework:
//!
//! 1. Find the click id, as `affitor_core::find` describes. [`Deadline`] helps with the time limit for bodies.
//! 2. Store an [`Attribution`] in the request. Extractors call [`Attribution::bind`] to get the client for this visitor.
//!
//! If an extractor finds no [`Attribution`], [`MissingLayer`] says why. If an outer layer already stored an [`Attribution`], keep it.
//! If it stored a [`ClickId`](affitor_core::ClickId), as a layer that captures clicks does, do not search: store an [`Attribution`] with that
//! id. With [`CapturedByServer`] in the request too, pass it on with [`BoundClient::captured_by_server`](crate::BoundClient).
//!
//! # Example
//!
//! An adapter for a framework whose requests are a list of headers and a body in memory:
//!
//! ```
//! use affitor::{Client, adapter::Attribution};
//! use affitor_core::find::{BodyAccess, Header, RequestHead, Search, Sources, search};
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
//!         let name = header.name(self.sources);
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
//!     Attribution::new(client.clone(), sources, click_id)
//! }
//!
//! let request = Request {
//!     headers: vec![("content-type", b"application/json".to_vec())],
//!     body: br#"{"affitorClickId": "cust_42_1714000000000"}"#.to_vec(),
//! };
//! let attribution = attribution(&Client::disabled(), &Sources::default(), &request);
//! assert_eq!(attribution.click_id().unwrap(), &"cust_42_1714000000000");
//! ```

mod attribution;
mod captured;
mod deadline;
mod missing_layer;

pub use self::{
    attribution::Attribution,
    captured::{CapturedByServer, InsideCapture},
    deadline::Deadline,
    missing_layer::MissingLayer,
};
