//! Stand-ins of the list APIs of payment providers.
//!
//! A [`ProviderApi`] serves given objects as the provider's own API does: with its authentication, filters, pages and errors. It
//! can also misbehave: fail requests, return small pages, and repeat items. It knows the endpoints that a reader of payments needs.
//! A parameter that it doesn't know is an error, so that no test passes because of a filter that had no effect. Only Polar, which
//! itself ignores unknown parameters, is an exception.

mod lemon_squeezy;
mod paddle;
mod page;
mod polar;
mod request;
mod stripe;
mod time;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use reqwest::Url;
use serde_json::Value;
use shop_lives::Provider;
use tokio::net::TcpListener;

pub use lemon_squeezy::KEY as LEMON_SQUEEZY_KEY;
pub use paddle::KEY as PADDLE_KEY;
pub use polar::KEY as POLAR_KEY;
pub use stripe::{KEY as STRIPE_KEY, TEST_KEY as STRIPE_TEST_KEY};

use page::Pages;
use request::{Failure, Query, Request};

/// The API of one provider. The server stops with the test's runtime.
pub struct ProviderApi {
    /// Address of the server without a slash at the end, to be used instead of `https://api.stripe.com` and the like.
    pub url: String,
    server: Arc<Server>,
}

impl fmt::Debug for ProviderApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let provider = &self.server.provider;
        f.debug_struct("ProviderApi").field("provider", provider).field("url", &self.url).finish_non_exhaustive()
    }
}

impl ProviderApi {
    /// Serves the objects of one provider on a free port.
    pub async fn start(provider: Provider, objects: Vec<Value>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let state = Mutex::new(Behavior { objects, ..Behavior::default() });
        let server = Arc::new(Server { provider, url: url.clone(), state });
        let app = Router::new().fallback(handle).with_state(Arc::clone(&server));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, server }
    }

    /// Returns the key that the provider accepts. It is one of live mode.
    pub fn key(&self) -> &'static str {
        match self.server.provider {
            Provider::Stripe => STRIPE_KEY,
            Provider::Polar => POLAR_KEY,
            Provider::LemonSqueezy => LEMON_SQUEEZY_KEY,
            Provider::Paddle => PADDLE_KEY,
        }
    }

    /// Replaces all objects.
    pub fn set_objects(&self, objects: Vec<Value>) {
        self.server.state().objects = objects;
    }

    /// Returns the requests so far, each as method, path and query, such as `GET /v1/charges?limit=100`.
    pub fn requests(&self) -> Vec<String> {
        self.server.state().requests.clone()
    }

    /// Limits the size of pages, so that a few objects need several. A request for fewer items gets fewer.
    pub fn set_page_size(&self, n: usize) {
        self.server.state().pages.limit = Some(n);
    }

    /// Fails the next `n` requests. With status 429, the responses have the header `Retry-After: 0`.
    pub fn fail_next(&self, n: usize, status: u16) {
        self.fail_after(0, n, status);
    }

    /// Responds to the next `requests` requests, then fails `n` requests like [`fail_next`](Self::fail_next).
    pub fn fail_after(&self, requests: usize, n: usize, status: u16) {
        self.server.state().failures = Failures { delay: requests, count: n, status };
    }

    /// Begins each page with the last item of the page before. Pages of one item repeat nothing.
    pub fn repeat_pages(&self, on: bool) {
        self.server.state().pages.repeat = on;
    }

    /// Responds to the next `requests` requests and fails all later ones with status 500, until the next call.
    pub fn break_after(&self, requests: usize) {
        self.server.state().breaks_after = Some(requests);
    }
}

struct Server {
    provider: Provider,
    url: String,
    state: Mutex<Behavior>,
}

impl Server {
    fn state(&self) -> MutexGuard<'_, Behavior> {
        self.state.lock().expect("the lock is not poisoned")
    }

    /// Responds to a request, unless it is one that must fail.
    fn respond(&self, request: &axum::extract::Request) -> Result<Value, Failure> {
        let path = request.uri().path();
        let target = request.uri().path_and_query().map_or(path, |target| target.as_str());
        let mut state = self.state();
        state.requests.push(format!("{} {target}", request.method()));
        state.fail()?;
        if request.method() != "GET" {
            return Err(Failure::new(405, "The stand-in only knows GET requests."));
        }
        let url = Url::parse(&format!("{}{target}", self.url)).expect("a URL");
        let request = Request {
            url: &self.url,
            path,
            headers: request.headers(),
            query: Query::of(&url),
            objects: &state.objects,
            pages: state.pages,
        };
        match self.provider {
            Provider::Stripe => stripe::respond(&request),
            Provider::Polar => polar::respond(&request),
            Provider::LemonSqueezy => lemon_squeezy::respond(&request),
            Provider::Paddle => paddle::respond(&request),
        }
    }

    fn error(&self, failure: &Failure) -> Value {
        match self.provider {
            Provider::Stripe => stripe::error(failure),
            Provider::Polar => polar::error(failure),
            Provider::LemonSqueezy => lemon_squeezy::error(failure),
            Provider::Paddle => paddle::error(failure),
        }
    }
}

/// What the server has, and how it behaves.
#[derive(Default)]
struct Behavior {
    objects: Vec<Value>,
    requests: Vec<String>,
    pages: Pages,
    failures: Failures,
    /// Number of requests until all fail.
    breaks_after: Option<usize>,
}

/// Requests that fail.
#[derive(Default)]
struct Failures {
    /// Number of requests before the first failure.
    delay: usize,
    count: usize,
    status: u16,
}

impl Behavior {
    /// Counts a request. Returns an error if it must fail.
    fn fail(&mut self) -> Result<(), Failure> {
        match &mut self.breaks_after {
            Some(0) => return Err(Failure::new(500, "The server is broken.")),
            Some(left) => *left -= 1,
            None => {}
        }
        let failures = &mut self.failures;
        if failures.delay > 0 {
            failures.delay -= 1;
        } else if failures.count > 0 {
            failures.count -= 1;
            return Err(Failure::new(failures.status, "The request failed as the test wishes."));
        }
        Ok(())
    }
}

async fn handle(State(server): State<Arc<Server>>, request: axum::extract::Request) -> Response {
    let (status, body) = match server.respond(&request) {
        Ok(body) => (200, body),
        Err(failure) => (failure.status, server.error(&failure)),
    };
    let status = StatusCode::from_u16(status).expect("a status");
    let kind = if server.provider == Provider::LemonSqueezy { lemon_squeezy::MEDIA_TYPE } else { "application/json" };
    let mut response = (status, [(header::CONTENT_TYPE, kind)], body.to_string()).into_response();
    if status == StatusCode::TOO_MANY_REQUESTS {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("0"));
    }
    response
}
