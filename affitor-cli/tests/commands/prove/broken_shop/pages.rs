//! The pages: landing, sign-up and checkout.

use affitor::{ClickId, Lead, stripe::CUSTOMER_KEY};
use affitor_axum::AffitorClient;
use axum::{
    Router,
    body::Bytes,
    extract::{RawQuery, State},
    http::{HeaderMap, StatusCode, header},
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};

use tokio::time::sleep;

use super::{AppState, Inner, LATER, Variant};

const CSRF_TOKEN: &str = "a-token-of-this-session";

const FORM: &str = r#"<form method="post"><input name="email" type="email"><button>Sign up</button></form>"#;

pub(super) fn routes(variant: Variant) -> Router<AppState> {
    let app = Router::new().route("/home", get(home)).route("/checkout", post(check_out));
    let app = if variant == Variant::NoSignUp { app } else { app.route("/signup", get(form).post(sign_up)) };
    let app = app.route("/welcome", get(|| async { "welcome" }));
    match variant {
        Variant::NoLanding => app,
        Variant::LandingRedirects | Variant::AffLost => app.route("/", get(redirect)),
        _ => app.route("/", get(home)),
    }
}

async fn redirect(State(AppState(shop)): State<AppState>, RawQuery(query): RawQuery) -> Redirect {
    match query.filter(|_| shop.variant != Variant::AffLost) {
        Some(query) => Redirect::to(&format!("/home?{query}")),
        None => Redirect::to("/home"),
    }
}

async fn home(State(AppState(shop)): State<AppState>, affitor: AffitorClient) -> Html<String> {
    if matches!(shop.variant, Variant::NoTracker | Variant::CapturedClicks) {
        return Html("<h1>Shop</h1>".to_owned());
    }
    Html(affitor.script_tag().to_string())
}

async fn form(State(AppState(shop)): State<AppState>, affitor: AffitorClient) -> Response {
    match shop.variant {
        Variant::FormCached => {
            let click_id = shop.kept_click_id(affitor.click_id());
            let click_id = click_id.as_ref().map_or("", ClickId::as_str);
            Html(format!(
                r#"<form method="post"><input type="hidden" name="affitorClickId" value="{click_id}"><input name="email"></form>"#
            ))
            .into_response()
        }
        Variant::SearchForm => Html(format!(
            r#"<form><input type="search" name="q"></form>
               <form method="post"><input type="hidden" name="csrf" value="{CSRF_TOKEN}"><input name="email"></form>"#
        ))
        .into_response(),
        Variant::SecureCookie => {
            ([(header::SET_COOKIE, "session=7; Path=/; HttpOnly; SameSite=Lax; Secure")], Html(FORM)).into_response()
        }
        _ => Html(FORM).into_response(),
    }
}

async fn sign_up(
    State(AppState(shop)): State<AppState>,
    affitor: AffitorClient,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let field = |name: &str| form_urlencoded::parse(&body).find(|(known, _)| known == name).map(|(_, value)| value);
    let token_is_valid = field("csrf").is_some_and(|token| token == CSRF_TOKEN);
    let email = field("email").unwrap_or_default();
    match shop.variant {
        Variant::SearchForm if !token_is_valid => return (StatusCode::FORBIDDEN, "no CSRF token").into_response(),
        Variant::SecureCookie if cookie(&headers, "session") != Some("7") => {
            return (StatusCode::FORBIDDEN, "no session").into_response();
        }
        Variant::FormShownAgain => return Html(format!("<p>Enter your name.</p>{FORM}")).into_response(),
        _ => {}
    }
    let name = if shop.variant == Variant::OneCustomer { "1" } else { email.split('@').next().unwrap_or_default() };
    let user_id = format!("user_{name}");
    let lead = Lead::new(&user_id);
    // The lead is not the visitor's problem.
    let _ = match shop.variant {
        Variant::NoLead => return welcome(&user_id),
        Variant::ClickIdLost => shop.client.track_lead(lead).await,
        Variant::FirstClickKept | Variant::LatestClickKept => {
            let click_id = shop.kept_click_id(affitor.click_id());
            affitor.client().track_lead(lead.click_id(click_id)).await
        }
        Variant::LeadRepeated => {
            let (visitor, same_lead) = (affitor.clone(), lead.clone());
            tokio::spawn(async move {
                sleep(LATER).await;
                visitor.track_lead(same_lead).await.ok();
            });
            affitor.track_lead(lead).await
        }
        _ => affitor.track_lead(lead).await,
    };
    welcome(&user_id)
}

impl Inner {
    /// The mistake: a visitor's click id is kept for other visitors.
    fn kept_click_id(&self, click_id: Option<&ClickId>) -> Option<ClickId> {
        let mut kept = self.kept_click.lock().unwrap();
        if self.variant == Variant::LatestClickKept || kept.is_none() {
            *kept = click_id.cloned().or_else(|| kept.take());
        }
        kept.clone()
    }
}

/// The user is logged in from now on.
fn welcome(user_id: &str) -> Response {
    ([(header::SET_COOKIE, format!("user={user_id}; Path=/; HttpOnly"))], Redirect::to("/welcome")).into_response()
}

fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?.split("; ");
    cookies.filter_map(|cookie| cookie.split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// Sells the plan once, for 49.00 USD.
async fn check_out(State(AppState(shop)): State<AppState>, headers: HeaderMap) -> Response {
    let Some(user_id) = cookie(&headers, "user") else { return StatusCode::UNAUTHORIZED.into_response() };
    let url = match (shop.variant, &shop.stripe_url) {
        (Variant::CheckoutFails, _) => return (StatusCode::BAD_REQUEST, "choose a plan").into_response(),
        (Variant::CheckoutElsewhere, _) | (_, None) => return "opening the payment page".into_response(),
        (_, Some(url)) => format!("{url}/v1/checkout/sessions"),
    };
    let parameters = [
        ("mode", "payment"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "4900"),
        (&format!("metadata[{CUSTOMER_KEY}]"), user_id),
    ];
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    let response = reqwest::Client::new().post(url).body(body).send().await.unwrap();
    assert!(response.status().is_success(), "{}", response.status());
    Redirect::to("/welcome").into_response()
}
