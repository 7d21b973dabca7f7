//! Sign-up webhooks of identity providers.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Bytes, Data, Json},
};
use affitor_actix::AffitorClient;
use serde_json::Value;

use crate::{Flows, Refusal};

/// What the page adds to the metadata of the sign-up.
pub(super) async fn metadata(flows: Data<Flows>, affitor: AffitorClient) -> Json<Value> {
    Json(flows.webhooks.metadata(affitor.visitor()))
}

/// Clerk redelivers, so the response says whether Affitor has the lead.
pub(super) async fn clerk(flows: Data<Flows>, request: HttpRequest, body: Bytes) -> Result<HttpResponse, Refusal> {
    if let Some(signed_up) = flows.webhooks.clerk(|name| text(&request, name), &body)? {
        flows.track(signed_up).await?;
    }
    Ok(HttpResponse::Ok().finish())
}

/// Supabase waits for the response before it creates the user, so it must not depend on Affitor.
pub(super) async fn supabase(flows: Data<Flows>, request: HttpRequest, body: Bytes) -> Result<HttpResponse, Refusal> {
    if let Some(signed_up) = flows.webhooks.supabase(|name| text(&request, name), &body)? {
        flows.enqueue(signed_up);
    }
    Ok(HttpResponse::NoContent().finish())
}

pub(super) async fn auth0(flows: Data<Flows>, request: HttpRequest, body: Bytes) -> Result<HttpResponse, Refusal> {
    if let Some(signed_up) = flows.webhooks.auth0(text(&request, "authorization"), &body)? {
        flows.enqueue(signed_up);
    }
    Ok(HttpResponse::Ok().finish())
}

fn text<'h>(request: &'h HttpRequest, name: &str) -> Option<&'h str> {
    request.headers().get(name)?.to_str().ok()
}
