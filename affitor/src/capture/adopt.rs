//! Adopting a visitor who comes from another site.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use affitor_core::{ClickId, Visitor};
use form_urlencoded::parse;
use reqwest::Url;

use super::{head::Head, origin};
use crate::carry::{MAX_LEN, PARAMETER, VisitorKey};

/// Whose visitors are adopted.
#[derive(Debug)]
pub(super) struct Adoption {
    key: VisitorKey,
    /// `None` for what is not an origin.
    origins: Vec<Option<Url>>,
}

impl Adoption {
    pub(super) fn new<'o>(key: VisitorKey, origins: impl IntoIterator<Item = &'o str>) -> Self {
        Self { key, origins: origins.into_iter().map(origin::fixed).collect() }
    }

    pub(super) fn is_valid(&self) -> bool {
        self.origins.iter().all(Option::is_some)
    }

    /// Returns the visitor in the URL of a request that comes from one of the origins, unless they have a newer click.
    pub(super) fn visitor(&self, head: &dyn Head, known: Option<&ClickId>) -> Option<Visitor> {
        let query = head.query().filter(|query| mentions(query))?;
        let from = Url::parse(head.header("referer")?).ok()?.origin();
        if !self.origins.iter().flatten().any(|listed| listed.origin() == from) {
            return None;
        }
        let mut texts = parse(query.as_bytes()).filter(|(name, _)| name == PARAMETER);
        let (_, text) = texts.next().filter(|(_, text)| text.len() <= MAX_LEN)?;
        // Two of them are ambiguous.
        if texts.next().is_some() {
            return None;
        }
        let now = SystemTime::now();
        let (visitor, signed) = self.key.verify_with_time(&text, now)?;
        let click_id = visitor.click_id.as_ref()?;
        // A click id can name any time. Those in a text are not newer than the text.
        let is_newer = match known {
            None => true,
            Some(known) => match (recorded_at(click_id), recorded_at(known)) {
                (Some(new), Some(old)) => new.min(signed).min(now) > old.min(now),
                _ => false,
            },
        };
        is_newer.then_some(visitor)
    }
}

/// Returns whether a query may contain a carried visitor.
pub(super) fn mentions(query: &str) -> bool {
    memchr::memmem::find(query.as_bytes(), PARAMETER.as_bytes()).is_some()
}

/// Returns when a click was recorded, if its id has the documented form `cust_<customer>_<epoch ms>`.
fn recorded_at(click_id: &ClickId) -> Option<SystemTime> {
    let (customer, ms) = click_id.as_str().strip_prefix("cust_")?.rsplit_once('_')?;
    (!customer.is_empty()).then_some(UNIX_EPOCH.checked_add(Duration::from_millis(ms.parse().ok()?))?)
}
