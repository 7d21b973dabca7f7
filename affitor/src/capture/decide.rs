//! What capture does with a request: a pure decision.

use affitor_core::Visitor;

use super::{landing::Landing, page::Page, retry::Retry};

/// What a request says.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) page: Page,
    /// Whether the request is one that changes something, such as a form that is submitted.
    pub(super) is_write: bool,
    /// The landing in the URL of the request.
    pub(super) landing: Option<Landing>,
    /// The landing in the URL of the page before, with consent.
    pub(super) referred: Option<Landing>,
    /// Whether the visitor has a click id.
    pub(super) has_click: bool,
    /// The partner of the visitor's click.
    pub(super) partner: Option<String>,
    pub(super) retry: Option<Retry>,
    /// A visitor in the URL of the request who may be adopted.
    pub(super) carried: Option<Visitor>,
}

/// What capture does with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Plan {
    Nothing,
    /// Reports a click.
    Call(Landing),
    /// Goes on with what an earlier page left open: takes the result of its call. `may_call` is whether the call is made if this
    /// instance knows no result.
    GoOn {
        retry: Retry,
        may_call: bool,
    },
    /// Reports the click on the visitor's next page.
    Later(Landing),
    /// Removes the retry cookie, which has become obsolete.
    ForgetRetry,
    /// Stores the visitor who came by a link from another domain.
    Adopt(Visitor),
}

/// Decides what to do with a request.
pub(super) fn decide(facts: Facts) -> Plan {
    let Facts { page, is_write, landing, referred, has_click, partner, retry, carried } = facts;
    if page == Page::No {
        // A form that is submitted from the landing page: the lead in it should have the click.
        return match retry {
            Some(retry) if is_write && retry.is_called => Plan::GoOn { retry, may_call: false },
            _ => Plan::Nothing,
        };
    }
    let is_known = |landing: &Landing| partner.as_ref() == Some(&landing.partner);
    match (landing, retry) {
        (Some(landing), None) if is_known(&landing) => Plan::Nothing,
        (Some(landing), Some(_)) if is_known(&landing) => Plan::ForgetRetry,
        (Some(landing), Some(retry)) if retry.landing.partner == landing.partner => go_on(page, retry),
        // The visitor may never see this page, and has a click to come.
        (Some(_), Some(retry)) if page == Page::Prefetch && retry.is_called => Plan::Nothing,
        (Some(landing), _) => begin(page, landing),
        (None, Some(retry)) if is_known(&retry.landing) => Plan::ForgetRetry,
        (None, Some(retry)) => go_on(page, retry),
        (None, None) => match (carried, referred) {
            (Some(visitor), _) if page == Page::Document => Plan::Adopt(visitor),
            (_, Some(landing)) if !has_click => begin(page, landing),
            _ => Plan::Nothing,
        },
    }
}

fn begin(page: Page, landing: Landing) -> Plan {
    if page == Page::Document { Plan::Call(landing) } else { Plan::Later(landing) }
}

fn go_on(page: Page, retry: Retry) -> Plan {
    if page == Page::Document { Plan::GoOn { retry, may_call: true } } else { Plan::Nothing }
}
