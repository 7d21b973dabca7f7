//! The settings.

use std::{fmt, sync::Arc, time::Duration};

use memchr::memmem::Finder;

#[cfg(feature = "carry")]
use super::adopt::Adoption;
use super::{
    ClickCapture, Head, Shared,
    calls::Calls,
    landing,
    origin::{self, Domain, Origin},
};
use crate::client::Client;

/// How long a page waits for its click by default: 300 ms from the arrival of the request.
pub const BUDGET: Duration = Duration::from_millis(300);

/// How long a result that came after its page is kept by default: 10 minutes, as long as the retry cookie.
pub const KEEP_RESULTS: Duration = Duration::from_secs(600);

/// Most calls in flight by default.
pub const CALLS_IN_FLIGHT: usize = 64;

/// Most calls per second by default.
pub const CALLS_PER_SECOND: u32 = 100;

/// Decides by the head of a request.
pub(super) type Predicate = dyn Fn(&dyn Head) -> bool + Send + Sync;

/// The first choice of [`ClickCapture::builder`]: which domain the cookies have.
///
/// It must be that of the tracker's cookies. Otherwise a browser has two cookies of one name, and the wrong partner can win.
#[derive(Debug)]
#[must_use = "call `domain` or `host_only`"]
pub struct ChooseDomain {
    client: Client,
}

/// The second choice of [`ClickCapture::builder`]: whether visitors are asked for consent.
#[derive(Debug)]
#[must_use = "call `consent` or `without_consent_check`"]
pub struct ChooseConsent {
    client: Client,
    /// `None` if the domain is not valid.
    domain: Option<Domain>,
}

/// Settings of a [`ClickCapture`].
#[must_use = "call `build`"]
pub struct ClickCaptureBuilder {
    client: Client,
    domain: Option<Domain>,
    consent: Option<Arc<Predicate>>,
    when: Option<Arc<Predicate>>,
    /// `None` if it is not valid.
    origin: Option<Origin>,
    parameter: String,
    kept: Vec<String>,
    budget: Duration,
    keep_results: Duration,
    calls_in_flight: usize,
    calls_per_second: u32,
    #[cfg(feature = "carry")]
    adoption: Option<Adoption>,
}

affitor_core::invalid_value! {
    /// The reason why [`ClickCaptureBuilder::build`] failed.
    InvalidCapture
}

impl ChooseDomain {
    pub(super) fn new(client: Client) -> Self {
        Self { client }
    }

    /// Sets cookies that all hosts of a domain share, such as `shop.example` for `www.shop.example` and `app.shop.example`. The
    /// tracker does so by default, with the widest domain that the browser accepts.
    pub fn domain(self, domain: &str) -> ChooseConsent {
        ChooseConsent { client: self.client, domain: Domain::shared(domain) }
    }

    /// Sets cookies of the request's host alone: for `localhost`, for IP addresses, and for sites whose tracker does so too.
    pub fn host_only(self) -> ChooseConsent {
        ChooseConsent { client: self.client, domain: Some(Domain::HostOnly) }
    }
}

impl ChooseConsent {
    /// Captures only clicks of visitors for whom `predicate` returns `true`. For others, nothing is called and no cookie is set.
    ///
    /// Consent usually comes after the landing. So a visitor without a click is also captured on a later page, if `Referer` is a
    /// page of the same origin whose URL has a partner's code.
    ///
    /// ```
    /// use affitor::{Client, capture::ClickCapture};
    ///
    /// let capture = ClickCapture::builder(Client::disabled())
    ///     .domain("shop.example")
    ///     .consent(|head| head.cookie("consent") == Some("all") && head.header("sec-gpc") != Some("1"))
    ///     .build()?;
    /// # Ok::<(), affitor::capture::InvalidCapture>(())
    /// ```
    pub fn consent(self, predicate: impl Fn(&dyn Head) -> bool + Send + Sync + 'static) -> ClickCaptureBuilder {
        ClickCaptureBuilder::new(self, Some(Arc::new(predicate)))
    }

    /// Captures the clicks of all visitors: where no consent is required, or where somebody else makes sure of it.
    pub fn without_consent_check(self) -> ClickCaptureBuilder {
        ClickCaptureBuilder::new(self, None)
    }
}

impl ClickCaptureBuilder {
    fn new(chosen: ChooseConsent, consent: Option<Arc<Predicate>>) -> Self {
        Self {
            client: chosen.client,
            domain: chosen.domain,
            consent,
            when: None,
            origin: Some(Origin::Request),
            parameter: landing::PARAMETER.to_owned(),
            kept: Vec::new(),
            budget: BUDGET,
            keep_results: KEEP_RESULTS,
            calls_in_flight: CALLS_IN_FLIGHT,
            calls_per_second: CALLS_PER_SECOND,
            #[cfg(feature = "carry")]
            adoption: None,
        }
    }

    /// Sets how long a page may wait for its click, from the arrival of the request. Default: 300 ms. With 0, pages never wait.
    ///
    /// A click that is not known by then reaches its visitor with a later page.
    pub fn budget(mut self, limit: Duration) -> Self {
        self.budget = limit;
        self
    }

    /// Captures only requests for which `predicate` returns `true`. Use it to exclude pages whose responses must stay in shared
    /// caches: a response with a cookie is made `private`.
    pub fn capture_when(mut self, predicate: impl Fn(&dyn Head) -> bool + Send + Sync + 'static) -> Self {
        self.when = Some(Arc::new(predicate));
        self
    }

