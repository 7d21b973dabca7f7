//! Validates all generated webhooks, and those of `affitor::test_util`, against the schemas that the providers publish.
//!
//! No provider's schemas are in this repository. `.ci/provider-schemas FOLDER` makes them from the types of the providers' official
//! SDKs: Stripe's are generated from its OpenAPI document, one SDK version for each API version. Set `AFFITOR_PROVIDER_SCHEMAS` to
//! the folder. Without it, the test does nothing, or fails if `AFFITOR_TESTS_FORBID_SKIP` is set.
//!
//! Lemon Squeezy publishes types of the API's objects, but none of its webhooks: `meta` isn't validated.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use affitor::Currency;
use affitor_payments::test_util::{TestPayment, TestProvider, TestWebhook};
use serde_json::{Value, json};
use shop_lives::{Api, Life, Provider, kinds, share};

const NOW: u64 = 1_760_000_000;

/// Schemas of one provider and API version, by the name of the type.
struct Schemas {
    names: BTreeSet<String>,
    compiler: boon::Compiler,
    compiled: boon::Schemas,
}

impl Schemas {
    const URL: &str = "http://localhost/schemas.json";

    fn read(folder: &Path, name: &str) -> Self {
        let path = folder.join(name);
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let file: Value = serde_json::from_str(&text).unwrap();
        let names = file["definitions"].as_object().unwrap().keys().cloned().collect();
        let mut compiler = boon::Compiler::new();
        compiler.set_default_draft(boon::Draft::V7);
        compiler.add_resource(Self::URL, file).unwrap();
        Self { names, compiler, compiled: boon::Schemas::new() }
    }

    /// Problems of a value, each with its place.
    fn problems(&mut self, name: &str, value: &Value) -> Vec<String> {
        assert!(self.names.contains(name), "no schema of {name}");
        let schema = self.compiler.compile(&format!("{}#/definitions/{name}", Self::URL), &mut self.compiled).unwrap();
        let error = self.compiled.validate(value, schema).err();
        error.iter().flat_map(|error| &error.causes).map(|cause| format!("{name} {cause}")).collect()
    }
}

/// Schema folder, or `None` if the test is to be skipped.
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("AFFITOR_PROVIDER_SCHEMAS");
    if folder.is_none() {
        let forbidden = std::env::var_os("AFFITOR_TESTS_FORBID_SKIP").is_some();
        assert!(!forbidden, "AFFITOR_PROVIDER_SCHEMAS is not set, and skipping is forbidden");
        eprintln!(
            "SKIPPED: AFFITOR_PROVIDER_SCHEMAS is not set. Run .ci/provider-schemas FOLDER and set it to the folder."
        );
    }
    folder.map(PathBuf::from)
}

/// All kinds of a provider, several times.
fn lives(provider: Provider, api: Api) -> impl Iterator<Item = Life> {
    let mut rng = fastrand::Rng::with_seed(11);
    (0..usize::try_from(share(8)).unwrap() * kinds(provider).len()).filter_map(move |number| {
        let kind = kinds(provider)[number % kinds(provider).len()];
        Life::of_kind(&mut rng, provider, api, kind, number as u64, NOW)
    })
}

/// The webhooks of `affitor::test_util`: of a one-off payment and of a subscription, with a renewal and refunds.
fn test_payments<P: TestProvider>() -> Vec<(&'static str, Value)> {
    let mut one_off = TestPayment::<P>::new(4_900, Currency::EUR).customer_key("user_7");
    let mut subscription = TestPayment::<P>::subscription(4_900, Currency::EUR);
    let webhooks = [
        (one_off.paid(), "test payment"),
        (one_off.refunded(1_500), "refunded test payment"),
        (one_off.refunded_in_full(), "refunded test payment"),
        (subscription.paid(), "test subscription"),
        (subscription.refunded(1_500), "refunded test subscription"),
        (subscription.renewed(), "renewed test subscription"),
        (subscription.refunded_in_full(), "refunded test subscription"),
    ];
    let body = |webhook: &TestWebhook<P>| serde_json::from_str(webhook.body()).unwrap();
    webhooks.iter().flat_map(|(webhooks, kind)| webhooks.iter().map(move |webhook| (*kind, body(webhook)))).collect()
}

