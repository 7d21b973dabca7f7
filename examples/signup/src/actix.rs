//! The app on actix-web.

use actix_web::{
    Either, HttpRequest, HttpResponse, Responder, get,
    http::header::{COOKIE, SET_COOKIE},
    post, web,
};
use affitor_actix::{AffitorClient, Lead};
use session::Sessions;

use crate::{page, users};

/// The routes. They require an `AffitorLayer` and [`Sessions`].
pub fn routes(config: &mut web::ServiceConfig) {
    config.service(page_with_form).service(sign_up);
}

#[get("/")]
async fn page_with_form(affitor: AffitorClient, request: HttpRequest) -> impl Responder {
    let cookies = request.headers().get(COOKIE).and_then(|cookies| cookies.to_str().ok());
    // Empty if the server has reported the click of this visitor.
    web::Html::new(page::form(&affitor.script_tag(), cookies))
}

#[post("/api/signup")]
async fn sign_up(
    request: HttpRequest,
    affitor: AffitorClient,
    input: Either<web::Json<users::SignUp>, web::Form<users::SignUp>>,
) -> HttpResponse {
    let sent_by_script = matches!(input, Either::Left(_));
    let form = input.into_inner();
    let (Some(sessions), Some(user_id)) = (request.app_data::<Sessions>(), users::create(&form)) else {
        return HttpResponse::UnprocessableEntity().body("an e-mail address and a password are required");
    };

    // Returns at once. A problem with the service never becomes the visitor's problem.
    affitor.enqueue(Lead::new(&user_id).email(&form.email));

    let mut response = HttpResponse::Ok();
    response.insert_header((SET_COOKIE, sessions.start(&user_id)));
    if sent_by_script {
        response.json(users::Created { user_id })
    } else {
        response.content_type("text/html; charset=utf-8").body(page::welcome(&user_id))
    }
}
