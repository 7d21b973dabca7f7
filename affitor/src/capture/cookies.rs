//! The tracker's cookies: what a request has, and what a response sets.

use std::sync::LazyLock;

use ::cookie::{Cookie, CookieBuilder, SameSite, time::Duration};
use affitor_core::{
    ClickHistory, ClickId,
    find::{CLICK_ID_COOKIE, HISTORY_COOKIE, Names, OLD_CLICK_ID_COOKIE, cookie},
};
use memchr::memchr;
use percent_encoding::utf8_percent_encode;

use super::{
    component::COMPONENT,
    head::Head,
    landing::{is_plainly_same, partner_in_cookie},
    origin::Domain,
    retry::{RETRY_COOKIE, RETRY_SECONDS, Retry},
};

/// Name of the cookie in which the tracker stores the landing URL.
const LANDING_COOKIE: &str = "affitor_aff_url";

/// Lifetime of the cookies in days if the service names none, as in the tracker.
pub(super) const DEFAULT_DAYS: u32 = 60;

/// The tracker's cookies, in the order in which they are written.
const NAMES: [&str; 4] = [CLICK_ID_COOKIE, HISTORY_COOKIE, LANDING_COOKIE, OLD_CLICK_ID_COOKIE];
const CLICK_ID: usize = 0;
const HISTORY: usize = 1;
const LANDING: usize = 2;
const OLD_CLICK_ID: usize = 3;

/// All cookies that are read: [`NAMES`], then the retry cookie.
static READ: LazyLock<Names> = LazyLock::new(|| Names::new(NAMES.into_iter().chain([RETRY_COOKIE])));

/// The cookies of a request that capture reads. Of several with one name, the first one counts, as in browsers; of click ids the
/// first valid one, as in the layer.
#[derive(Debug, Default)]
pub(super) struct Present<'h> {
    /// The click id, and that under the old name.
    click_ids: [Option<ClickId>; 2],
    values: [Option<&'h [u8]>; 4],
    doubled: [bool; 4],
    /// Another value of the cookie with the landing URL.
    other_landing: Option<&'h [u8]>,
    pub(super) retry: Option<&'h [u8]>,
}

impl<'h> Present<'h> {
    pub(super) fn read(head: &'h dyn Head) -> Self {
        let mut present = Self::default();
        head.each("cookie", &mut |header| {
            cookie::each(header, &READ, |number, name, value| {
                present.add(number, name, value);
                true
            });
        });
        present
    }

    fn add(&mut self, number: usize, name: &str, value: &'h [u8]) {
        let click_id = match number {
            CLICK_ID => Some(&mut self.click_ids[0]),
            OLD_CLICK_ID => Some(&mut self.click_ids[1]),
            _ => None,
        };
        if let Some(slot @ None) = click_id {
            *slot = cookie::valid(name, value);
        }
        let Some(slot) = self.values.get_mut(number) else {
            self.retry = self.retry.or(Some(value));
            return;
        };
        match *slot {
            None => *slot = Some(value),
            Some(first) => {
                self.doubled[number] = true;
                if number == LANDING && first != value {
                    self.other_landing = Some(value);
                }
            }
        }
    }

    /// Returns the visitor's click id.
    pub(super) fn click_id(&self) -> Option<&ClickId> {
        let [current, old] = &self.click_ids;
        current.as_ref().or(old.as_ref())
    }

    /// Returns the partner of the visitor's click. `None` if there is no click, or if two cookies disagree about it.
    pub(super) fn partner(&self) -> Option<String> {
        let partner = partner_in_cookie(self.values[LANDING]?)?;
        let agrees = self.other_landing.is_none_or(|other| partner_in_cookie(other).as_ref() == Some(&partner));
        (agrees && self.click_id().is_some()).then_some(partner)
    }

    /// Returns whether the visitor opens a link of the partner of their click, which is so for most links that are opened again. It
    /// decodes nothing, so `false` may also mean that [`partner`](Self::partner) has to tell.
    pub(super) fn has_click_of(&self, query: &str, parameter: &str) -> bool {
        let is_plain = self.retry.is_none() && self.other_landing.is_none();
        let landing = self.values[LANDING].filter(|_| is_plain);
        landing.is_some_and(|landing| is_plainly_same(query, parameter, landing)) && self.click_id().is_some()
    }

    /// Returns what a response needs.
    pub(super) fn to_owned(&self) -> Known {
        Known {
            values: self.values.map(|value| value.map(<[u8]>::to_vec)),
            doubled: self.doubled,
            click_id: self.click_id().cloned(),
            has_retry: self.retry.is_some(),
        }
    }
}

