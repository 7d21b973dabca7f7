//! OAuth, with a callback by GET or by POST.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Form, Query},
};
use affitor_actix::AffitorClient;
use serde::Deserialize;

use super::welcome;
use crate::{
    Flows, Refusal,
    oauth::{BINDING_COOKIE, Callback, ResponseMode},
};

#[derive(Deserialize)]
pub(super) struct Start {
    #[serde(default)]
    response_mode: ResponseMode,
}

pub(super) async fn start(
    flows: Data<Flows>,
    affitor: AffitorClient,
    start: Query<Start>,
) -> Result<HttpResponse, Refusal> {
    let started = flows.oauth.start(affitor.visitor(), start.response_mode)?;
    let mut response = HttpResponse::SeeOther();
    response.insert_header((header::SET_COOKIE, started.cookie)).insert_header((header::LOCATION, started.location));
    Ok(response.finish())
}

pub(super) async fn callback(
    flows: Data<Flows>,
    request: HttpRequest,
    callback: Query<Callback>,
) -> Result<String, Refusal> {
    finish(&flows, &request, callback.into_inner()).await
}

/// The same with a form. The request has no click id: a POST from another site carries no `SameSite=Lax` cookie.
pub(super) async fn callback_by_post(
    flows: Data<Flows>,
    request: HttpRequest,
    form: Form<Callback>,
) -> Result<String, Refusal> {
    finish(&flows, &request, form.into_inner()).await
}

async fn finish(flows: &Flows, request: &HttpRequest, callback: Callback) -> Result<String, Refusal> {
    let (subject, visitor) = flows.oauth.finish(callback, binding(request)).await?;
    let user_id = flows.users.sign_in(&format!("idp:{}", subject.sub), &subject.email, visitor)?;
    Ok(welcome(&user_id))
}

fn binding(request: &HttpRequest) -> Option<&str> {
    let cookies = request.headers().get_all(header::COOKIE).filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split("; ")).filter_map(|cookie| cookie.split_once('='));
    pairs.find(|(name, _)| *name == BINDING_COOKIE).map(|(_, value)| value)
}
