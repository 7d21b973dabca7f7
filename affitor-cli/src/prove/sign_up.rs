//! Visitors sign up: with the click id in the cookie, in a header, in a field of the body, and without one.

use std::process::Stdio;

use affitor_sandbox::{ApiCall, RequestRecord};
use tokio::{process::Command, time::timeout};

use super::{
    Proof, Stop,
    app::App,
    finding::{Finding, FindingId},
    landing::{Landed, click, link},
    layer::LayerProblem,
    visitor::{ClickIdIn, Page, Visitor},
    watch::{Watch, is_settled},
};
use crate::failure::Failure;

const COOKIE: &str = "sign-up, cookie";
const HEADER: &str = "sign-up, header";
const FIELD: &str = "sign-up, body field";
const ALONE: &str = "sign-up, no partner";

/// A visitor who has signed up.
pub(super) struct Buyer {
    /// `None` if a person signed up in a browser.
    pub(super) visitor: Option<Visitor>,
    pub(super) customer_key: String,
}

impl Proof {
    /// Lets visitors sign up. Returns the one who came with a cookie.
    pub(super) async fn sign_ups(&mut self) -> Result<Buyer, Stop> {
        let mut visitor = Visitor::new(&self.url)?;
        let landed = self.land(&mut visitor).await?;
        let customer_key = match self.sign_up_with_cookie(&mut visitor, &landed).await? {
            Ok(customer_key) => customer_key,
            Err(finding) => return Err(self.stop(COOKIE, finding)),
        };
        self.report.passed(COOKIE, format!("lead {customer_key} with {}", landed.click_id));
        if self.config.signup.command.is_some() {
            self.report.not_checked(&[HEADER, FIELD], "the sign-up is a command");
        } else {
            self.sign_up_with(HEADER, ClickIdIn::Header, "the header x-affitor-click-id", &customer_key).await?;
            self.sign_up_with(FIELD, ClickIdIn::Field, "the field affitorClickId of the body", &customer_key).await?;
        }
        self.sign_up_alone().await?;
        self.sign_up_in_outage().await?;
        Ok(Buyer { visitor: Some(visitor), customer_key })
    }

    async fn sign_up_with_cookie(
        &mut self,
        visitor: &mut Visitor,
        landed: &Landed,
    ) -> Result<Result<String, Finding>, Failure> {
        let watch = Watch::begin(&self.sandbox);
        if let Err(finding) = self.sign_up(visitor, &landed.click_id).await? {
            return Ok(Err(finding));
        }
        if let Some(finding) = lost_cookie(visitor, landed) {
            return Ok(Err(finding));
        }
        let click_id = landed.click_id.as_str();
        let is_there = |calls: &[RequestRecord]| {
            calls.iter().any(|call| is_settled(call) && call.click_id.as_deref() == Some(click_id))
        };
        let calls = watch.until(self.wait, ApiCall::Lead, is_there).await;
        Ok(lead(&calls, click_id, self.app.as_ref()))
    }

    /// Carries out the steps or the command of the sign-up.
    pub(super) async fn sign_up(&self, visitor: &mut Visitor, click_id: &str) -> Result<Result<(), Finding>, Failure> {
        if let Some(command) = &self.config.signup.command {
            return self.sign_up_command(command, visitor, click_id).await;
        }
        let page = match visitor.follow(&self.config.signup.steps).await {
            Ok(page) => page,
            Err(error) => {
                return Ok(Err(
                    FindingId::SignupFailed.because(error.to_string(), "the handler hangs, or closes the connection")
                ));
            }
        };
        Ok(self.rejected(&page, FindingId::SignupFailed).map_or(Ok(()), Err))
    }

    /// Returns what a page says is wrong.
    pub(super) fn rejected(&self, page: &Page, id: FindingId) -> Option<Finding> {
        let path = page.url.path();
        if page.status >= 500
            && let Some(problem) = LayerProblem::in_text(&page.body).or_else(|| self.app.as_ref()?.layer_problem())
        {
            return Some(problem.finding(path));
        }
        if page.status >= 400 {
            let (method, status) = (&page.method, page.status);
            return Some(id.found(format!("{method} {path} responded with status {status}{}", page.excerpt())));
        }
        None
    }

    async fn sign_up_command(
        &self,
        command: &[String],
        visitor: &Visitor,
        click_id: &str,
    ) -> Result<Result<(), Finding>, Failure> {
        let Some((program, arguments)) = command.split_first() else { return Ok(Ok(())) };
        let mut child = Command::new(program);
        child.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        child.env("APP_URL", self.url.as_str()).env("AFFITOR_CLICK_ID", click_id).env("EMAIL", &visitor.email);
        let status = match timeout(self.start_timeout, child.status()).await {
            Ok(Ok(status)) => status,
            Ok(Err(error)) => {
                let message = format!("cannot start {program}: {error}");
                return Err(Failure::usage(message, "check `signup.command` in affitor.toml"));
            }
            Err(_) => {
                return Ok(Err(
                    FindingId::SignupFailed.because(format!("{program} does not end"), "see `signup.command`")
                ));
            }
        };
        let failed =
            || FindingId::SignupFailed.because(format!("{program} ended with {status}"), "see its output above");
        Ok(if status.success() { Ok(()) } else { Err(failed()) })
    }

