//! The chain, step by step. What is said of a step is what the sandbox holds of it.

use demo::{Apps, BoxError, Step};

use crate::visitor::Visitor;

pub(crate) struct Chain<'a> {
    pub(crate) apps: &'a Apps,
    pub(crate) broken: Option<Step>,
    pub(crate) say: &'a dyn Fn(&str),
}

impl Chain<'_> {
    /// Goes through all four steps, and says which of them the sandbox holds nothing of.
    pub(crate) async fn run(&self) -> Result<Vec<Step>, BoxError> {
        let Apps { sandbox, signup_url, checkout_url, provider_url, .. } = self.apps;
        let mut visitor = Visitor::new()?;
        let mut missing = Vec::new();

        let partner = if self.broken == Some(Step::Click) { "NOBODY" } else { "PARTNER123" };
        let answer = visitor.land(signup_url, partner, sandbox.url()).await?;
        let click = sandbox.clicks().into_iter().find(|click| answer["click_id"] == click.click_id);
        self.step(
            &mut missing,
            Step::Click,
            click.as_ref().map(|click| format!("{} by partner {}", click.click_id, click.partner_code)),
            &self.refusal().await,
        );

        let user_id = visitor.sign_up(signup_url).await?;
        let lead = sandbox.leads().into_iter().find(|lead| lead.customer_key.as_ref() == Some(&user_id));
        self.step(
            &mut missing,
            Step::Lead,
            lead.map(|lead| format!("{user_id} with click {}", lead.click_id.unwrap_or_default())),
            &format!("{user_id} has signed up; {}", self.refusal().await),
        );

        let (payment_id, taken) = visitor.buy(checkout_url, &user_id).await?;
        (self.say)(&format!("webhook {}", self.apps.provider.last_delivery()));
        let sale = sandbox.sales().into_iter().find(|sale| sale.transaction_id == payment_id);
        let commission = sandbox
            .commissions()
            .into_iter()
            .find(|commission| sale.as_ref().is_some_and(|sale| sale.commission_id == Some(commission.commission_id)));
        self.step(
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
            &format!("{payment_id} is paid, the webhook {}; {}", said(taken), self.refusal().await),
        );

        let taken = visitor.refund(provider_url, &payment_id).await?;
        (self.say)(&format!("webhook {}", self.apps.provider.last_delivery()));
        let refund = sandbox.refunds().into_iter().find(|refund| refund.transaction_id == payment_id);
        self.step(
            &mut missing,
            Step::Refund,
            refund.map(|refund| {
                format!(
                    "{payment_id}, commission {} gives back {}",
                    refund.commission_id,
                    dollars(refund.deduction_cents)
                )
            }),
            &format!("{payment_id} is refunded, the webhook {}; {}", said(taken), self.refusal().await),
        );
        (self.say)("");
        Ok(missing)
    }

    fn step(&self, missing: &mut Vec<Step>, step: Step, held: Option<String>, otherwise: &str) {
        let line = match held {
            Some(held) => format!("{:<8}{held}", step.name()),
            None => {
                missing.push(step);
                format!("{:<8}MISSING: {otherwise}", step.name())
            }
        };
        (self.say)(&line);
    }

    /// What the service has refused last, which is why a step is missing.
    async fn refusal(&self) -> String {
        let requests = self.apps.sandbox.requests();
        match requests.iter().rev().find(|request| request.status.is_none_or(|status| status >= 400)) {
            Some(request) => {
                let status = request.status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
                let words = request.error.as_deref().unwrap_or_default();
                format!("the service refused {}: {status} {words}", request.path)
            }
            None => "the service has refused nothing".to_owned(),
        }
    }
}

fn said(taken: bool) -> &'static str {
    if taken { "was taken" } else { "was not taken" }
}

fn dollars(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}
