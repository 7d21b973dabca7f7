//! Which signatures are accepted.

use std::collections::HashMap;

use affitor_payments::{
    LemonSqueezy, Paddle, Polar, Provider, Stripe, StripeReporter, VerifyError, Webhook, WebhookBody,
};
use serde::Deserialize;

use super::{at, verify, webhook};

/// A signature that was created and verified with the provider's own library: see `webhooks/vectors.mjs`.
#[derive(Deserialize)]
struct Vector {
    provider: String,
    name: String,
    expected: String,
    secrets: Vec<String>,
    headers: HashMap<String, String>,
    body: String,
    now: u64,
}

fn verify_vector<P: Provider>(vector: &Vector) -> String {
    let mut secrets = vector.secrets.iter();
    let mut webhook = Webhook::<P>::disabled().or_secret(secrets.next().unwrap()).unwrap();
    for secret in secrets {
        webhook = webhook.or_secret(secret).unwrap();
    }
    let header = |name: &str| vector.headers.get(name).map(String::as_bytes);
    match webhook.verify(header, vector.body.as_bytes(), at(vector.now)) {
        Ok(_) => "ok",
        Err(VerifyError::MissingHeader { .. }) => "missing_header",
        Err(VerifyError::MalformedHeader { .. }) => "malformed_header",
        Err(VerifyError::WrongSignature) => "wrong_signature",
        Err(VerifyError::OutsideTolerance) => "outside_tolerance",
        Err(_) => "not_json",
    }
    .to_owned()
}

#[test]
fn signatures() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    assert!(vectors.len() >= 50, "{}", vectors.len());
    for vector in &vectors {
        let actual = match vector.provider.as_str() {
            "stripe" => verify_vector::<Stripe>(vector),
            "polar" => verify_vector::<Polar>(vector),
            "lemon_squeezy" => verify_vector::<LemonSqueezy>(vector),
            "paddle" => verify_vector::<Paddle>(vector),
            other => panic!("{other}"),
        };
        assert_eq!(actual, vector.expected, "{}: {}", vector.provider, vector.name);
    }
}

#[test]
fn signed_bodies_that_are_not_json() {
    for body in [&b""[..], b"{", b"null", b"[]", b"\"evt\"", b"{\"id\":\"evt_1\",\"data\":{\"obj", b"\xff\xfe"] {
        assert_eq!(verify::<Stripe>(body).unwrap_err(), VerifyError::NotJson, "{body:?}");
        assert_eq!(verify::<LemonSqueezy>(body).unwrap_err(), VerifyError::NotJson, "{body:?}");
        assert_eq!(verify::<Paddle>(body).unwrap_err(), VerifyError::NotJson, "{body:?}");
        assert_eq!(verify::<Polar>(body).unwrap_err(), VerifyError::NotJson, "{body:?}");
    }
    let deep = format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    assert_eq!(verify::<Stripe>(deep.as_bytes()).unwrap_err(), VerifyError::NotJson);
}

#[test]
fn invalid_secrets_are_rejected_and_never_shown() {
    for empty in ["", " ", "\n", "whsec_", "pdl_ntfset_\n"] {
        assert!(Webhook::<Stripe>::new(empty, StripeReporter::App).is_err());
        assert!(webhook::<Stripe>().or_secret(empty).is_err());
    }
    // What is left of a configuration that was not filled in.
    for placeholder in [
        "undefined",
        "whsec_undefined",
        "null",
        "${SECRET}",
        "whsec_{{ secret }}",
        "\"whsec_x\"",
        "whsec_x'",
        "whsec_...",
        "whsec_xxxx",
        "<secret>",
        "whsec_your_secret",
        "changeme",
    ] {
        assert!(Webhook::<Polar>::new(placeholder).is_err(), "{placeholder}");
    }
    for invisible in ["whsec_\u{200b}x", "\u{feff}whsec_x", "whsec_x\u{a0}y", "whsec_x\ny", "whsec_x\0"] {
        assert!(Webhook::<Stripe>::new(invisible, StripeReporter::App).is_err(), "{invisible:?}");
    }
    assert!(Webhook::<Polar>::new("polar_whs_ünïcode-secret").is_ok(), "a merchant's own secret");
    // Keys of the providers' APIs, and a text that can't be a Stripe secret.
    for key in ["sk_live_0123456789", "pk_test_0123456789", "rk_live_0123456789", "0123456789"] {
        let error = Webhook::<Stripe>::new(key, StripeReporter::App).unwrap_err().to_string();
        assert!(!error.contains(key), "{error}");
    }
    assert!(Webhook::<Polar>::new("polar_oat_0123456789").is_err());
    assert!(Webhook::<affitor_payments::Paddle>::new("pdl_live_apikey_0123456789").is_err());
    let debug = format!(
        "{:?}",
        Webhook::<Stripe>::new("whsec_x\n", StripeReporter::App).unwrap().or_secret("whsec_y").unwrap()
    );
    assert!(!debug.contains("whsec_"), "{debug}");
}

/// Without a secret, nothing is accepted, and the provider is asked to redeliver.
#[test]
fn a_disabled_endpoint_accepts_nothing() {
    let disabled = Webhook::<Stripe>::disabled();
    assert!(disabled.is_disabled() && !webhook::<Stripe>().is_disabled());
    let body = b"{}";
    for signer in [&disabled, &webhook::<Stripe>()] {
        let headers = signer.sign("msg_1", body, at(super::NOW));
        let header = |name: &str| headers.get(name).map(String::as_bytes);
        assert_eq!(disabled.verify(header, body, at(super::NOW)).unwrap_err(), VerifyError::Disabled);
        assert_eq!(WebhookBody::begin(&disabled, header).unwrap_err().status(), 503);
    }
    assert_eq!(WebhookBody::begin(&disabled, |_| None).unwrap_err().status(), 503);
    assert!(!disabled.or_secret("whsec_0123456789").unwrap().is_disabled());
}

/// A secret whose base64 text decodes to nothing is not used as an empty key.
#[test]
fn a_secret_that_is_empty_in_base64() {
    let webhook = Webhook::<Polar>::new("whsec_====").unwrap();
    let body = b"{\"type\":\"order.paid\"}";
    let mut headers = webhook.sign("msg_1", body, at(super::NOW));
    assert!(webhook.verify(|name| headers.get(name).map(String::as_bytes), body, at(super::NOW)).is_ok());
    let empty = standardwebhooks::Webhook::from_bytes(Vec::new()).unwrap();
    headers.insert("webhook-signature", empty.sign("msg_1", super::NOW as i64, body).unwrap());
    assert!(webhook.verify(|name| headers.get(name).map(String::as_bytes), body, at(super::NOW)).is_err());
}
