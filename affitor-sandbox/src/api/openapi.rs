//! The API as an OpenAPI 3.1 document, generated from the types that read requests and write
//! responses.

use utoipa::{
    Modify, OpenApi,
    openapi::{
        self, ContentBuilder, HeaderBuilder, HttpMethod, ObjectBuilder, Ref, RefOr, Response, ResponseBuilder, Schema,
        path::{Operation, PathItem},
        schema::{AnyOfBuilder, Type},
        security::{Http, HttpAuthScheme, SecurityScheme},
    },
};

use super::ENDPOINTS;
use crate::reply;

#[derive(OpenApi)]
#[openapi(
    info(title = "Affitor tracking API, as implemented by the sandbox"),
    paths(
        super::click::click, super::lead::lead, super::sale::sale, super::refund::refund,
        super::chain::test_event, super::readiness::readiness, super::status::status,
        super::checks::check_test_events, super::checks::receive_test, super::tracker::tracker,
        super::events::events, super::performance::performance, super::steps::dashboard_status,
        super::login::start, super::login::poll, super::programs::init, super::programs::list,
        super::management::list, super::management::create, super::management::update, super::management::revoke,
        super::advertiser_programs::list, super::advertiser_programs::create, super::advertiser_programs::read,
        super::advertiser_programs::update, super::advertiser_programs::delete, super::advertiser_programs::regenerate,
        super::stripe::connect, super::stripe::distributor, super::stripe::webhook,
    ),
    components(schemas(reply::ErrorText, reply::CodedError, reply::CmsError)),
    tags(
        (name = "Tracking", description = "Click, lead, sale and refund"),
        (name = "Verification", description = "Whether an integration works"),
        (name = "Browser", description = "The tracker script"),
        (name = "Dashboard", description = "Data of the dashboard. The service requires a login; the sandbox doesn't"),
        (name = "Command line", description = "Login and programs of the service's command line"),
        (name = "Management", description = "Programs and their API keys, with a management key"),
        (name = "Stripe", description = "Webhooks of a connected Stripe account"),
        (name = "Sandbox", description = "Control of the sandbox. Not part of the service"),
    ),
)]
struct Document;

/// Adds the security schemes of the API key, of the session token, and of the management key.
struct Key;

impl Modify for Key {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = document.components.get_or_insert_default();
        components.add_security_scheme("key", scheme.clone());
        components.add_security_scheme("session", scheme.clone());
        components.add_security_scheme("management", scheme);
    }
}

/// Replaces `oneOf` by `anyOf`, because a body may match several forms: a valid click with `test_mode` is a test event.
struct AnyOf;

impl Modify for AnyOf {
    fn modify(&self, document: &mut openapi::OpenApi) {
        for schema in document.components.iter_mut().flat_map(|components| components.schemas.values_mut()) {
            if let RefOr::T(Schema::OneOf(one_of)) = schema {
                let mut any_of = AnyOfBuilder::new().description(one_of.description.take());
                for item in one_of.items.drain(..) {
                    any_of = any_of.item(item);
                }
                *schema = RefOr::T(Schema::AnyOf(any_of.build()));
            }
        }
    }
}

/// Adds the responses that every call can return: to a body that is too long or too slow, and those of enabled faults.
struct Faults;

impl Modify for Faults {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let json = |schema: &str, description: &str| {
            let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(schema))).build();
            ResponseBuilder::new().description(description).content("application/json", content)
        };
        let html = ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
        let retry_after = HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::Integer)));
        let limited = json("CodedError", "An enabled fault: too many requests");
        let responses: [(&str, Response); 5] = [
            ("408", json("ErrorText", "The body did not arrive in time").build()),
            ("413", json("ErrorText", "The body is larger than 1 MiB").build()),
            ("429", limited.header("Retry-After", retry_after.build()).build()),
            ("500", json("ErrorText", "An enabled fault, or the data file can't be written").build()),
            (
                "502",
                ResponseBuilder::new()
                    .description("An enabled fault: a proxy's page")
                    .content("text/html", html)
                    .build(),
            ),
        ];
        let calls = document.paths.paths.iter_mut().filter(|(path, _)| !path.starts_with("/_sandbox"));
        for operation in calls.flat_map(|(_, path)| operations(path)) {
            let has_body = operation.request_body.is_some();
            let known = &mut operation.responses.responses;
            for (status, response) in
                responses.iter().filter(|(status, _)| has_body || !matches!(*status, "408" | "413"))
            {
                known.entry((*status).to_owned()).or_insert_with(|| RefOr::T(response.clone()));
            }
        }
    }
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut path.get, &mut path.post, &mut path.put, &mut path.delete].into_iter().flatten()
}

/// Adds the other paths of calls.
struct Aliases;

impl Modify for Aliases {
    fn modify(&self, document: &mut openapi::OpenApi) {
        let aliases =
            ENDPOINTS.iter().flat_map(|endpoint| endpoint.aliases.iter().map(move |alias| (endpoint.path, *alias)));
        for (number, (path, alias)) in aliases.enumerate() {
            let methods = [HttpMethod::Post, HttpMethod::Get];
            let found = methods
                .into_iter()
                .find_map(|method| Some((document.paths.get_path_operation(path, method.clone())?.clone(), method)));
            let Some((mut operation, method)) = found else { continue };
            operation.operation_id = operation.operation_id.map(|id| format!("{id}Alias{number}"));
            operation.summary = operation.summary.map(|summary| format!("{summary} (alias)"));
            document.paths.add_path_operation(alias, vec![method], operation);
        }
    }
}

/// The document, with that of the control routes.
pub(crate) fn document(control: openapi::OpenApi) -> openapi::OpenApi {
    let mut document = Document::openapi().nest("/_sandbox", control);
    let modifiers: [&dyn Modify; 4] = [&Key, &AnyOf, &Faults, &Aliases];
    for modifier in modifiers {
        modifier.modify(&mut document);
    }
    document
}
