//! Settings that are wrong.

use crate::common::run;

/// Runs `affitor prove` with this file. Returns the error.
async fn rejected(text: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("affitor.toml");
    std::fs::write(&config, text).unwrap();
    let result = run(&["prove", "--json", "--config", config.to_str().unwrap(), "--", "false"], &[]).await;
    assert_eq!(result.code, 2, "{text}: {}{}", result.out, result.err);
    let error = &result.json()["error"];
    assert_eq!(error["kind"], "usage");
    assert!(error["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{error}");
    error["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn mistakes_in_the_file_are_named() {
    const APP: &str = "app = { url = 'http://127.0.0.1:1' }\n";
    const SIGN_UP: &str = "signup = { steps = [{ get = '/' }] }\n";
    for (text, message) in [
        (String::new(), "missing field `app`"),
        (APP.to_owned(), "missing field `signup`"),
        ("app = {".to_owned(), "affitor.toml"),
        (format!("{APP}{SIGN_UP}webhok = 1\n"), "unknown field `webhok`"),
        (format!("{APP}signup = {{}}\n"), "`steps` or a `command`"),
        (format!("{APP}signup = {{ steps = [{{ get = '/' }}], command = ['a'] }}\n"), "both `steps` and a `command`"),
        (format!("{APP}signup = {{ command = [] }}\n"), "`signup.command` is empty"),
        (format!("{APP}signup = {{ steps = [{{}}] }}\n"), "either `get` or `post`"),
        (format!("{APP}signup = {{ steps = [{{ get = 'signup' }}] }}\n"), "is not a path of the app"),
        (format!("{APP}signup = {{ steps = [{{ get = '/', form = {{ a = 'b' }} }}] }}\n"), "can't have a body"),
        (
            format!("{APP}signup = {{ steps = [{{ post = '/', form = {{}}, json = {{}} }}] }}\n"),
            "both `form` and `json`",
        ),
        (format!("app = {{ url = 'https://shop.example' }}\n{SIGN_UP}"), "of this machine"),
        (format!("app = {{ url = 'http://127.0.0.1:1/shop' }}\n{SIGN_UP}"), "scheme, host and port"),
        (format!("app = {{ url = 'http://127.0.0.1:{{port}}' }}\n{SIGN_UP}"), "`app.port` must name the variable"),
        (format!("app = {{ url = 'http://127.0.0.1:1', start = [] }}\n{SIGN_UP}"), "`app.start` is empty"),
        (
            format!("{APP}{SIGN_UP}webhook = {{ provider = 'stripe', path = '/w', secret = 'whsec-0123456789' }}\n"),
            "names of environment variables",
        ),
        (
            format!("{APP}{SIGN_UP}webhook = {{ provider = 'stripe', path = '/w', secret = 'AFFITOR_API_KEY' }}\n"),
            "can't be used here",
        ),
        (
            format!("{APP}{SIGN_UP}webhook = {{ provider = 'paypal', path = '/w', secret = 'A' }}\n"),
            "unknown variant `paypal`",
        ),
        (format!("{APP}signup = {{ steps = [{{ post = '//shop.example/' }}] }}\n"), "is not a path of the app"),
        (format!("{APP}signup = {{ steps = [{{ post = '/\\shop.example/' }}] }}\n"), "is not a path of the app"),
        (format!("{APP}{SIGN_UP}landing = {{ path = '//shop.example' }}\n"), "is not a path of the app"),
        (format!("{APP}{SIGN_UP}landing = {{ path = '/#pricing' }}\n"), "fragment"),
        (
            format!("{APP}{SIGN_UP}webhook = {{ provider = 'polar', path = '/w', secret = 'A', api = 'B' }}\n"),
            "is for Stripe",
        ),
        (
            format!("{APP}{SIGN_UP}webhook = {{ provider = 'stripe', path = '/w', secret = 'A', api = 'A' }}\n"),
            "different variables",
        ),
        (
            format!("{APP}{SIGN_UP}webhook = {{ provider = 'stripe', path = '//w', secret = 'A' }}\n"),
            "is not a path of the app",
        ),
        (
            format!("app = {{ url = 'http://127.0.0.1:1', env = {{ SHOP_KEY = '{{key}}' }} }}\n{SIGN_UP}"),
            "`app.env.SHOP_KEY` contains {key}; the names are {api_url}",
        ),
        (
            format!("app = {{ url = 'http://127.0.0.1:1', env = {{ AFFITOR_KEY = '{{api_key}}' }} }}\n{SIGN_UP}"),
            "can't be used here",
        ),
        (
            format!("app = {{ url = 'http://127.0.0.1:1', env = {{ SECRET = '{{webhook_secret}}' }} }}\n{SIGN_UP}"),
            "needs a section [webhook]",
        ),
        ("#".repeat(300 * 1024), "larger than"),
    ] {
        let error = rejected(&text).await;
        assert!(error.contains(message), "{message}: {error}");
        assert!(!error.contains("whsec-0123456789"), "{error}");
    }
}

#[tokio::test]
async fn missing_files_and_programs_are_named() {
    let result = run(&["prove", "--config", "/nowhere/affitor.toml"], &[]).await;
    assert_eq!(result.code, 2);
    assert!(result.err.contains("affitor init --write"), "{}", result.err);
    let file = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("affitor.toml"), text).unwrap();
        folder
    };
    let app = "app = { url = 'http://127.0.0.1:1' }\nsignup = { steps = [{ get = '/' }] }\n";
    let folder = file(app);
    let config = folder.path().join("affitor.toml");
    let result = run(&["prove", "--config", config.to_str().unwrap(), "--", "/nowhere/app"], &[]).await;
    assert_eq!(result.code, 2);
    assert!(result.err.contains("cannot start /nowhere/app"), "{}", result.err);
    let secret = "STRIPE_WEBHOOK_SECRET";
    let folder = file(&format!("{app}webhook = {{ provider = 'stripe', path = '/w', secret = '{secret}' }}\n"));
    let config = folder.path().join("affitor.toml");
    let result = run(&["prove", "--config", config.to_str().unwrap(), "--sandbox-port", "0"], &[]).await;
    assert_eq!(result.code, 2, "without a command, the secret is that of the running app");
    assert!(result.err.contains("STRIPE_WEBHOOK_SECRET is not set"), "{}", result.err);
}