    /// Sets the name of the parameter with the partner's code. Default: `aff`. The service and the cookies always get `aff`.
    pub fn parameter(mut self, name: impl Into<String>) -> Self {
        self.parameter = name.into();
        self
    }

    /// Keeps further parameters of landing URLs. By default `utm_*` are kept beside the partner's code. Don't keep what identifies a
    /// person.
    pub fn keep_parameters<'n>(mut self, names: impl IntoIterator<Item = &'n str>) -> Self {
        self.kept = names.into_iter().map(str::to_owned).collect();
        self
    }

    /// Sets the origin of landing URLs, such as `https://shop.example`, for a site with one host behind a proxy. By default it is
    /// the header `Host`, with `https` only if this server itself received the request over TLS. (With Tower and axum that is known
    /// for HTTP/2 alone: set the origin, or trust the headers of a proxy.)
    ///
    /// Requests for other hosts are captured too, so let the proxy reject them.
    pub fn origin(mut self, origin: &str) -> Self {
        self.origin = origin::fixed(origin).map(Origin::Fixed);
        self
    }

    /// Reads the origin of landing URLs from `Forwarded`, else from `X-Forwarded-Proto` and `X-Forwarded-Host`. Use this only behind
    /// a proxy that sets or removes these headers: otherwise visitors can choose them.
    pub fn trust_forwarded_headers(mut self) -> Self {
        self.origin = Some(Origin::Proxy);
        self
    }

    /// Sets the largest number of calls in flight. Default: 64. A landing beyond it is captured by the tracker, or with the visitor's
    /// next page.
    pub fn calls_in_flight(mut self, limit: usize) -> Self {
        self.calls_in_flight = limit;
        self
    }

    /// Sets the largest number of calls per second. Default: 100.
    pub fn calls_per_second(mut self, limit: u32) -> Self {
        self.calls_per_second = limit;
        self
    }

    /// Sets how long a result that came after its page is kept for its visitor. Default: 10 minutes, as long as the visitor has the
    /// retry cookie: after a shorter time, the call is repeated. At most 10,000 results are kept.
    pub fn keep_results(mut self, time: Duration) -> Self {
        self.keep_results = time;
        self
    }

    /// Stores visitors who come from another site of yours with a [carried](crate::carry) visitor in the parameter
    /// [`affitor_visitor`](crate::carry::PARAMETER). `origins` are those sites, such as `https://www.shop.example`: a visitor who comes
    /// from elsewhere is not adopted.
    ///
    /// A visitor who has a newer click keeps it. A response to a URL with the parameter gets a `Referrer-Policy` that keeps the
    /// parameter from other sites, unless it has one that does so.
    #[cfg(feature = "carry")]
    pub fn adopt_from<'o>(mut self, key: crate::carry::VisitorKey, origins: impl IntoIterator<Item = &'o str>) -> Self {
        self.adoption = Some(Adoption::new(key, origins));
        self
    }

    /// Builds the capture.
    ///
    /// # Errors
    ///
    /// Returns an error if the domain is not a domain with a dot; if the origin, or one of those to adopt from, is not `http` or `https`
    /// with a host; if the origin is outside of the domain; if the name of the parameter is empty, or contains other characters than letters,
    /// digits, `-`, `_` and `.`; if no calls are allowed.
    pub fn build(self) -> Result<ClickCapture, InvalidCapture> {
        let domain = self.domain.ok_or(InvalidCapture(
            "the domain of the cookies must be one with a dot, such as `shop.example`: for localhost and IP addresses, choose `host_only`",
        ))?;
        let origin =
            self.origin.ok_or(InvalidCapture("an origin consists of scheme and host: `https://shop.example`"))?;
        if let Origin::Fixed(origin) = &origin {
            if !origin.host_str().is_some_and(|host| domain.includes(host)) {
                return Err(InvalidCapture("the origin must be one of the domain of the cookies"));
            }
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if self.parameter.is_empty() || !self.parameter.bytes().all(is_plain) {
            return Err(InvalidCapture("the name of the parameter must consist of letters, digits, `-`, `_` and `.`"));
        }
        if self.calls_in_flight == 0 || self.calls_per_second == 0 {
            return Err(InvalidCapture("the limits of calls must not be 0"));
        }
        #[cfg(feature = "carry")]
        if self.adoption.as_ref().is_some_and(|adoption| !adoption.is_valid()) {
            return Err(InvalidCapture(
                "visitors are adopted from origins of scheme and host: `https://www.shop.example`",
            ));
        }
        let calls = Calls::new(self.client, self.calls_in_flight, self.calls_per_second, self.keep_results);
        Ok(ClickCapture {
            shared: Arc::new(Shared {
                calls: Arc::new(calls),
                domain,
                consent: self.consent,
                when: self.when,
                origin,
                finder: Finder::new(&self.parameter).into_owned(),
                parameter: self.parameter,
                kept: self.kept,
                budget: self.budget,
                warned: std::sync::Once::new(),
                #[cfg(feature = "carry")]
                adoption: self.adoption,
            }),
        })
    }
}

impl fmt::Debug for ClickCaptureBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClickCaptureBuilder")
            .field("domain", &self.domain)
            .field("asks_for_consent", &self.consent.is_some())
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