/// What is validated.
fn bodies(provider: Provider, api: Api) -> Vec<(&'static str, Value)> {
    let mut bodies: Vec<_> = lives(provider, api)
        .flat_map(|life| life.webhooks.into_iter().map(move |webhook| (life.kind, webhook.body)))
        .collect();
    bodies.extend(match (provider, api) {
        (Provider::Stripe, Api::Old) => Vec::new(),
        (Provider::Stripe, Api::New) => test_payments::<affitor_payments::Stripe>(),
        (Provider::Polar, _) => test_payments::<affitor_payments::Polar>(),
        (Provider::LemonSqueezy, _) => test_payments::<affitor_payments::LemonSqueezy>(),
        (Provider::Paddle, _) => test_payments::<affitor_payments::Paddle>(),
    });
    bodies
}

/// Fails with each problem once, with the kind of a life that has it.
fn report(problems: &BTreeMap<String, &str>) {
    let lines: Vec<String> = problems.iter().take(40).map(|(problem, kind)| format!("{kind}: {problem}")).collect();
    assert!(problems.is_empty(), "{} problems:\n{}", problems.len(), lines.join("\n"));
}

/// Name of a type from an event type: `charge.refunded` becomes `ChargeRefunded`.
fn pascal_case(text: &str) -> String {
    text.split(['.', '_']).map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

fn validate(provider: Provider, api: Api, file: &str, name: impl Fn(&Value) -> Option<(String, Value)>) {
    let Some(folder) = folder() else { return };
    let mut schemas = Schemas::read(&folder, file);
    let mut problems = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for (kind, body) in bodies(provider, api) {
        let Some((name, value)) = name(&body) else { continue };
        for problem in schemas.problems(&name, &value) {
            problems.entry(problem.chars().take(600).collect()).or_insert(kind);
        }
        if seen.insert(name.clone()) {
            let mut wrong = value;
            wrong["unknown_field"] = json!(1);
            assert!(!schemas.problems(&name, &wrong).is_empty(), "the schema of {name} takes anything");
        }
    }
    eprintln!("validated {seen:?}");
    assert!(!seen.is_empty());
    report(&problems);
}

/// Validates the objects first, because an error in them is easier to understand than one in the event.
fn validate_stripe(api: Api, file: &str) {
    validate(Provider::Stripe, api, file, |body| {
        let object = &body["data"]["object"];
        Some((format!("{}Object", pascal_case(object["object"].as_str().unwrap())), object.clone()))
    });
    validate(Provider::Stripe, api, file, |body| {
        let mut body = body.clone();
        if let Some(data) = body["data"].as_object_mut() {
            data.remove("previous_attributes");
        }
        Some((format!("{}Event", pascal_case(body["type"].as_str().unwrap())), body))
    });
}

#[test]
fn stripe_webhooks_of_the_old_api_are_valid() {
    validate_stripe(Api::Old, "stripe-old.json");
}

#[test]
fn stripe_webhooks_of_the_new_api_are_valid() {
    validate_stripe(Api::New, "stripe-new.json");
}

#[test]
fn polar_webhooks_are_valid() {
    validate(Provider::Polar, Api::New, "polar.json", |body| {
        Some((pascal_case(body["type"].as_str().unwrap()), body.clone()))
    });
}

#[test]
fn paddle_webhooks_are_valid() {
    validate(Provider::Paddle, Api::New, "paddle.json", |body| {
        let (object, _) = body["event_type"].as_str().unwrap().split_once('.').unwrap();
        Some((pascal_case(object), body.clone()))
    });
}

/// The SDK's types lack the status of a partial refund and the reason of an update, and take a time for a date object.
#[test]
fn lemon_squeezy_webhooks_are_valid() {
    validate(Provider::LemonSqueezy, Api::New, "lemon-squeezy.json", |body| {
        let mut object = body["data"].clone();
        let name = pascal_case(&object["type"].as_str().unwrap().replace('-', "_"));
        let attributes = &mut object["attributes"];
        if attributes["status"] == "partial_refund" {
            attributes["status"] = json!("refunded");
        }
        if attributes["billing_reason"] == "updated" {
            attributes["billing_reason"] = json!("renewal");
        }
        Some((name, object))
    });
}
