//! The chain, step by step. Each step prints what the sandbox recorded.

use std::time::{Duration, Instant};

use affitor_sandbox::{ApiCall, LeadRecord};
use demo::{Apps, BoxError, Step};

use crate::visitor::Visitor;

/// How long the sign-up app may take to report the lead.
const LEAD_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) struct Chain<'a> {
    pub(crate) apps: &'a Apps,
    pub(crate) broken: Option<Step>,
    pub(crate) print: &'a dyn Fn(&str),
}

impl Chain<'_> {
    /// Runs all four steps. Returns the steps of which the sandbox recorded nothing.
    pub(crate) async fn run(&self) -> Result<Vec<Step>, BoxError> {
        let Apps { sandbox, signup_url, checkout_url, provider_url, provider, .. } = self.apps;
        let mut visitor = Visitor::new()?;
        let mut missing = Vec::new();

        let partner = if self.broken == Some(Step::Click) { "NOBODY" } else { "PARTNER123" };
        let response = visitor.land(signup_url, partner, sandbox.url()).await?;
        let click = sandbox.clicks().into_iter().find(|click| response["click_id"] == click.click_id);
        self.report(
            &mut missing,
            Step::Click,
            click.map(|click| format!("{} by partner {}", click.click_id, click.partner_code)),
            &self.last_refusal(),
        );

        let user_id = visitor.sign_up(signup_url).await?;
        let lead = self.lead_of(&user_id).await;
        self.report(
            &mut missing,
            Step::Lead,
            lead.map(|lead| format!("{user_id} with click {}", lead.click_id.unwrap_or_default())),
            &format!("{user_id} has signed up; {}", self.last_refusal()),
        );

        let (payment_id, accepted) = visitor.buy(checkout_url).await?;
        (self.print)(&format!("webhook {}", provider.last_delivery()));
        let sale = sandbox.sales().into_iter().find(|sale| sale.transaction_id == payment_id);
        let commission = sandbox
            .commissions()
            .into_iter()
            .find(|commission| sale.as_ref().is_some_and(|sale| sale.commission_id == Some(commission.commission_id)));
        self.report(
            &mut missing,
            Step::Sale,
            sale.zip(commission).map(|(sale, commission)| {
                format!(
                    "{payment_id} of {} for {} {}, commission {} of {} for {}",
                    sale.customer_key.unwrap_or_default(),
                    dollars(sale.amount_cents),
                    sale.currency,
                    commission.commission_id,
                    dollars(commission.amount_cents),
                    commission.partner_code,
                )
            }),
            &format!("{payment_id} is paid, the webhook {}; {}", accepted_text(accepted), self.last_refusal()),
        );

        let accepted = visitor.refund(provider_url, &payment_id).await?;
        (self.print)(&format!("webhook {}", provider.last_delivery()));
        let refund = sandbox.refunds().into_iter().find(|refund| refund.transaction_id == payment_id);
        self.report(
            &mut missing,
            Step::Refund,
            refund.map(|refund| {
                format!(
                    "{payment_id}, {} deducted from commission {}",
                    dollars(refund.deduction_cents),
                    refund.commission_id
                )
            }),
            &format!("{payment_id} is refunded, the webhook {}; {}", accepted_text(accepted), self.last_refusal()),
        );
        (self.print)("");
        Ok(missing)
    }

    /// Waits until the sandbox has recorded or refused the lead, which the sign-up app reports in the background.
    async fn lead_of(&self, user_id: &str) -> Option<LeadRecord> {
        let sandbox = &self.apps.sandbox;
        let started = Instant::now();
        while started.elapsed() < LEAD_TIMEOUT {
            // The sandbox logs a request and records its lead in one step.
            let has_arrived = sandbox.requests().iter().any(|request| request.call == Some(ApiCall::Lead));
            let lead = sandbox.leads().into_iter().find(|lead| lead.customer_key.as_deref() == Some(user_id));
            if has_arrived || lead.is_some() {
                return lead;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        None
    }

    /// Prints what was recorded of a step, or that it is missing and why.
    fn report(&self, missing: &mut Vec<Step>, step: Step, recorded: Option<String>, reason: &str) {
        let line = match recorded {
            Some(recorded) => format!("{:<8}{recorded}", step.name()),
            None => {
                missing.push(step);
                format!("{:<8}MISSING: {reason}", step.name())
            }
        };
        (self.print)(&line);
    }

    /// Describes the request that the service refused last: the reason why a step is missing.
    fn last_refusal(&self) -> String {
        let requests = self.apps.sandbox.requests();
        match requests.iter().rev().find(|request| request.status.is_none_or(|status| status >= 400)) {
            Some(request) => {
                let status = request.status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
                let message = request.error.as_deref().unwrap_or_default();
                format!("the service refused {}: {status} {message}", request.path)
            }
            None => "the service refused no request".to_owned(),
        }
    }
}

fn accepted_text(accepted: bool) -> &'static str {
    if accepted { "was accepted" } else { "was not accepted" }
}

fn dollars(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
