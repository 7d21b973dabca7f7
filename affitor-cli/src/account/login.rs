//! The login: a page of the service confirms it in the browser, while the command polls for the session.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use reqwest::Url;
use secrecy::ExposeSecret as _;
use tempfile::NamedTempFile;

use super::{
    api::{Api, ApiError, PolledLogin},
    session::{Session, is_token, vault},
};
use crate::{
    exit::Exit,
    failure::Failure,
    output::{BOLD, Output},
    sanitize::printable,
    signal::stop_requested,
    url::is_loopback,
};

/// Delay between two polls, in the first minute and after it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LATER_PAUSE: Duration = Duration::from_secs(3);
/// Number of polls in a row that may fail.
const FAILURES: u32 = 10;

/// How a login talks to the person.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoginOptions {
    /// Whether to open a browser.
    pub(crate) open_browser: bool,
    /// Whether standard output is kept free, for the result of another command.
    pub(crate) quiet_stdout: bool,
    /// Maximum time to wait for the person.
    pub(crate) wait: Duration,
}

/// Whether a person can be asked: input and messages are on a terminal.
pub(crate) fn is_interactive(output: Output) -> bool {
    !output.json && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Logs in, and stores the session.
///
/// # Errors
///
/// Returns a failure if the login is not confirmed in time, or if the session could not be stored.
pub(crate) async fn login(api: &Api<'_>, options: LoginOptions, output: Output) -> Result<Session, Failure> {
    // The token is returned once, so the space for it is reserved before.
    let reserved = vault()?.reserve()?;
    let started = api.start_login().await?;
    let page = page(&started.auth_url)?;
    announce(&page, api, options, output);
    // Removed when the login has ended.
    let redirect = if options.open_browser { redirect(&page).ok() } else { None };
    if options.open_browser && redirect.as_ref().is_none_or(|file| open::that_detached(file.path()).is_err()) {
        say("No browser could be opened: open the page yourself.", options, output);
    } else if options.open_browser {
        say("If the browser shows an error instead, open the page above yourself.", options, output);
    }
    let polled = tokio::select! {
        polled = poll(api, &started.state, options.wait) => polled?,
        stopped = stop_requested() => {
            stopped?;
            return Err(Failure::new(Exit::Failed, "the login was cancelled", "run `affitor login` to repeat it"));
        }
    };
    let token = polled.token.map(|token| token.0).filter(|token| is_token(token.expose_secret()));
    let token = token.ok_or_else(|| {
        Failure::new(Exit::Unreachable, "the service confirmed the login without a token", "run `affitor login` again")
    })?;
    let session = Session {
        origin: api.base.as_str().to_owned(),
        token,
        email: polled.email,
        advertiser_id: polled.advertiser_id.filter(|id| id.is_number() || id.is_string()),
    };
    session.store(reserved, &api.base)?;
    Ok(session)
}

/// The page to open. Only web pages are accepted, because the text is passed to the operating system.
fn page(text: &str) -> Result<Url, Failure> {
    let page = Url::parse(text).ok().filter(|url| match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_loopback(url),
        _ => false,
    });
    page.ok_or_else(|| {
        let message = "the page for the login that the service named is not an https: URL";
        Failure::new(Exit::Unreachable, message, "check the URL of the service")
    })
}

/// A page that only this user can read, and that leads to the page of the login. Other users of this machine see the arguments of the
/// browser, and whoever knows the page of the login can fetch its token.
fn redirect(page: &Url) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("affitor-login-").suffix(".html").tempfile()?;
    // A URL has no quotation marks and no angle brackets.
    let page = page.as_str().replace('&', "&amp;").replace('\'', "&#39;");
    writeln!(file, "<!doctype html>\n<meta name=\"referrer\" content=\"no-referrer\">")?;
    writeln!(
        file,
        "<meta http-equiv=\"refresh\" content=\"0; url={page}\">\n<a href=\"{page}\">Log in at Affitor</a>"
    )?;
    file.flush()?;
    Ok(file)
}

fn announce(page: &Url, api: &Api<'_>, options: LoginOptions, output: Output) {
    say(&format!("To log in at {BOLD}{}{BOLD:#}, open this page:", api.service()), options, output);
    say(&format!("\n  {page}\n"), options, output);
    say("Waiting until it is confirmed there. Press Ctrl-C to cancel.", options, output);
}

fn say(text: &str, options: LoginOptions, output: Output) {
    if options.quiet_stdout || output.json {
        // A lost message is no reason to stop.
        let _ = writeln!(anstream::stderr(), "{text}");
    } else {
        output.line(text);
    }
}

/// Polls until the login ends.
async fn poll(api: &Api<'_>, state: &str, wait: Duration) -> Result<PolledLogin, Failure> {
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    let mut failures = 0;
    let ended = |message: &str| Failure::new(Exit::Failed, message, "run `affitor login` to start a new one");
    loop {
        if started.elapsed().saturating_add(pause) > wait {
            return Err(ended("the login was not confirmed in time"));
        }
        tokio::time::sleep(pause).await;
        pause = if started.elapsed() < Duration::from_secs(60) { FIRST_PAUSE } else { LATER_PAUSE };
        match api.poll_login(state).await {
            Ok(polled) => {
                failures = 0;
                match polled.status.as_str() {
                    "complete" => return Ok(polled),
                    "pending" => {}
                    "expired" => return Err(ended("the login has expired")),
                    "consumed" => return Err(ended("this login was used already")),
                    other => {
                        return Err(ended(&format!("the login has an unknown status: {}", printable(other))));
                    }
                }
            }
            Err(ApiError { failure, is_transient: true }) if failures < FAILURES => {
                failures += 1;
                pause = failure.retry_after.unwrap_or(LATER_PAUSE).max(FIRST_PAUSE);
            }
            Err(error) => return Err(error.failure),
        }
    }
}
