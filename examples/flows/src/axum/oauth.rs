//! OAuth, with a callback by GET or by POST.

use std::sync::Arc;

use affitor_axum::AffitorClient;
use axum::{
    Form,
    extract::{Query, State},
    http::{HeaderMap, header},
    response::{IntoResponse, Redirect},
};
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
    State(flows): State<Arc<Flows>>,
    affitor: AffitorClient,
    Query(start): Query<Start>,
) -> Result<impl IntoResponse, Refusal> {
    let started = flows.oauth.start(affitor.visitor(), start.response_mode)?;
    Ok(([(header::SET_COOKIE, started.cookie)], Redirect::to(&started.location)))
}

pub(super) async fn callback(
    State(flows): State<Arc<Flows>>,
    headers: HeaderMap,
    Query(callback): Query<Callback>,
) -> Result<String, Refusal> {
    let (subject, visitor) = flows.oauth.finish(callback, binding(&headers)).await?;
    let user_id = flows.users.sign_in(&format!("idp:{}", subject.sub), &subject.email, visitor)?;
    Ok(welcome(&user_id))
}

/// The same with a form. The request has no click id: a POST from another site carries no `SameSite=Lax` cookie.
pub(super) async fn callback_by_post(
    flows: State<Arc<Flows>>,
    headers: HeaderMap,
    Form(form): Form<Callback>,
) -> Result<String, Refusal> {
    callback(flows, headers, Query(form)).await
}

fn binding(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split("; ")).filter_map(|cookie| cookie.split_once('='));
    pairs.find(|(name, _)| *name == BINDING_COOKIE).map(|(_, value)| value)
}