/// Returns whether a `Cookie` header may contain the retry cookie.
#[inline]
pub(super) fn has_retry(header: &[u8]) -> bool {
    let mut rest = header;
    while let Some(at) = memchr(RETRY_COOKIE.as_bytes()[0], rest) {
        if rest[at..].starts_with(RETRY_COOKIE.as_bytes()) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// The cookies of a request, for its response.
#[derive(Debug, Default)]
pub(super) struct Known {
    values: [Option<Vec<u8>>; 4],
    doubled: [bool; 4],
    click_id: Option<ClickId>,
    pub(super) has_retry: bool,
}

impl Known {
    fn history(&self) -> ClickHistory {
        let pair = self.values[HISTORY].as_ref().map(|value| [HISTORY_COOKIE.as_bytes(), b"=", value].concat());
        cookie::history(pair.as_deref())
    }
}

/// Where cookies are set.
#[derive(Clone, Debug)]
pub(super) struct Site {
    pub(super) domain: Domain,
    pub(super) host: String,
    pub(super) secure: bool,
}

impl Site {
    /// Returns the `Set-Cookie` lines of a click. `landing` is `None` if it is unknown, after a link from another domain. `older`
    /// are clicks that came with it.
    pub(super) fn click(
        &self,
        known: &Known,
        click_id: &ClickId,
        older: &[ClickId],
        landing: Option<&str>,
        days: u32,
    ) -> Vec<String> {
        let mut history: Vec<ClickId> = known.history().into_vec();
        if history.is_empty() {
            history.extend(known.click_id.clone());
        }
        history.extend(older.iter().cloned());
        history.push(click_id.clone());
        let history = ClickHistory::from(history).iter().map(ClickId::as_str).collect::<Vec<_>>().join("|");
        let encoded = |text: &str| utf8_percent_encode(text, COMPONENT).to_string();
        let mut values = [const { None }; 4];
        values[CLICK_ID] = Some(click_id.to_string());
        values[HISTORY] = Some(encoded(&history));
        values[LANDING] = landing.map(encoded);
        values[OLD_CLICK_ID] = Some(click_id.to_string());

        let mut lines = Vec::new();
        for ((name, value), (present, doubled)) in NAMES.iter().zip(values).zip(known.values.iter().zip(known.doubled))
        {
            if doubled {
                let others = self.domain.others(&self.host);
                lines.extend(others.into_iter().map(|domain| self.removal(name, domain)));
            }
            match (value, present) {
                (Some(value), Some(present)) if !doubled && value.as_bytes() == present.as_slice() => {}
                (Some(value), _) => lines.push(self.cookie(name, value, i64::from(days) * 86_400).to_string()),
                // It belongs to another click.
                (None, Some(_)) => lines.push(self.removal(name, self.domain.attribute())),
                (None, None) => {}
            }
        }
        lines
    }

    /// Returns the line that sets the retry cookie.
    pub(super) fn retry(&self, retry: &Retry) -> String {
        self.cookie(RETRY_COOKIE, retry.to_value(), RETRY_SECONDS).http_only(true).to_string()
    }

    /// Returns the line that removes the retry cookie.
    pub(super) fn forget_retry(&self) -> String {
        self.removal(RETRY_COOKIE, self.domain.attribute())
    }

    fn cookie(&self, name: &'static str, value: String, seconds: i64) -> CookieBuilder<'static> {
        let cookie =
            Cookie::build((name, value)).path("/").same_site(SameSite::Lax).max_age(Duration::seconds(seconds));
        let cookie = if self.secure { cookie.secure(true) } else { cookie };
        match self.domain.attribute() {
            Some(domain) => cookie.domain(domain.to_owned()),
            None => cookie,
        }
    }

    fn removal(&self, name: &'static str, domain: Option<&str>) -> String {
        let cookie = Cookie::build((name, "")).path("/").max_age(Duration::ZERO);
        match domain {
            Some(domain) => cookie.domain(domain.to_owned()).to_string(),
            None => cookie.to_string(),
        }
    }
}

/// Returns whether a `Set-Cookie` line of the app sets one of these cookies. The app's own value is left alone.
pub(super) fn sets_ours(line: &[u8]) -> bool {
    let name = line.split(|byte| matches!(byte, b'=' | b';')).next().unwrap_or_default().trim_ascii();
    NAMES.iter().any(|known| known.as_bytes() == name)
}

#[cfg(test)]
mod tests {
    use affitor_core::find::Sources;
    use proptest::prelude::*;

    use super::*;
    use crate::capture::head::Headers;

    struct Request(Vec<String>);

    impl Headers for Request {
        fn each<'h>(&'h self, name: &str, value: &mut dyn FnMut(&'h [u8])) {
            if name == "cookie" {
                self.0.iter().for_each(|header| value(header.as_bytes()));
            }
        }
    }

    impl Head for Request {
        fn method(&self) -> &str {
            "GET"
        }

        fn path(&self) -> &str {
            "/"
        }

        fn query(&self) -> Option<&str> {
            None
        }

        fn authority(&self) -> Option<&[u8]> {
            None
        }

        fn is_tls(&self) -> bool {
            true
        }
    }

    fn header() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec![CLICK_ID_COOKIE, OLD_CLICK_ID_COOKIE, HISTORY_COOKIE, "theme", ""]);
        let value = prop::sample::select(vec!["cust_1_1", "cust_2_2", "abc", "a b", "\"cust_3_3\"", "cust_4%204", ""]);
        let cookie = (name, value).prop_map(|(name, value)| format!("{name}={value}"));
        prop::collection::vec(cookie, 0..6).prop_map(|cookies| cookies.join("; "))
    }

    proptest! {
        /// Capture never misses a click that the layer finds, nor the reverse.
        #[test]
        fn capture_and_the_layer_find_the_same_click(headers in prop::collection::vec(header(), 0..3)) {
            let request = Request(headers);
            let found = cookie::click_id(request.0.iter().map(String::as_bytes), Sources::default().get_cookies());
            let present = Present::read(&request);
            prop_assert_eq!(present.click_id(), found.as_ref());
        }
    }
}
