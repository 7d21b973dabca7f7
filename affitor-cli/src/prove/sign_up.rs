//! Visitors sign up: with the click id in the cookie, in a header, in a field of the body, and without one.

use std::{io, process::Stdio, time::Duration};

use affitor_core::redact::may_hold_address;
use affitor_sandbox::{ApiCall, RequestRecord};
use tokio::time::timeout;

use super::{
    Proof, SETTLE, Stop,
    finding::{Finding, FindingId},
    landing::{self, Landed, click, link},
    last_click::Clicks,
    lead::{lead, lost_cookie},
    names::{ALONE, COOKIE, FIELD, HEADER, RESTART, TWICE},
    outage::has_lead,
    process, say,
    shown::customer,
    visitor::{ClickIdIn, Visitor},
    watch::{Watch, is_settled},
};
use crate::{browser::CLICK_ID_COOKIE, failure::Failure};

/// Time limit of `signup.command`.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

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
        let clicks = match self.config.landing {
            Some(_) => {
                let first = self.land(&mut visitor).await?;
                self.land_again(&mut visitor, first).await?
            }
            None => {
                self.report.skipped(
                    &[landing::NAME],
                    "affitor.toml has no `landing`, so a click of the sandbox is sent in header, cookie and body",
                );
                let click_id = self.click().await?;
                visitor.store(&self.url, CLICK_ID_COOKIE, &click_id);
                visitor = visitor.with_click_id_in(ClickIdIn::Everywhere(click_id.clone()));
                Clicks::of(Landed { click_id, page: self.url.clone(), is_captured: false })
            }
        };
        let landed = &clicks.last;
        let customer_key = match self.sign_up_with_cookie(&mut visitor, landed).await? {
            Ok(customer_key) => customer_key,
            Err(finding) => {
                if let Some(browser) = self.chromium.take().filter(|_| visitor.saw_sign_up_script) {
                    return self.sign_up_in_browser(browser, landed).await;
                }
                let finding = self.with_dropped_cookie(self.first_click_kept(finding, &clicks).await?).await?;
                return Err(self.stop(COOKIE, finding));
            }
        };
        self.report.passed(COOKIE, format!("lead {} with {}", customer(&customer_key), landed.click_id));
        if may_hold_address(&customer_key) {
            self.report.warning(
                COOKIE,
                "the customer key is an e-mail address, which can change, and which Affitor stores: use the user's id",
            );
        }
        if let Some(page) = &visitor.removed_by {
            let message =
                format!("the response of {} removes the cookie, so later payments do not name the click", page.path());
            self.report.warning(COOKIE, message);
        }
        self.check_caching(&mut visitor);
        self.customers.insert(customer_key.clone());
        self.credited.insert(landed.click_id.clone());
        self.sign_up_twice(&visitor).await?;
        say("Visitors without the cookie sign up. The app may log that their leads are rejected: that is right.");
        if self.config.signup.command.is_some() {
            self.report.skipped(&[HEADER, FIELD], "the sign-up is a command");
        } else if self.config.signup.steps.iter().all(|step| step.post.is_none()) {
            self.report.skipped(&[HEADER, FIELD], "no step of the sign-up posts, so a script can't add the click id");
        } else {
            self.sign_up_with(HEADER, ClickIdIn::Header, "the header x-affitor-click-id").await?;
            self.sign_up_with(FIELD, ClickIdIn::Field, "the field affitorClickId of the body").await?;
        }
        self.sign_up_alone().await?;
        self.sign_up_in_outage().await?;
        if let Some(browser) = self.chromium.take() {
            browser.close().await;
        }
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
        // A browser signs up next.
        let is_scripted = visitor.saw_sign_up_script && self.chromium.is_some();
        let wait = if is_scripted { self.wait.min(SETTLE) } else { self.wait };
        let calls = watch.until(wait, ApiCall::Lead, is_there).await;
        Ok(lead(&calls, click_id, self.app.as_ref()).map_err(|finding| self.explained(finding, visitor)))
    }

    /// Carries out the steps or the command of the sign-up.
    pub(super) async fn sign_up(&self, visitor: &mut Visitor, click_id: &str) -> Result<Result<(), Finding>, Failure> {
        if let Some(command) = &self.config.signup.command {
            return self.sign_up_command(command, visitor, click_id).await;
        }
        let page = match visitor.follow(&self.config.signup.steps).await {
            Ok(page) => page,
            Err(error) => {
                let reason = "the handler hangs, or closes the connection";
                return Ok(Err(FindingId::SignupFailed.because(error.to_string(), reason)));
            }
        };
        Ok(self.rejected(&page, FindingId::SignupFailed).map_or(Ok(()), Err))
    }

    async fn sign_up_command(
        &self,
        command: &[String],
        visitor: &Visitor,
        click_id: &str,
    ) -> Result<Result<(), Finding>, Failure> {
        let Some((program, arguments)) = command.split_first() else { return Ok(Ok(())) };
        let spawned = process::spawn(program.as_ref(), |child| {
            child.args(arguments).stdin(Stdio::null()).stdout(io::stderr());
            child.env("APP_URL", self.url.as_str()).env("AFFITOR_CLICK_ID", click_id).env("EMAIL", &visitor.email);
        });
        let failure = |error: io::Error| {
            Failure::usage(format!("cannot run {program}: {error}"), "check `signup.command` in affitor.toml")
        };
        let mut child = spawned.map_err(failure)?;
        let problem = match timeout(COMMAND_TIMEOUT, child.wait()).await {
            Ok(status) => {
                let status = status.map_err(failure)?;
                (!status.success()).then(|| format!("{program} ended with {status}"))
            }
            Err(_) => Some(format!("{program} did not end within {} s", COMMAND_TIMEOUT.as_secs())),
        };
        Ok(problem.map_or(Ok(()), |problem| Err(FindingId::SignupFailed.because(problem, "see its output above"))))
    }

    /// A visitor whose page forwards the click id, because the cookie is of another site.
    async fn sign_up_with(
        &mut self,
        name: &'static str,
        place: fn(String) -> ClickIdIn,
        shown: &str,
    ) -> Result<(), Stop> {
        let click_id = self.click().await?;
        let mut visitor = Visitor::new(&self.url)?.with_click_id_in(place(click_id.clone()));
        let watch = Watch::begin(&self.sandbox);
        if let Err(finding) = self.sign_up(&mut visitor, &click_id).await? {
            self.report.warning(name, format!("the sign-up with {shown} failed: {}", finding.message));
            return Ok(());
        }
        // Not an earlier visitor's lead, which an app may report again.
        let is_own = |call: &RequestRecord| {
            let is_new = call.customer_key.as_ref().is_none_or(|key| !self.customers.contains(key));
            // With another click id it is another visitor's, which is late.
            call.click_id.as_deref().map_or(is_new, |id| id == click_id)
        };
        let has_lead = |calls: &[RequestRecord]| calls.iter().any(is_own);
        let calls = watch.until(self.wait, ApiCall::Lead, has_lead).await;
        let own = calls.iter().filter(|call| call.click_id.as_deref() == Some(&click_id));
        let mut keys = own.filter_map(|call| call.customer_key.as_ref());
        if let Some(known) = keys.find(|key| self.customers.contains(*key)) {
            let known = customer(known);
            let message = format!("another visitor, who signed up with other data, got the same customer key {known}");
            let reason = "each visitor needs data of their own: use {id} or {email} in the steps of affitor.toml; or a cache gives one \
                          visitor's session to the next";
            return Err(self.stop(name, FindingId::SignupFailed.because(message, reason)));
        }
        match lead(&calls, &click_id, None) {
            Ok(key) => {
                self.report.passed(name, format!("lead {} with {click_id}", customer(&key)));
                self.customers.insert(key);
                self.credited.insert(click_id);
            }
            Err(_) if let Some(other) = self.foreign_click(&calls) => {
                let message = format!("a new visitor was reported with {other}, which is another visitor's");
                self.report.failed(name, FindingId::ClickIdShared.found(message));
            }
            Err(_) => {
                self.report.note(&[name], &format!("{shown} has no effect; only pages without the cookie need it"));
            }
        }
        Ok(())
    }

    /// Returns the click id of a lead that is another visitor's, whose own lead has arrived.
    fn foreign_click(&self, calls: &[RequestRecord]) -> Option<String> {
        let is_new =
            |call: &&RequestRecord| call.customer_key.as_ref().is_some_and(|key| !self.customers.contains(key));
        calls.iter().filter(is_new).find_map(|call| call.click_id.clone().filter(|id| self.credited.contains(id)))
    }

    /// The same person signs up once more. If the app refuses, it must not report a lead.
    async fn sign_up_twice(&mut self, first: &Visitor) -> Result<(), Failure> {
        if self.config.signup.command.is_some() {
            return Ok(());
        }
        let click_id = self.click().await?;
        let mut visitor = Visitor::new(&self.url)?.with_data_of(first);
        visitor.store(&self.url, CLICK_ID_COOKIE, &click_id);
        let watch = Watch::begin(&self.sandbox);
        let accepted = self.sign_up(&mut visitor, &click_id).await?.is_ok() && !visitor.sees_form_again();
        if accepted {
            // The app may sign the person in, or have two users. A lead of theirs is not one of the next visitors'.
            let calls = watch.until(self.wait.min(SETTLE), ApiCall::Lead, |calls| has_lead(calls, &click_id)).await;
            self.customers.extend(calls.into_iter().filter_map(|call| call.customer_key));
            return Ok(());
        }
        let is_new = |call: &RequestRecord| {
            call.changed && call.customer_key.as_ref().is_some_and(|key| !self.customers.contains(key))
        };
        let calls = watch.until(self.wait.min(SETTLE), ApiCall::Lead, |calls| calls.iter().any(is_new)).await;
        if let Some(key) = calls.iter().find(|call| is_new(call)).and_then(|call| call.customer_key.as_deref()) {
            let message =
                format!("the app refused a second sign-up with the same data, and its lead {} arrived", customer(key));
            self.report.failed(TWICE, FindingId::LeadBeforeCommit.found(message));
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
        // Many apps report no lead. An earlier visitor's lead may be reported again.
        let is_new = |call: &RequestRecord| call.customer_key.as_ref().is_none_or(|key| !self.customers.contains(key));
        let mut calls = watch.until(self.wait.min(SETTLE), ApiCall::Lead, |calls| calls.iter().any(is_new)).await;
        calls.retain(is_new);
        match calls.iter().find_map(|call| call.click_id.as_deref()) {
            Some(click_id) => {
                let message =
                    format!("a visitor without a click id was reported with {click_id}, which is another visitor's");
                self.report.failed(ALONE, FindingId::ClickIdShared.found(message));
            }
            None => self.report.passed(ALONE, "signed up; no partner is credited"),
        }
        self.customers.extend(calls.into_iter().filter_map(|call| call.customer_key));
        Ok(())
    }

    /// After a start of the app, new users must not get the ids of others.
    pub(super) async fn sign_up_after_restart(&mut self) -> Result<(), Failure> {
        let (mut visitor, click_id) = self.visitor_with_click().await?;
        let watch = Watch::begin(&self.sandbox);
        if let Err(finding) = self.sign_up(&mut visitor, &click_id).await? {
            self.report.warning(RESTART, format!("after the app was started again, {}", finding.message));
            return Ok(());
        }
        let is_own = |call: &RequestRecord| call.click_id.as_deref() == Some(&click_id) && call.customer_key.is_some();
        let calls = watch.until(self.wait.min(SETTLE), ApiCall::Lead, |calls| calls.iter().any(is_own)).await;
        let key = calls.into_iter().find(is_own).and_then(|call| call.customer_key);
        match key {
            Some(key) if self.customers.contains(&key) => {
                let shown = customer(&key);
                let message = format!(
                    "after the app was started again, another visitor got the customer key {shown}, which an earlier one has. Ids \
                     must not begin again. An app that keeps its users in memory does that"
                );
                self.report.warning(RESTART, message);
            }
            Some(_) => {
                self.report.passed(RESTART, "after the app was started again, a new visitor got a new customer key");
            }
            None => self.report.skipped(&[RESTART], "the visitor's lead did not arrive"),
        }
        Ok(())
    }

    /// Reports a click for a visitor whose landing is not of interest.
    pub(super) async fn click(&self) -> Result<String, Failure> {
        let link = link(self.config.landing_path(), self.sandbox.partner_code());
        click(&self.sandbox, &format!("{}{link}", self.url.origin().ascii_serialization())).await
    }
}
