//! The extractor for axum. It requires [`Sessions`] in the router's state.

use axum::{
    extract::{FromRef, FromRequestParts},
    http::{StatusCode, header::COOKIE, request::Parts},
};

use crate::{Sessions, User};

impl<S> FromRequestParts<S> for User
where
    Sessions: FromRef<S>,
    S: Send + Sync,
{
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let mut cookies = parts.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let sessions = Sessions::from_ref(state);
        cookies.find_map(|cookies| sessions.user(cookies)).ok_or((StatusCode::UNAUTHORIZED, "sign up first"))
    }
}