/// An app with a configuration of its own gets the settings under its own names, the port among them.
#[cfg(unix)]
#[tokio::test]
async fn the_apps_own_variables_are_set() {
    let folder = tempfile::tempdir().unwrap();
    let (config, seen) = (folder.path().join("affitor.toml"), folder.path().join("seen"));
    let text = "[app]
url = 'http://127.0.0.1:{port}'
env = { SHOP__LISTEN = '127.0.0.1:{port}', SHOP__URL = '{api_url}', SHOP__KEY = '{api_key}', SHOP__SECRET = '{webhook_secret}' }
[signup]
steps = [{ get = '/' }]
[webhook]
provider = 'stripe'
path = '/webhooks'
secret = 'STRIPE_WEBHOOK_SECRET'
";
    std::fs::write(&config, text).unwrap();
    let script = format!(
        "printenv SHOP__LISTEN SHOP__URL SHOP__KEY SHOP__SECRET AFFITOR_API_URL AFFITOR_API_KEY STRIPE_WEBHOOK_SECRET >'{}'",
        seen.display()
    );
    let arguments = ["prove", "--json", "--config", config.to_str().unwrap(), "--", "sh", "-c", &script];
    let result = run(&arguments, &[]).await;
    assert_eq!(result.json()["findings"][0]["id"], "app-not-reachable", "the app ends at once");
    let seen = std::fs::read_to_string(seen).unwrap();
    let lines: Vec<&str> = seen.lines().collect();
    let [listen, url, key, secret, api_url, api_key, webhook_secret] = lines[..] else { panic!("{seen}") };
    assert_eq!((url, key, secret), (api_url, api_key, webhook_secret));
    assert!(listen.strip_prefix("127.0.0.1:").is_some_and(|port| port.parse::<u16>().is_ok()), "{listen}");
}
