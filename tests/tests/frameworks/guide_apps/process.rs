//! An app in a process of its own, as a user runs it.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use affitor::{Click, Client};
use affitor_sandbox::Sandbox;
use reqwest::{Response, redirect};

/// The variable that names the app to serve.
pub(crate) const NAME: &str = "AFFITOR_GUIDE_APP";

/// Stops the app when it is dropped.
pub(crate) struct App {
    process: Child,
    /// The app's own, for its database.
    _folder: tempfile::TempDir,
    url: String,
    http: reqwest::Client,
}

impl App {
    /// Starts an app with the settings of a sandbox, and waits until it serves its page.
    pub(crate) async fn start(name: &str, sandbox: &Sandbox, variables: &[(&str, &str)]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let folder = tempfile::tempdir().unwrap();
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "guide_apps::serve", "--nocapture"])
            .env(NAME, name)
            .env("PORT", port.to_string())
            .env("AFFITOR_API_URL", sandbox.url())
            .env("AFFITOR_API_KEY", sandbox.api_key())
            .env("AFFITOR_PROGRAM_ID", "42")
            .envs(variables.iter().copied())
            .current_dir(folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let http = reqwest::Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        let mut app = Self { process, _folder: folder, url: format!("http://127.0.0.1:{port}"), http };
        let deadline = Instant::now() + Duration::from_secs(60);
        while app.http.get(&app.url).send().await.is_err() {
            assert!(app.process.try_wait().unwrap().is_none(), "{name} has ended");
            assert!(Instant::now() < deadline, "{name} does not respond");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        app
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.http.get(format!("{}{path}", self.url)).send().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, cookies: &str, form: &[(&str, &str)]) -> Response {
        let request = self.http.post(format!("{}{path}", self.url)).header("cookie", cookies);
        request.form(form).send().await.unwrap()
    }

    /// Delivers a webhook of Stripe, and returns the status of the response.
    pub(crate) async fn webhook(&self, path: &str, body: String, signature: &str) -> u16 {
        let request = self.http.post(format!("{}{path}", self.url)).header("stripe-signature", signature);
        request.header("content-type", "application/json").body(body).send().await.unwrap().status().as_u16()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        // It may have ended by itself.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Reports a click on the partner's link, as the script in the page does, and returns its id.
pub(crate) async fn landing_click(sandbox: &Sandbox) -> String {
    let client = Client::builder().api_key(sandbox.api_key()).api_url(sandbox.url()).build().unwrap();
    let landing = format!("https://shop.example/?aff={}", sandbox.partner_code());
    client.track_click(Click::landing(landing)).await.unwrap().click_id().unwrap().to_string()
}
