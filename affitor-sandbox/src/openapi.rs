//! `GET /openapi.json` and `/openapi.yaml`: the API and the control routes; and `GET /skill.md`, a short text for agents.

use std::sync::LazyLock;

use axum::http::Method;

use crate::{
    api::{self, Call, Decision, Endpoint},
    control,
    reply::Reply,
    state::State,
};

/// The endpoints of the documents.
pub(crate) static ENDPOINTS: LazyLock<[Endpoint; 3]> = LazyLock::new(|| {
    [
        api::endpoint(None, Method::GET, "/openapi.json", json),
        api::endpoint(None, Method::GET, "/openapi.yaml", yaml),
        api::endpoint(None, Method::GET, "/skill.md", skill),
    ]
});

static JSON: LazyLock<Reply> = LazyLock::new(|| Reply::ok(&api::openapi::document(control::document())));

static YAML: LazyLock<Reply> = LazyLock::new(|| {
    // Can't fail: the document consists of texts, numbers, lists and maps with keys that are texts.
    let text = api::openapi::document(control::document()).to_yaml().unwrap_or_default();
    Reply::text("application/yaml; charset=utf-8", text)
});

fn json(_: &State, _: &Call<'_>) -> Result<Decision, Reply> {
    Ok(JSON.clone().into())
}

fn yaml(_: &State, _: &Call<'_>) -> Result<Decision, Reply> {
    Ok(YAML.clone().into())
}

fn skill(_: &State, _: &Call<'_>) -> Result<Decision, Reply> {
    Ok(Reply::text("text/markdown; charset=utf-8", include_str!("skill.md")).into())
}
