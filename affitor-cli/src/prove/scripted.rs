//! Sign-ups whose lead a script of the page reports: a browser carries them out.

use std::collections::BTreeMap;

use affitor_sandbox::{ApiCall, RequestRecord};
use reqwest::Url;
use serde_json::Value;

use super::{
    Proof, Stop,
    chromium::Chromium,
    config::Step,
    finding::{Finding, FindingId},
    landing::Landed,
    lead::lead,
    names::{ALONE, COOKIE, FIELD, HEADER},
    outage,
    shown::customer,
    sign_up::Buyer,
    visitor::Visitor,
    watch::{Watch, is_settled},
};
use crate::failure::Failure;

impl Proof {
    /// Signs up in the browser that has landed.
    pub(super) async fn sign_up_in_browser(&mut self, mut browser: Chromium, landed: &Landed) -> Result<Buyer, Stop> {
        let mut visitor = Visitor::new(&self.url)?;
        let watch = Watch::begin(&self.sandbox);
        let signed_up = self.steps_in_browser(&mut browser, &visitor, &landed.page).await?;
        if let Err(finding) = signed_up {
            browser.close().await;
            return Err(self.stop(COOKIE, finding));
        }
        let click_id = landed.click_id.as_str();
        let is_there = |calls: &[RequestRecord]| {
            calls.iter().any(|call| is_settled(call) && call.click_id.as_deref() == Some(click_id))
        };
        let calls = watch.until(self.wait, ApiCall::Lead, is_there).await;
        // For the checkout, which needs no scripts.
        for (name, value) in browser.cookies(&self.url).await? {
            visitor.store(&self.url, &name, &value);
        }
        browser.close().await;
        let customer_key = match lead(&calls, click_id, None) {
            Ok(customer_key) => customer_key,
            Err(finding) => return Err(self.stop(COOKIE, finding)),
        };
        let shown = customer(&customer_key);
        self.report.passed(COOKIE, format!("in a browser, the page reported the lead {shown} with {click_id}"));
        self.report.skipped(&[HEADER, FIELD, ALONE], "the page reports the lead by script");
        self.report.warning(
            outage::SIGN_UP,
            "not checked: a lead that the browser reports is lost if the service does not respond, or if a content blocker stops \
             it. Report it in the handler",
        );
        self.customers.insert(customer_key.clone());
        Ok(Buyer { visitor: Some(visitor), customer_key })
    }

    async fn steps_in_browser(
        &self,
        browser: &mut Chromium,
        visitor: &Visitor,
        landing: &Url,
    ) -> Result<Result<(), Finding>, Failure> {
        for step in &self.config.signup.steps {
            let page = browser.url().await?.unwrap_or_else(|| landing.clone());
            let path = step.get.as_ref().or(step.post.as_ref());
            let Some(url) = path.and_then(|path| page.join(&visitor.fill(path)).ok()) else { continue };
            if step.get.is_some() {
                browser.open(&url).await?;
                continue;
            }
            let fields = fields(step, visitor);
            if !browser.submit(&fields).await? {
                // Steps may begin with the request that the form sends.
                browser.open(&url).await?;
                if !browser.submit(&fields).await? {
                    let names: Vec<_> = fields.keys().map(String::as_str).collect();
                    let message =
                        format!("in a browser, {} has no form with the fields {}", url.path(), names.join(", "));
                    return Ok(Err(FindingId::SignupFailed.found(message)));
                }
            }
        }
        Ok(Ok(()))
    }
}

/// What a person types in.
fn fields(step: &Step, visitor: &Visitor) -> BTreeMap<String, String> {
    let form = step.form.iter().flatten().map(|(name, value)| (name.clone(), visitor.fill(value)));
    let json = step.json.iter().flatten().filter_map(|(name, value)| {
        let text = match value {
            Value::String(text) => visitor.fill(text),
            Value::Number(number) => number.to_string(),
            Value::Bool(true) => "on".to_owned(),
            _ => return None,
        };
        Some((name.clone(), text))
    });
    form.chain(json).collect()
}
