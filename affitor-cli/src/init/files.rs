//! The texts of the files that `affitor init --write` creates.

use affitor_payments::StripeReporter;
use serde_json::{Value, json};
use toml_edit::DocumentMut;

use super::detect::Detected;
use crate::{provider::PaymentProvider, settings::DEFAULT_URL};

pub(crate) const ENV_EXAMPLE: &str = ".env.example";
pub(crate) const SETTINGS: &str = "affitor.toml";
pub(crate) const GITIGNORE: &str = ".gitignore";
pub(crate) const CONFIG: &str = ".affitor/config.json";
pub(crate) const SECRETS: &str = ".affitor/.env";

pub(crate) const API_KEY: &str = "AFFITOR_API_KEY";
pub(crate) const PROGRAM_ID: &str = "AFFITOR_PROGRAM_ID";
pub(crate) const API_URL: &str = "AFFITOR_API_URL";
pub(crate) const API_BASE: &str = "AFFITOR_API_BASE";
/// The first line of a new `.affitor/.env`.
pub(crate) const SECRETS_HEAD: &str = "# Made by `affitor init`. Do not commit this file.\n";

/// The variables of the app, without secrets.
pub(crate) fn env_example(detected: &Detected, service: &str, program_id: &str) -> String {
    let mut text = format!(
        "# Affitor: the program's API key and id. The key itself belongs into a file that git ignores.\n\
         AFFITOR_API_KEY=\n\
         AFFITOR_PROGRAM_ID={program_id}\n\
         # For the sandbox (`affitor sandbox`): http://127.0.0.1:4010\n\
         AFFITOR_API_URL={service}\n"
    );
    for provider in &detected.providers {
        text += &format!("\n# The secret of the webhook endpoint, from the settings of {}.\n", provider.name());
        text += &format!("{}=\n", provider.secret_variable());
        if *provider == PaymentProvider::Stripe {
            text += &format!(
                "# Who reports Stripe's payments: `app`, or `affitor` if Stripe is connected to the program. If both do, each counts twice.\n\
                 {}=\n",
                StripeReporter::VARIABLE
            );
        }
    }
    text
}

/// The settings of `affitor prove`.
pub(crate) fn settings(detected: &Detected) -> String {
    let text = r#"# How `affitor prove` drives this app. Contains no secrets. Adapt the routes to your own.

[app]
url = "http://127.0.0.1:{port}"   # loopback only; `{port}` is replaced by a free port
port = "PORT"                     # variable from which the app reads that port
start = ["cargo", "run"]          # used if there is no command after `affitor prove --`
# For an app with a configuration of its own: further variables, with {port}, {api_url}, {api_key}, {program_id}, {webhook_secret}. Then
# run `affitor init` once more: it prints lines for them.
# env = { APP__LISTEN = "127.0.0.1:{port}", APP__AFFITOR__URL = "{api_url}", APP__AFFITOR__KEY = "{api_key}" }

[landing]
path = "/"                        # a page with the tracker's script

[signup]
# In texts, `{email}` is a fresh e-mail address and `{id}` a fresh id. Use `json = { … }` instead of `form` for JSON.
steps = [
    { get = "/" },                # the page with the form: keeps cookies, and its hidden inputs
    { post = "/signup", form = { name = "jo-{id}", email = "{email}" } },
]
"#;
    match detected.providers.first() {
        Some(provider) => format!("{text}{}", payments(*provider)),
        None => {
            let example = payments(PaymentProvider::Stripe);
            let commented: Vec<String> =
                example.lines().map(|line| if line.is_empty() { String::new() } else { format!("# {line}") }).collect();
            let intro = "# If the app takes payments: stripe, polar, lemon-squeezy or paddle.";
            format!("{text}\n{intro}{}\n", commented.join("\n"))
        }
    }
}

/// The sections about payments.
fn payments(provider: PaymentProvider) -> String {
    let (id, secret) = (provider.id(), provider.secret_variable());
    let api = if provider == PaymentProvider::Stripe {
        "api = \"STRIPE_API_URL\"          # optional: variable from which the app reads the URL of Stripe's API\n"
    } else {
        ""
    };
    format!(
        "\n[checkout]\nsteps = [{{ post = \"/checkout\", json = {{ plan = \"pro\" }} }}]\n\
         \n[webhook]\nprovider = \"{id}\"\npath = \"/webhooks/{id}\"\n\
         secret = \"{secret}\" # variable from which the app reads the webhook secret\n{api}"
    )
}

/// The settings with the sections about payments, or `None` if they have them, or if the app takes no payments.
pub(crate) fn with_webhook(old: &str, detected: &Detected) -> Option<String> {
    let provider = *detected.providers.first()?;
    let document: DocumentMut = old.parse().ok()?;
    let has = |section: &str| document.contains_key(section);
    if !has("app") || !has("signup") || has("webhook") || has("checkout") {
        return None;
    }
    let end = if old.ends_with('\n') { "" } else { "\n" };
    Some(format!("{old}{end}{}", payments(provider)))
}

/// `.affitor/config.json`, in the format of the service's Node command line.
pub(crate) fn config(program_id: &str, domain: Option<&str>, service: &str) -> String {
    let config = json!({ "version": 2, "program_id": program_id, "domain": domain, "api_url": service });
    format!("{config:#}\n")
}

