//! The mistakes.

use clap::ValueEnum;

/// A mistake in the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, ValueEnum)]
pub enum Fault {
    /// There is no layer.
    NoLayer,
    /// The route of the sign-up is outside of the layer: in axum it is added after `Router::layer`, in actix-web it is not in the
    /// scopes that have the middleware.
    LayerBeforeRoute,
    /// The landing page is on one host and the rest of the shop on another, to which requests are redirected. The cookie belongs to
    /// the first one.
    OtherHost,
    /// A redirect before the sign-up form deletes all cookies, to start a new session.
    CookiesCleared,
    /// The same, with the header `Clear-Site-Data`.
    SiteDataCleared,
    /// The landing page sends visitors on with `<meta http-equiv="refresh">`, without the query.
    MetaRefresh,
    /// The template escapes the tag of the tracker.
    TagEscaped,
    /// The session's cookie is not sent to the checkout.
    SessionPath,
    /// The shop's own code reports a session that is not paid yet.
    Unpaid,
    /// The shop's own code reports each invoice under the subscription's id.
    SubscriptionId,
    /// The shop's own code reports each renewal under the subscription's id.
    RenewalId,
    /// The shop's own code makes an id for each attempt to report a sale.
    NewIds,
    /// The landing page's Content Security Policy allows the shop's own scripts only.
    PolicyBlocks,
    /// The shop's session keeps the visitor's first click.
    FirstClick,
    /// The lead has the oldest click of the visitor's history.
    OldestClick,
    /// A proxy removes the cookie with the click id.
    CookieDropped,
    /// The landing page redirects to `localhost`, where the rest of the shop is as well. That works.
    LandsOnLocalhost,
    /// The browser reports the lead, by a script in the page. That works in a browser.
    ScriptedLead,
    /// The lead is reported before the user is stored, and the second user with an address can't be stored.
    LeadBeforeCommit,
    /// The customer key is the e-mail address. That works.
    EmailKey,
    /// The same, and the checkout writes it in lower case.
    LowercaseKey,
    /// The page after the sign-up ends the session.
    LogsOut,
    /// The client is in test mode.
    TestMode,
    /// From the second visitor on, the sign-up responds with 429.
    RateLimit,
    /// The webhook requires a session.
    WebhookUnauthorized,
    /// The webhook shows the page with the log-in to everybody who is not signed in, with status 200.
    WebhookLogIn,
    /// A proxy removes the header with the signature.
    SignatureDropped,
    /// The signature is not verified.
    Unverified,
    /// The page after the payment reports the sale too, under the session's id.
    ThankYou,
    /// The webhook takes longer than a provider waits.
    SlowWebhook,
    /// The webhook is marked as handled before it is reported.
    HandledFirst,
    /// The webhook is reported in a task of its own, and its response is 200 whatever happens.
    Spawned,
    /// The webhook secret is the one of another endpoint.
    WrongSecret,
    /// The webhook's body is parsed, and what is verified is the JSON that is written from it.
    ParsedBody,
    /// The checkout's metadata has the e-mail address as customer key. The lead has the user id.
    WrongCustomerKey,
    /// The session has no metadata.
    NoSessionMetadata,
    /// The session has metadata, but the subscription that it creates has none.
    NoSubscriptionMetadata,
    /// The checkout's metadata has the customer key of whoever signed up last.
    LastUser,
    /// The checkout writes a prefix before the customer key.
    PrefixedKey,
    /// The shop's own code reports one sale of each customer.
    OncePerCustomer,
    /// The shop's own code reports the price before the discount.
    ListPrice,
    /// The shop's own code reports whole dollars.
    WholeUnits,
    /// The shop sells in EUR, and its own code reports USD.
    FixedCurrency,
    /// The shop's own code reports each refund as a full one.
    RefundWhole,
    /// The shop's own code reports refunds with another API key.
    RefundKey,
    /// The shop reports the first refund of a payment only.
    RefundOnce,
    /// The shop's own code reports a sale under the session's id, and its refund under the charge's id.
    RefundId,
    /// The sign-up fails if the lead can't be reported.
    FailsInOutage,
    /// The shop's own code reports a sale under the session's id, and `event.track` reports it as well.
    DoubleReporting,
    /// The shop reports Stripe's payments even if Stripe is connected to the program.
    ReportsAnyway,
    /// The service's URL is part of the code, so the environment does not change it.
    PointsElsewhere,
}
