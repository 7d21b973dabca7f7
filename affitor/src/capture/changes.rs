//! What changes in a response.

use super::{
    cache::{is_for_shared_caches, private},
    calls::{Ended, Result},
    cookies::{DEFAULT_DAYS, sets_ours},
    head::Response,
    head::first,
    landing::partner_in_query,
    request::{Action, Capture, Earlier, Ticket},
    retry::Retry,
};

impl Capture {
    /// Sets the cookies of the response, and what they need. Other responses stay as they are.
    pub(super) fn finish<R: Response>(&self, response: &mut R) {
        let mut is_app = false;
        response.each("set-cookie", &mut |line| is_app |= sets_ours(line));
        // The app stores clicks itself.
        let cookies = if is_app { Vec::new() } else { self.cookies(self.is_left_to_target(response)) };
        // Nor may a cache give the page without the tag to visitors whose clicks nobody captures.
        if self.omits_tag || !cookies.is_empty() {
            let mut values = Vec::new();
            response.each("cache-control", &mut |value| values.push(value));
            if let Some(value) = private(&values) {
                response.insert("cache-control", &value);
            }
            response.remove_if(&is_for_shared_caches);
        }
        for line in cookies {
            response.append("set-cookie", &line);
        }
        if self.carries && shows_urls_to_others(response) {
            response.insert("referrer-policy", "strict-origin-when-cross-origin");
        }
    }

    /// Returns the `Set-Cookie` lines of the response.
    fn cookies(&self, is_left_to_target: bool) -> Vec<String> {
        let Self { site, known, .. } = self;
        match &self.action {
            Action::Nothing | Action::Call { .. } => Vec::new(),
            Action::ForgetRetry => vec![site.forget_retry()],
            Action::Later(retry) => vec![site.retry(retry)],
            Action::Adopt(visitor) => {
                let Some(click_id) = &visitor.click_id else { return Vec::new() };
                site.click(known, click_id, &visitor.click_ids, None, DEFAULT_DAYS)
            }
            Action::Wait { ticket, result, .. } => self.cookies_of_call(ticket, result, is_left_to_target),
        }
    }

    fn cookies_of_call(&self, ticket: &Ticket, result: &Result, is_left_to_target: bool) -> Vec<String> {
        let Self { shared, site, known, .. } = self;
        let Ticket { token, landing, is_fresh, is_news, is_own } = ticket;
        let retry = |is_called| Retry { token: *token, is_called, landing: landing.clone() };
        // First whether the sender is gone, then the result: the other way round, a result in between would be overlooked.
        let is_cancelled = result.has_changed().is_err();
        let ended = result.borrow().clone().or(is_cancelled.then_some(Ended::Failed { repeat: false }));
        // A click of another partner that came late goes out even if this one is not known, or does not count.
        let mut lines = match &self.earlier {
            Some(Earlier { click_id, days, landing }) => site.click(known, click_id, &[], Some(&landing.url), *days),
            None => Vec::new(),
        };
        let Some(ended) = ended.filter(|_| !is_left_to_target) else {
            // The next page, or the target of the redirect, finds the call by its token.
            lines.extend(is_news.then(|| site.retry(&retry(true))));
            return lines;
        };
        if *is_fresh {
            shared.calls.in_time(token);
        } else if !is_own {
            shared.calls.late(token);
        }
        let keeps_other = self.has_other_retry && self.earlier.is_none();
        match ended {
            Ended::Recorded { click_id, days } => {
                let older = self.earlier.as_ref().map(|earlier| earlier.click_id.clone());
                lines = site.click(known, &click_id, older.as_slice(), Some(&landing.url), days);
                lines.extend(known.has_retry.then(|| site.forget_retry()));
            }
            Ended::Failed { repeat: true } => lines.push(site.retry(&retry(false))),
            // The other partner's click may still come.
            Ended::NotCounted | Ended::Failed { .. } if keeps_other => {}
            Ended::NotCounted | Ended::Failed { .. } => lines.extend(known.has_retry.then(|| site.forget_retry())),
        }
        lines
    }

    /// Returns whether a response is a redirect to a URL with the same partner's code, where the click is captured.
    pub(super) fn is_left_to_target(&self, response: &impl Response) -> bool {
        let ticket = match &self.action {
            Action::Call { ticket, .. } | Action::Wait { ticket, .. } if ticket.is_own => ticket,
            _ => return false,
        };
        let is_redirect = matches!(response.status(), 301 | 302 | 303 | 307 | 308);
        let location = first(response, "location").filter(|_| is_redirect);
        let query = location.and_then(|location| location.split('#').next()?.split_once('?'));
        let partner = query.and_then(|(_, query)| partner_in_query(query, &self.shared.parameter));
        partner.as_ref() == Some(&ticket.landing.partner)
    }
}

/// Returns whether a response lets other sites see the whole URL of the page. Of several policies, the last one that a browser knows
/// counts. Without a policy, an old browser shows it.
fn shows_urls_to_others(response: &impl Response) -> bool {
    const SAFE: [&str; 6] = [
        "no-referrer",
        "origin",
        "origin-when-cross-origin",
        "same-origin",
        "strict-origin",
        "strict-origin-when-cross-origin",
    ];
    const UNSAFE: [&str; 2] = ["no-referrer-when-downgrade", "unsafe-url"];
    let mut shows = true;
    response.each("referrer-policy", &mut |value| {
        for policy in String::from_utf8_lossy(value).to_ascii_lowercase().split(',').map(str::trim) {
            if SAFE.contains(&policy) {
                shows = false;
            } else if UNSAFE.contains(&policy) {
                shows = true;
            }
        }
    });
    shows
}
