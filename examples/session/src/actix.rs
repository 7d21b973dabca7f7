//! The extractor for actix-web. It requires [`Sessions`] in the app's data.

use std::future::{Ready, ready};

use actix_web::{FromRequest, HttpRequest, dev::Payload, error::ErrorUnauthorized, http::header::COOKIE};

use crate::{Sessions, User};

impl FromRequest for User {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut cookies = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
        let sessions = request.app_data::<Sessions>();
        let user = sessions.and_then(|sessions| cookies.find_map(|cookies| sessions.user(cookies)));
        ready(user.ok_or_else(|| ErrorUnauthorized("sign up first")))
    }
}
