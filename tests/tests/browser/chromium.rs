//! A Chromium browser for each test, closed when the test ends.

use std::{
    env, fs,
    io::{self, Write as _},
    path::PathBuf,
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use fantoccini::{Client, ClientBuilder, Locator, wd::WebDriverCompatibleCommand};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, Command},
    sync::{Semaphore, SemaphorePermit},
};
use url::Url;

/// How long to wait for anything in a page.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Browsers at the same time. With more, some stop responding on two cores.
static SLOTS: Semaphore = Semaphore::const_new(4);

pub(crate) struct Chromium {
    pub(crate) page: Client,
    _driver: Child,
    _slots: Arc<SemaphorePermit<'static>>,
}

/// Closes the browser, even if the test panics.
impl Drop for Chromium {
    fn drop(&mut self) {
        let page = self.page.clone();
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                // The browser may already be closed.
                tokio::time::timeout(TIMEOUT, page.close()).await.ok();
            });
        });
    }
}

fn chromedriver() -> io::Result<Child> {
    Command::new("chromedriver")
        .args(["--port=0", "--log-level=SEVERE"])
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
}

/// Waits until a driver listens, and returns it with its port. `None` if it exits first.
async fn started(mut driver: Child) -> Option<(Child, u16)> {
    let mut lines = BufReader::new(driver.stdout.take().expect("stdout is piped")).lines();
    let listens = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                return Some(port.trim_end_matches('.').parse().unwrap());
            }
        }
        None
    };
    let port = tokio::time::timeout(TIMEOUT, listens).await.expect("chromedriver starts in time")?;
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some((driver, port))
}

impl Chromium {
    /// Starts the browsers of a test. Returns `None`, and prints a warning, if `chromedriver` is not installed.
    pub(crate) async fn start<const COUNT: usize>() -> Option<[Self; COUNT]> {
        let slots = Arc::new(SLOTS.acquire_many(COUNT.try_into().unwrap()).await.unwrap());
        let mut browsers = Vec::new();
        for _ in 0..COUNT {
            browsers.push(Self::start_one(Arc::clone(&slots)).await?);
        }
        browsers.try_into().ok()
    }

    async fn start_one(slots: Arc<SemaphorePermit<'static>>) -> Option<Self> {
        let (driver, port) = loop {
            let driver = match chromedriver() {
                Ok(driver) => driver,
                Err(error) if env::var_os("AFFITOR_TESTS_FORBID_SKIP").is_none() => {
                    writeln!(&mut io::stderr(), "SKIPPED: browser: chromedriver: {error}").unwrap();
                    return None;
                }
                Err(error) => panic!("chromedriver: {error}"),
            };
            // It chooses a port for IPv4 that another process may have for IPv6, and then exits.
            if let Some(started) = started(driver).await {
                break started;
            }
        };

        // Chromium's sandbox does not work as root, which is usual in containers.
        let arguments = [
            "--headless=new",
            // That of a browser with a window: capture makes no click for a headless one.
            "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--window-size=1280,900",
            "--host-resolver-rules=MAP *.shop.example 127.0.0.1, MAP *.idp.example 127.0.0.1",
            // Certificates of tests are self-signed.
            "--ignore-certificate-errors",
        ];
        let Value::Object(capabilities) = json!({ "goog:chromeOptions": { "args": arguments } }) else {
            unreachable!()
        };
        let page = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await
            .expect("Chromium starts");
        Some(Self { page, _driver: driver, _slots: slots })
    }

    /// Waits until a script in the page returns `true`.
    pub(crate) async fn wait_until(&self, script: &str) {
        let waiting = async {
            while self.page.execute(script, vec![]).await.unwrap() != json!(true) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if tokio::time::timeout(TIMEOUT, waiting).await.is_err() {
            let body = self.page.execute("return document.body.innerText", vec![]).await;
            panic!("timed out: {script}\n{body:?}");
        }
    }

    /// Types into the field with this name.
    pub(crate) async fn fill(&self, name: &str, text: &str) {
        let field = self.page.find(Locator::Css(&format!("[name={name}]"))).await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.page.find(Locator::Css(selector)).await.unwrap().click().await.unwrap();
    }

    /// Sends a command of the Chrome DevTools Protocol.
    pub(crate) async fn cdp(&self, command: &'static str, parameters: Value) -> Value {
        self.page.issue_cmd(Cdp { command, parameters }).await.unwrap()
    }

    /// Saves a screenshot of the whole page to `target/screenshots`.
    pub(crate) async fn screenshot(&self, name: &str) {
        let screenshot = self.cdp("Page.captureScreenshot", json!({ "captureBeyondViewport": true })).await;
        let png = BASE64_STANDARD.decode(screenshot["data"].as_str().expect("a screenshot")).unwrap();
        assert!(png.starts_with(b"\x89PNG") && png.len() > 5_000, "{name} is not a picture");
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/screenshots");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.png")), png).unwrap();
    }
}

#[derive(Debug)]
struct Cdp {
    command: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for Cdp {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.command, "params": self.parameters });
        (http::Method::POST, Some(body.to_string()))
    }
}
