//! An adapter for [`tiny_http`], a synchronous framework that Affitor does not support: what `affitor-tower` and
//! `affitor-actix` do for theirs, on top of [`affitor::adapter`].
//!
//! ```no_run
//! use adapter::Affitor;
//! use affitor::{Client, Lead};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let affitor = Affitor::new(Client::from_env()?);
//! let server = tiny_http::Server::http("127.0.0.1:3000")?;
//! for mut request in server.incoming_requests() {
//!     let (client, mut body) = affitor.attribute(&mut request);
//!     let mut form = String::new();
//!     body.read_to_string(&mut form)?; // the whole body, although it was inspected
//!     client.enqueue(Lead::new("user_7")); // with the visitor's click id
//!     drop(body);
//!     request.respond(tiny_http::Response::from_string("welcome"))?;
//! }
//! # Ok(()) }
//! ```

use std::io::{self, Read};

use affitor::{BoundClient, Client, adapter::Attribution, find::Sources};
use affitor_core::find::{BodyAccess, Header, Prefix, RequestHead, Search, search};
use tiny_http::Request;

/// Finds the click id of requests. Create one when the app starts.
#[derive(Clone, Debug)]
pub struct Affitor {
    client: Client,
    sources: Sources,
}

impl Affitor {
    /// Creates an adapter that searches the click-id header, the body and the cookies, in this order.
    pub fn new(client: Client) -> Self {
        Self { client, sources: Sources::default() }
    }

    /// Sets where to find the click id.
    #[must_use]
    pub fn sources(mut self, sources: Sources) -> Self {
        self.sources = sources;
        self
    }

    /// Returns the client for the visitor of a request, and the body as it was sent.
    ///
    /// `body_timeout` has no effect: `tiny_http` waits for a body without a limit.
    pub fn attribute<'r>(&self, request: &'r mut Request) -> (BoundClient, Box<dyn Read + 'r>) {
        let access = BodyAccess::Readable { length: request.body_length().map(|length| length as u64) };
        let mut prefix = Prefix::new(self.sources.get_body_limit(), None);
        let mut error = None;
        let click_id = match search(&self.sources, &self.head(request), access) {
            Search::Done(found) => found,
            Search::NeedsBody(search) => {
                prefix = Prefix::new(self.sources.get_body_limit(), search.body_length());
                error = read_ahead(request.as_reader(), &mut prefix).err();
                let body = if error.is_none() { prefix.complete() } else { None };
                search.finish(&self.sources, &self.head(request), body)
            }
        };
        let attribution = Attribution::new(self.client.clone(), &self.sources, click_id);
        let client = attribution.bind(self.head(request).values(Header::Cookie));
        (
            client,
            Box::new(Replay {
                frame: io::Cursor::new(prefix.pop().unwrap_or_default()),
                prefix,
                error,
                rest: request.as_reader(),
            }),
        )
    }

    fn head<'r>(&'r self, request: &'r Request) -> Head<'r> {
        Head { request, sources: &self.sources }
    }
}

/// Reads until the body ends, or until its limit is exceeded.
fn read_ahead(body: &mut dyn Read, prefix: &mut Prefix) -> io::Result<()> {
    let mut buffer = [0; 8 * 1024];
    loop {
        let len = body.read(&mut buffer)?;
        if len == 0 || !prefix.push(buffer[..len].to_vec().into()) {
            return Ok(());
        }
    }
}

/// The head of a request.
struct Head<'r> {
    request: &'r Request,
    sources: &'r Sources,
}

impl RequestHead for Head<'_> {
    fn values(&self, header: Header) -> impl Iterator<Item = &[u8]> {
        let name = match header {
            Header::ClickId => self.sources.get_header(),
            Header::Cookie => "cookie",
            Header::ContentType => "content-type",
            Header::ContentEncoding => "content-encoding",
            Header::ContentLength => "content-length",
            Header::Expect => "expect",
            Header::Upgrade => "upgrade",
        };
        let named = |header: &&tiny_http::Header| header.field.as_str().as_str().eq_ignore_ascii_case(name);
        self.request.headers().iter().filter(named).map(|header| header.value.as_bytes())
    }
}

/// A body that yields what was read ahead, then its error, then the rest.
struct Replay<'r> {
    frame: io::Cursor<bytes::Bytes>,
    prefix: Prefix,
    error: Option<io::Error>,
    rest: &'r mut dyn Read,
}

impl Read for Replay<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let len = self.frame.read(buffer)?;
            if len > 0 || buffer.is_empty() {
                return Ok(len);
            }
            match self.prefix.pop() {
                Some(frame) => self.frame = io::Cursor::new(frame),
                None => break,
            }
        }
        match self.error.take() {
            Some(error) => Err(error),
            None => self.rest.read(buffer),
        }
    }
}
