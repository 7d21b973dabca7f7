//! Tests of the stand-ins of the providers' APIs.

use std::collections::{HashMap, HashSet};

use affitor_tests::provider_apis::{ProviderApi, STRIPE_TEST_KEY};
use serde_json::{Value, json};
use shop_lives::{Api, Life, Provider};

const NOW: u64 = 1_760_000_000;

/// Objects of 60 lives.
fn objects(provider: Provider) -> Vec<Value> {
    let mut rng = fastrand::Rng::with_seed(7);
    (1..=60).flat_map(|number| Life::generate(&mut rng, provider, Api::New, number, NOW).objects).collect()
}

/// Endpoints that list all objects of a kind.
fn lists(provider: Provider) -> &'static [&'static str] {
    match provider {
        Provider::Stripe => &[
            "/v1/charges",
            "/v1/refunds",
            "/v1/disputes",
            "/v1/invoice_payments",
            "/v1/invoices",
            "/v1/checkout/sessions",
            "/v1/payment_intents",
        ],
        Provider::Polar => &["/v1/orders/", "/v1/refunds/"],
        Provider::LemonSqueezy => &["/v1/orders", "/v1/subscription-invoices", "/v1/subscriptions"],
        Provider::Paddle => &["/transactions", "/adjustments"],
    }
}

/// A client that follows a provider's pages.
struct Client {
    provider: Provider,
    api: ProviderApi,
    http: reqwest::Client,
    key: &'static str,
}

impl Client {
    async fn start(provider: Provider) -> Self {
        let api = ProviderApi::start(provider, objects(provider)).await;
        let key = api.key();
        Self { provider, api, http: reqwest::Client::new(), key }
    }

    async fn get(&self, target: &str) -> reqwest::Response {
        let url = if target.starts_with("http") { target.to_owned() } else { format!("{}{target}", self.api.url) };
        let mut request = self.http.get(url).bearer_auth(self.key);
        match self.provider {
            Provider::Stripe => request = request.header("Stripe-Version", "2025-03-31.basil"),
            Provider::LemonSqueezy => request = request.header("Accept", "application/vnd.api+json"),
            Provider::Polar | Provider::Paddle => {}
        }
        request.send().await.expect("a response")
    }

    async fn status(&self, target: &str) -> u16 {
        self.get(target).await.status().as_u16()
    }

    /// Reads a page. Returns its items and the address of the next page, if there is one.
    async fn page(&self, target: &str) -> (Vec<Value>, Option<String>) {
        let response = self.get(target).await;
        assert_eq!(response.status(), 200, "{target}");
        let mut body: Value = response.json().await.expect("JSON");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (items, next) = match self.provider {
            Provider::Stripe => {
                let rest: Vec<&str> = query.split('&').filter(|part| !part.starts_with("starting_after=")).collect();
                let last = body["data"].as_array().and_then(|items| items.last()).map(|item| item["id"].clone());
                let next = last.map(|id| format!("{path}?{}&starting_after={}", rest.join("&"), id.as_str().unwrap()));
                ("data", next.filter(|_| body["has_more"] == true))
            }
            Provider::Polar => {
                let number = query.rsplit_once("page=").map_or(1, |(_, number)| number.parse().expect("a number"));
                let more = number < body["pagination"]["max_page"].as_u64().expect("a number");
                let rest = query.split("&page=").next().unwrap_or_default();
                ("items", more.then(|| format!("{path}?{rest}&page={}", number + 1)))
            }
            Provider::LemonSqueezy => ("data", body["links"]["next"].as_str().map(str::to_owned)),
            Provider::Paddle => {
                let pagination = &body["meta"]["pagination"];
                let next = pagination["next"].as_str().expect("on the last page too").to_owned();
                ("data", (pagination["has_more"] == true).then_some(next))
            }
        };
        let Value::Array(items) = body[items].take() else { panic!("no items: {body}") };
        (items, next)
    }

    /// Reads all pages of a list.
    async fn walk(&self, target: &str) -> Vec<Value> {
        let (mut items, mut next) = self.page(target).await;
        while let Some(target) = next {
            let page = self.page(&target).await;
            items.extend(page.0);
            next = page.1;
        }
        items
    }
}

/// Type and id of an object. Lemon Squeezy counts each type on its own.
fn identity(object: &Value) -> (String, String) {
    (object["type"].to_string(), object["id"].as_str().expect("an id").to_owned())
}

