//! `affitor doctor` in the folder of an app.

use affitor_sandbox::Sandbox;

use crate::common::{Home, KEY, start};

const LOCK: &str = "[[package]]\nname = 'rustls'\nversion = '0.23.30'\ndependencies = ['log', 'ring']\n";
const APP: &str = "[app]\nurl = 'http://127.0.0.1:3000'\n[signup]\nsteps = [{ post = '/signup' }]\n";

fn manifest(features: &str) -> String {
    format!("[package]\nname = 'shop'\n[dependencies]\naffitor-axum = {{ version = '0.2', features = [{features}] }}\n")
}

/// An app without TLS is found before its first day in production.
#[tokio::test]
async fn the_tls_of_the_app() {
    let sandbox = start(Sandbox::builder()).await;
    let home = Home::new(sandbox.url());
    for (features, lock, code, expected) in [
        ("", LOCK, 1, "✗ app-tls  affitor-axum has no TLS, so the app can't reach https://api.affitor.com"),
        ("", LOCK, 1, "→ cargo add affitor-axum --features rustls"),
        ("'webhooks'", "", 1, "→ cargo add affitor-axum --features ring"),
        ("'rustls'", "", 1, "the app's own cryptography for rustls, and the app has none"),
        ("'rustls'", LOCK, 0, "✓ app-tls  affitor-axum can reach the service by https"),
        ("'ring'", "", 0, "✓ app-tls"),
        ("'native-tls'", "", 0, "✓ app-tls"),
    ] {
        home.project("Cargo.toml", &manifest(features));
        home.project("Cargo.lock", lock);
        let run = home.run_with(&["doctor"], &[("AFFITOR_API_KEY", KEY)]).await;
        assert_eq!(run.code, code, "{features}: {}", run.out);
        assert!(run.out.contains(expected), "{features}: {expected}: {}", run.out);
    }
}

/// An app with a configuration of its own has other variables.
#[tokio::test]
async fn the_apps_own_variables() {
    let sandbox = start(Sandbox::builder()).await;
    let home = Home::new(sandbox.url());
    let env = "env = { SHOP__KEY = '{api_key}', SHOP__LISTEN = '127.0.0.1:{port}' }\n";
    let webhook = "[webhook]\nprovider = 'stripe'\npath = '/hook'\nsecret = 'SHOP__SECRET'\n";
    home.project("affitor.toml", &APP.replace("[signup]", &format!("{env}[signup]")));
    let run = home.run_with(&["doctor"], &[("SHOP__KEY", KEY)]).await;
    assert!(run.code == 0 && run.out.contains("service  accepted the key"), "{}{}", run.out, run.err);
    // A cloned repository can't name any other secret as the key.
    let run = home.run_with(&["doctor"], &[("SHOP__KEY", "ghp_0123456789")]).await;
    assert!(run.code == 2 && run.out.contains("no API key") || run.out.contains("not set"), "{}", run.out);

    home.project("affitor.toml", &format!("{APP}{webhook}"));
    for (secret, code, expected) in [
        ("", 0, "SHOP__SECRET is not set here"),
        ("whsec_...", 1, "SHOP__SECRET: the secret is a placeholder"),
        ("whsec_0123456789", 0, "SHOP__SECRET may be one of Stripe"),
    ] {
        let run = home.run_with(&["doctor"], &[("AFFITOR_API_KEY", KEY), ("SHOP__SECRET", secret)]).await;
        assert_eq!(run.code, code, "{secret}: {}", run.out);
        assert!(run.out.contains(expected), "{expected}: {}", run.out);
    }
    home.project("affitor.toml", "[app]\n");
    let run = home.run_with(&["doctor"], &[("AFFITOR_API_KEY", KEY)]).await;
    assert!(run.out.contains("! affitor.toml"), "{}", run.out);
}