/// The variables in `.affitor/.env`. Only another service than the default is named, so that its key is not sent to the default one.
pub(crate) fn secrets<'t>(program_id: &'t str, service: &'t str, key: &'t str) -> [(&'static str, Option<&'t str>); 4] {
    let url = (service != DEFAULT_URL).then_some(service);
    // The other name of the URL could contradict the first one.
    [(API_KEY, Some(key)), (PROGRAM_ID, Some(program_id)), (API_URL, url), (API_BASE, None)]
}

/// Program id and service in `.affitor/config.json`, if they can be read.
pub(crate) fn read_config(text: &str) -> Option<(String, Option<String>)> {
    let config: Value = serde_json::from_str(text).ok()?;
    let id = &config["program_id"];
    let id = id.as_str().map(ToOwned::to_owned).or_else(|| id.as_u64().map(|id| id.to_string()))?;
    Some((id, config["api_url"].as_str().map(ToOwned::to_owned)))
}

/// `.gitignore` with `.affitor/`, or `None` if git ignores it already.
pub(crate) fn gitignore(text: &str) -> Option<String> {
    // A pattern that takes files back may match, whatever it names.
    let decides = |line: &&str| line.starts_with('!') || (line.contains(".affitor") && !line.starts_with('#'));
    let ignored = [".affitor", ".affitor/", "/.affitor", "/.affitor/", "**/.affitor", "**/.affitor/"];
    // The last line that matches wins.
    if text.lines().map(str::trim_end).rfind(decides).is_some_and(|line| ignored.contains(&line)) {
        return None;
    }
    let end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let separator = if text.is_empty() || text.ends_with('\n') { "" } else { end };
    Some(format!("{text}{separator}.affitor/{end}"))
}

#[cfg(test)]
mod tests {
    use super::{
        super::detect::Detected, PaymentProvider, env_example, gitignore, read_config, settings, with_webhook,
    };

    #[test]
    fn gitignore_ignores_the_folder_once() {
        for (before, after) in [
            ("", Some(".affitor/\n")),
            ("/target\n", Some("/target\n.affitor/\n")),
            ("/target", Some("/target\n.affitor/\n")),
            ("/target\r\n", Some("/target\r\n.affitor/\r\n")),
            (".affitor/\n", None),
            ("/.affitor\n/target\n", None),
            // Only a part is ignored, or it is taken back.
            (".affitor/.env\n", Some(".affitor/.env\n.affitor/\n")),
            (".affitor/\n!.affitor/.env\n", Some(".affitor/\n!.affitor/.env\n.affitor/\n")),
            (".affitor/\n!.*\n", Some(".affitor/\n!.*\n.affitor/\n")),
            ("!.*\n.affitor/\n", None),
            ("# .affitor/\n", Some("# .affitor/\n.affitor/\n")),
            (" .affitor/\n", Some(" .affitor/\n.affitor/\n")),
        ] {
            assert_eq!(gitignore(before).as_deref(), after, "{before:?}");
        }
    }

    #[test]
    fn settings_are_toml_without_placeholders_of_secrets() {
        for providers in
            [vec![], vec![PaymentProvider::Stripe], vec![PaymentProvider::LemonSqueezy, PaymentProvider::Paddle]]
        {
            let detected = Detected { providers, ..Detected::default() };
            let text = settings(&detected);
            let toml: toml_edit::DocumentMut = text.parse().unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(toml.contains_key("webhook"), !detected.providers.is_empty(), "{text}");
            assert_eq!(toml["app"]["port"].as_str(), Some("PORT"));
            let uncommented =
                text.replace("\n# [", "\n[").replace("\n# steps", "\nsteps").replace("\n# provider", "\nprovider");
            assert!(uncommented.parse::<toml_edit::DocumentMut>().is_ok(), "{uncommented}");
            let env = env_example(&detected, "https://api.affitor.com", "43");
            assert!(env.contains("AFFITOR_API_KEY=\n"), "{env}");
        }
    }

    #[test]
    fn a_webhook_that_has_come_is_added_once() {
        let before = settings(&Detected::default());
        let detected = Detected { providers: vec![PaymentProvider::Paddle], ..Detected::default() };
        assert_eq!(with_webhook(&before, &Detected::default()), None);
        let after = with_webhook(&before, &detected).unwrap();
        let toml: toml_edit::DocumentMut = after.parse().unwrap();
        assert_eq!(toml["webhook"]["provider"].as_str(), Some("paddle"));
        assert!(after.starts_with(&before));
        assert_eq!(with_webhook(&after, &detected), None);
    }

    #[test]
    fn files_of_the_node_command_are_understood() {
        let node = r#"{ "version": 2, "program_id": 42, "domain": "x", "api_url": "https://api.affitor.com" }"#;
        assert_eq!(read_config(node), Some(("42".to_owned(), Some("https://api.affitor.com".to_owned()))));
        assert_eq!(read_config(r#"{ "program_id": "7" }"#), Some(("7".to_owned(), None)));
        assert_eq!(read_config("[]"), None);
    }
}