#[tokio::test]
async fn lists_have_each_object_once() {
    for provider in Provider::ALL {
        let client = Client::start(provider).await;
        client.api.set_page_size(7);
        let mut expected: HashMap<_, _> =
            objects(provider).into_iter().map(|object| (identity(&object), object)).collect();
        for list in lists(provider) {
            let items = client.walk(list).await;
            assert!(items.len() > 7, "{provider:?}: {} of {list}", items.len());
            for item in items {
                assert_eq!(expected.remove(&identity(&item)), Some(item), "{provider:?}: {list}");
            }
        }
        // Stripe's subscriptions have no list here.
        for ((_, id), object) in expected {
            assert_eq!(object["object"], "subscription", "{provider:?}: {object}");
            let found: Value = client.get(&format!("/v1/subscriptions/{id}")).await.json().await.expect("JSON");
            assert_eq!(found, object);
        }
        let requests = client.api.requests();
        assert_eq!(requests[0], format!("GET {}", lists(provider)[0]));
        assert!(requests.len() > 20, "{provider:?}: {}", requests.len());
    }
}

#[tokio::test]
async fn lists_are_filtered() {
    for (provider, target, field, values) in [
        (Provider::Stripe, "/v1/invoices?status=paid", "/status", &["paid"][..]),
        (Provider::Stripe, "/v1/invoice_payments?payment[type]=payment_record", "/payment/type", &["payment_record"]),
        (
            Provider::Polar,
            "/v1/orders/?status=refunded&status=partially_refunded",
            "/status",
            &["refunded", "partially_refunded"],
        ),
        (Provider::LemonSqueezy, "/v1/orders?filter[store_id]=17", "/attributes/store_id", &["17"]),
        (Provider::Paddle, "/adjustments?status=approved,rejected&per_page=50", "/status", &["approved", "rejected"]),
        (Provider::Paddle, "/transactions?origin=web", "/origin", &["web"]),
    ] {
        let client = Client::start(provider).await;
        client.api.set_page_size(3);
        let is_found = |object: &Value| {
            let value = object.pointer(field).map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
            value.is_some_and(|value| values.contains(&value.as_str()))
        };
        let kind = client.page(target).await.0[0]["id"].as_str().expect("an id")[..3].to_owned();
        let is_of_kind = |object: &&Value| match provider {
            Provider::Stripe | Provider::Paddle => object["id"].as_str().is_some_and(|id| id.starts_with(&kind)),
            Provider::Polar => object.get("order_id").is_none(),
            Provider::LemonSqueezy => object["type"] == "orders",
        };
        let expected = objects(provider).iter().filter(is_of_kind).filter(|object| is_found(object)).count();
        let items = client.walk(target).await;
        assert_eq!(items.len(), expected, "{target}");
        assert!(expected > 0 && items.iter().all(is_found), "{target}");
    }
}

#[tokio::test]
async fn lists_are_filtered_by_time() {
    let start = NOW - 3_450;
    let time = "2025-10-09T07:55:50Z";
    for (provider, target, inclusive) in [
        (Provider::Stripe, format!("/v1/charges?created[gte]={start}"), true),
        (Provider::Polar, format!("/v1/orders/?created_after={time}"), false),
        (Provider::Paddle, format!("/transactions?created_at[GTE]={time}"), true),
    ] {
        let client = Client::start(provider).await;
        let created = |object: &Value| match object["created"].as_u64() {
            Some(created) => created.to_string(),
            None => object["created_at"].as_str().expect("a time").to_owned(),
        };
        let since = if provider == Provider::Stripe { start.to_string() } else { time.replace('Z', ".000000Z") };
        let all = client.walk(target.split('?').next().expect("a path")).await;
        let is_found = |object: &&Value| created(object) > since || inclusive && created(object) == since;
        let expected: Vec<&Value> = all.iter().filter(is_found).collect();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{target}: {} of {}", expected.len(), all.len());
        let items = client.walk(&target).await;
        assert_eq!(items.iter().collect::<Vec<_>>(), expected, "{target}");
    }
}

#[tokio::test]
async fn fails_requests() {
    for provider in Provider::ALL {
        let client = Client::start(provider).await;
        let target = lists(provider)[0];
        client.api.fail_next(2, 429);
        let response = client.get(target).await;
        assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"0".parse().unwrap()));
        assert!(response.json::<Value>().await.expect("JSON").is_object());
        assert_eq!(client.status(target).await, 429);
        assert_eq!(client.status(target).await, 200);

        client.api.fail_after(1, 1, 500);
        assert_eq!(
            [client.status(target).await, client.status(target).await, client.status(target).await],
            [200, 500, 200]
        );

        client.api.break_after(1);
        assert_eq!(
            [client.status(target).await, client.status(target).await, client.status(target).await],
            [200, 500, 500]
        );
        client.api.break_after(usize::MAX);
        assert_eq!(client.status(target).await, 200);
        assert_eq!(client.api.requests().len(), 10);
    }
}