    /// A visitor whose page forwards the click id, because the cookie is of another site.
    async fn sign_up_with(
        &mut self,
        name: &'static str,
        place: fn(String) -> ClickIdIn,
        shown: &str,
        first_customer: &str,
    ) -> Result<(), Stop> {
        let click_id = self.click().await?;
        let mut visitor = Visitor::new(&self.url)?.with_click_id_in(place(click_id.clone()));
        let watch = Watch::begin(&self.sandbox);
        if let Err(finding) = self.sign_up(&mut visitor, &click_id).await? {
            self.report.note(name, format!("the sign-up with {shown} failed: {}", finding.message));
            return Ok(());
        }
        let has_lead = |calls: &[RequestRecord]| calls.iter().any(|call| call.changed || call.error.is_some());
        let calls = watch.until(self.wait, ApiCall::Lead, has_lead).await;
        if calls.iter().any(|call| call.customer_key.as_deref() == Some(first_customer)) {
            let message =
                format!("another visitor, who signed up with other data, got the same customer key {first_customer}");
            let reason =
                "each visitor needs data of their own: use {id} or {email} in the steps of `signup` in affitor.toml";
            return Err(self.stop(name, FindingId::SignupFailed.because(message, reason)));
        }
        match lead(&calls, &click_id, None) {
            Ok(customer_key) => self.report.passed(name, format!("lead {customer_key} with {click_id}")),
            Err(_) => self.report.note(name, format!("{shown} has no effect; only pages without the cookie need it")),
        }
        Ok(())
    }

    /// Most visitors come without a partner. Nobody must be paid for them.
    async fn sign_up_alone(&mut self) -> Result<(), Failure> {
        let mut visitor = Visitor::new(&self.url)?;
        let watch = Watch::begin(&self.sandbox);
        if let Err(finding) = self.sign_up(&mut visitor, "").await? {
            self.report.failed(ALONE, finding);
            return Ok(());
        }
        // Any lead of theirs; many apps send none.
        let calls = watch.until(self.wait.min(super::SETTLE), ApiCall::Lead, |calls| !calls.is_empty()).await;
        match calls.iter().find_map(|call| call.click_id.as_deref()) {
            Some(click_id) => {
                let message =
                    format!("a visitor without a click id was reported with {click_id}, which is another visitor's");
                self.report.failed(ALONE, FindingId::ClickIdShared.found(message));
            }
            None => self.report.passed(ALONE, "signed up; no partner is credited"),
        }
        Ok(())
    }

    /// Reports a click for a visitor whose landing is not of interest.
    pub(super) async fn click(&self) -> Result<String, Failure> {
        let link = link(&self.config.landing.path, self.sandbox.partner_code());
        click(&self.sandbox, &format!("{}{link}", self.url.origin().ascii_serialization())).await
    }
}

/// Returns why the form was sent without the cookie.
fn lost_cookie(visitor: &Visitor, landed: &Landed) -> Option<Finding> {
    let (url, _) = visitor.posted.as_ref().filter(|(_, had_cookie)| !had_cookie)?;
    let message = format!("the sign-up at {url} was sent without the cookie affitor_click_id of {}", landed.page);
    if let Some(page) = &visitor.removed_by {
        return Some(
            FindingId::CookieLost.because(message, format!("the response of {} removes the cookie", page.path())),
        );
    }
    if url.host_str() != landed.page.host_str() {
        let hosts =
            format!("{} and {}", landed.page.host_str().unwrap_or_default(), url.host_str().unwrap_or_default());
        return Some(
            FindingId::CookieLost
                .because(message, format!("a redirect or a form changes the host, and {hosts} share no cookies")),
        );
    }
    Some(FindingId::CookieLost.found(message))
}

/// Returns the customer key of the lead with this click id, or what is wrong.
pub(super) fn lead(calls: &[RequestRecord], click_id: &str, app: Option<&App>) -> Result<String, Finding> {
    let with_click = || calls.iter().filter(|call| call.click_id.as_deref() == Some(click_id));
    if let Some(call) = with_click().find(|call| is_settled(call)) {
        return call.customer_key.clone().ok_or_else(|| {
            FindingId::NoLead.because("the lead has no customer key", "pass your own user id to `Lead::new`")
        });
    }
    if let Some(call) = calls.iter().find(|call| call.status == Some(401)) {
        let message = format!("the sandbox rejected the lead: {}", call.error.as_deref().unwrap_or("status 401"));
        return Err(FindingId::NoLead.because(message, "the app does not read its API key from AFFITOR_API_KEY"));
    }
    if let Some(call) = with_click().next() {
        let why = call.error.clone().unwrap_or_else(|| "no reason".to_owned());
        return Err(
            FindingId::NoLead.because(format!("the sandbox refused the lead: {why}"), "see the service's message")
        );
    }
    if let Some(call) = calls.first() {
        let other = call.click_id.as_deref().map_or_else(|| "without a click id".to_owned(), |id| format!("with {id}"));
        return Err(
            FindingId::ClickIdLost.found(format!("the lead arrived {other}, although the visitor has {click_id}"))
        );
    }
    if let Some(problem) = app.and_then(App::layer_problem) {
        return Err(problem.finding("the sign-up"));
    }
    Err(FindingId::NoLead.found("the sign-up succeeded, but no lead arrived"))
}
