//! Starts the app, or finds one that is already running.

use std::ffi::OsString;

use affitor_payments::StripeReporter;
use tokio::time::{Instant, timeout};

use super::{
    Proof, Stop,
    app::{App, is_listening},
    finding::FindingId,
    say,
};
use crate::{failure::Failure, output::BOLD, provider::PaymentProvider, url::host_and_port};

impl Proof {
    /// Starts the app with the sandbox's settings.
    pub(super) async fn start_app(&mut self, command: &[OsString]) -> Result<(), Stop> {
        if is_listening(&self.url).await {
            let message = format!("another process already listens on {}", host_and_port(&self.url));
            let hint = "stop it, or use `url = \"http://127.0.0.1:{port}\"` with `port = \"PORT\"`";
            return Err(Failure::usage(message, hint).into());
        }
        let variables = self.all_variables()?;
        let app = self.app.insert(App::start(command, &variables)?);
        let began = Instant::now();
        match app.listening(&self.url, self.start_timeout).await {
            Ok(()) => {
                let seconds = began.elapsed().as_secs();
                self.report.passed("app", format!("listens on {} after {seconds} s", host_and_port(&self.url)));
                Ok(())
            }
            Err(problem) => {
                self.report.failed("app", FindingId::AppNotReachable.found(problem));
                Err(Stop::Reported)
            }
        }
    }

    /// Starts the app once more, after it was stopped or killed.
    pub(super) async fn start_again(&mut self, command: &[OsString]) -> Result<(), Stop> {
        let variables = self.all_variables()?;
        let app = self.app.insert(App::start(command, &variables)?);
        self.is_second_start = true;
        if let Err(problem) = app.listening(&self.url, self.start_timeout).await {
            let problem = format!("when it was started again, {problem}");
            self.report.failed("app", FindingId::AppNotReachable.found(problem));
            return Err(Stop::Reported);
        }
        Ok(())
    }

    /// The variables with which an app is started: for the sandbox, and for nothing else.
    pub(super) fn all_variables(&self) -> Result<Vec<(String, String)>, Failure> {
        let mut variables = self.variables()?;
        // Instead of the developer's own, which could lead past the proxy.
        for name in ["NO_PROXY", "no_proxy"] {
            variables.push((name.to_owned(), "localhost,127.0.0.1,::1".to_owned()));
        }
        // `HTTP_PROXY` would be a request header in CGI, so only the lower-case name is safe.
        for name in ["HTTPS_PROXY", "https_proxy", "http_proxy"] {
            variables.extend(self.guard.as_ref().map(|guard| (name.to_owned(), guard.url.clone())));
        }
        Ok(variables)
    }

    /// The variables with which an app uses the sandbox.
    fn variables(&self) -> Result<Vec<(String, String)>, Failure> {
        let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut variables = vec![
            own("AFFITOR_API_URL", self.sandbox.url()),
            own("AFFITOR_API_KEY", self.sandbox.api_key()),
            own("AFFITOR_PROGRAM_ID", &self.sandbox.program_id().to_string()),
        ];
        if let Some(webhook) = &self.config.webhook {
            variables.extend(self.secret.as_deref().map(|secret| own(&webhook.secret, secret)));
            let api = webhook.api.as_ref().zip(self.stripe.as_ref());
            variables.extend(api.map(|(name, stripe)| own(name, stripe.url())));
            if webhook.provider == PaymentProvider::Stripe {
                variables.push(own(StripeReporter::VARIABLE, self.reporter.as_str()));
            }
        }
        if let Some((log_in, provider)) = self.config.log_in.as_ref().zip(self.identity.as_ref()) {
            variables.push(own(&log_in.issuer, &provider.url));
            variables.extend(log_in.client_id.iter().map(|name| own(name, "prove")));
            variables.extend(log_in.client_secret.iter().map(|name| own(name, "a secret of no importance")));
        }
        variables.extend(self.port.clone());
        for (name, template) in &self.config.app.env {
            let value = template.fill(|name| match name {
                "api_url" => Some(self.sandbox.url().to_owned()),
                "api_key" => Some(self.sandbox.api_key().to_owned()),
                "program_id" => Some(self.sandbox.program_id().to_string()),
                "port" => self.url.port_or_known_default().map(|port| port.to_string()),
                "webhook_secret" => self.secret.clone(),
                "oidc_issuer" => self.identity.as_ref().map(|provider| provider.url.clone()),
                _ => self.stripe.as_ref().map(|stripe| stripe.url().to_owned()),
            });
            let value = value.map_err(|missing| {
                let message = format!("`app.env.{name}` contains {{{missing}}}, which needs a section [webhook]");
                Failure::usage(message, "add it to affitor.toml; {stripe_api_url} also needs its `api`")
            })?;
            variables.push((name.clone(), value));
        }
        Ok(variables)
    }

    /// Waits until an app that is already running has called the sandbox, which proves that it uses no other service.
    pub(super) async fn find_app(&mut self) -> Result<(), Stop> {
        say("Start your app with these variables. The proof begins when it calls the sandbox for the first time:");
        say("for example at its start, or when you sign up once in your browser.\n");
        let secret_variable = self.config.webhook.as_ref().map(|webhook| webhook.secret.clone());
        for (name, value) in self.variables()? {
            // The developer has set those.
            let has_secret = self.secret.as_ref().is_some_and(|secret| value.contains(secret.as_str()));
            if Some(&name) != secret_variable.as_ref() && !has_secret {
                say(&format!("  {BOLD}{name}{BOLD:#}={value}"));
            }
        }
        say("");
        let waiting = async {
            let mut last = 0;
            loop {
                let requests = self.sandbox.wait_for_requests_after(last).await;
                last = requests.last().map_or(last, |request| request.number);
                if requests.iter().any(|request| request.has_key) {
                    return;
                }
            }
        };
        if timeout(self.start_timeout, waiting).await.is_err() {
            let seconds = self.start_timeout.as_secs();
            self.report.failed(
                "app",
                FindingId::PointsElsewhere.because(
                    format!(
                        "the sandbox has received no request from the app within {seconds} s, so nothing was sent to it"
                    ),
                    "the app was started without the variables above, or has a fixed `api_url`",
                ),
            );
            return Err(Stop::Refused);
        }
        if !is_listening(&self.url).await {
            let message = format!("nothing listens on {}", host_and_port(&self.url));
            self.report.failed("app", FindingId::AppNotReachable.found(message));
            return Err(Stop::Reported);
        }
        self.report.passed("app", "uses the sandbox");
        Ok(())
    }
}