#[tokio::test]
async fn repeats_items() {
    for provider in Provider::ALL {
        let client = Client::start(provider).await;
        client.api.set_page_size(7);
        for list in lists(provider) {
            client.api.repeat_pages(false);
            let once = client.walk(list).await;
            client.api.repeat_pages(true);
            let (first, next) = client.page(list).await;
            let (second, _) = client.page(&next.expect("a second page")).await;
            assert_eq!(first.last(), second.first(), "{list}");
            let twice = client.walk(list).await;
            let found: HashSet<_> = twice.iter().map(identity).collect();
            assert_eq!(found, once.iter().map(identity).collect(), "{list}");
            let pages = (once.len() - 1).div_ceil(6);
            assert_eq!(twice.len(), once.len() + pages - 1, "{list}");
        }
    }
}

#[tokio::test]
async fn refuses_wrong_keys() {
    for provider in Provider::ALL {
        let mut client = Client::start(provider).await;
        let target = lists(provider)[0];
        let refused = if provider == Provider::Paddle { 403 } else { 401 };
        for key in ["whsec_example", "pdl_sdbx_apikey_example", "rk_live_revoked", ""] {
            client.key = key;
            assert_eq!(client.status(target).await, refused, "{provider:?}: {key}");
        }
        let response = client.http.get(format!("{}{target}", client.api.url)).send().await.expect("a response");
        assert_eq!(response.status(), refused, "{provider:?}");
    }
}

#[tokio::test]
async fn finds_objects_of_the_keys_mode() {
    let mut client = Client::start(Provider::Stripe).await;
    client.key = STRIPE_TEST_KEY;
    assert_eq!(client.walk("/v1/charges").await, Vec::<Value>::new());
    client.key = "sk_live_example";
    assert!(!client.walk("/v1/charges").await.is_empty());
}

#[tokio::test]
async fn refuses_wrong_requests() {
    for (provider, target, status) in [
        (Provider::Stripe, "/v1/charges?limit=101", 400),
        (Provider::Stripe, "/v1/charges?limit=0", 400),
        (Provider::Stripe, "/v1/charges?status=succeeded", 400),
        (Provider::Stripe, "/v1/charges?starting_after=ch_unknown", 400),
        (Provider::Stripe, "/v1/invoice_payments?payment[payment_intent]=pi_1", 400),
        (Provider::Stripe, "/v1/invoice_payments?payment[type]=charge", 400),
        (Provider::Stripe, "/v1/invoices/in_unknown", 404),
        (Provider::Stripe, "/v1/coupons", 404),
        (Provider::Polar, "/v1/orders?page=0", 422),
        (Provider::Polar, "/v1/orders?created_after=yesterday", 422),
        (Provider::Polar, "/v1/orders?page=99", 200),
        (Provider::Polar, "/v1/refunds?created_after=yesterday&limit=1000", 200),
        (Provider::LemonSqueezy, "/v1/orders?page[size]=101", 400),
        (Provider::LemonSqueezy, "/v1/orders?filter[created_at]=2025-01-01", 400),
        (Provider::Paddle, "/transactions?per_page=1000", 200),
        (Provider::Paddle, "/adjustments?created_at[GTE]=2025-01-01T00:00:00Z", 400),
        (Provider::Paddle, "/adjustments?after=adj_unknown", 400),
    ] {
        let client = Client::start(provider).await;
        assert_eq!(client.status(target).await, status, "{target}");
    }
}

#[tokio::test]
async fn requires_headers() {
    let client = Client::start(Provider::Stripe).await;
    let url = format!("{}/v1/charges", client.api.url);
    for version in [None, Some("2024-06-20"), Some("2025-02-24.acacia"), Some("2025-03-31")] {
        let mut request = client.http.get(&url).bearer_auth(client.key);
        if let Some(version) = version {
            request = request.header("Stripe-Version", version);
        }
        assert_eq!(request.send().await.expect("a response").status(), 400, "{version:?}");
    }
    let client = Client::start(Provider::LemonSqueezy).await;
    let request = client.http.get(format!("{}/v1/orders", client.api.url)).bearer_auth(client.key);
    assert_eq!(request.send().await.expect("a response").status(), 406);
}

#[tokio::test]
async fn serves_objects_set_later() {
    let client = Client::start(Provider::Polar).await;
    client.api.set_objects(vec![json!({ "id": "1", "created_at": "2025-10-09T08:53:21Z" })]);
    assert_eq!(client.walk("/v1/orders").await.len(), 1);
    assert_eq!(client.walk("/v1/refunds").await.len(), 0);
}
