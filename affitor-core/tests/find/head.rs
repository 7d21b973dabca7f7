//! A request, as the tests write it.

use affitor_core::{
    ClickId,
    find::{BodyAccess, Header, RequestHead, Search, Source, Sources, search},
};

/// The head of a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head(Vec<(Header, Vec<u8>)>);

impl Head {
    /// Adds a value, beside others of the same header.
    pub(crate) fn and(mut self, header: Header, value: impl Into<Vec<u8>>) -> Self {
        self.0.push((header, value.into()));
        self
    }

    /// Sets or removes a header.
    pub(crate) fn with(mut self, header: Header, value: impl Into<Option<&'static str>>) -> Self {
        self.0.retain(|(known, _)| *known != header);
        match value.into() {
            Some(value) => self.and(header, value),
            None => self,
        }
    }
}

impl RequestHead for Head {
    fn values(&self, header: Header) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |(known, _)| *known == header).map(|(_, value)| value.as_slice())
    }
}

/// The click id in values of the click-id header.
pub(crate) fn in_header(values: &[&[u8]]) -> Option<ClickId> {
    let head = values.iter().fold(Head::default(), |head, value| head.and(Header::ClickId, *value));
    in_head(&Sources::default(), &head)
}

/// The click id in the head of a request.
pub(crate) fn in_head(sources: &Sources, head: &Head) -> Option<ClickId> {
    match search(sources, head, BodyAccess::HeadOnly) {
        Search::Done(found) => found,
        Search::NeedsBody(_) => panic!("the body can't be read"),
    }
}

/// The click id in the fields of a JSON body.
pub(crate) fn in_json<'n>(body: &[u8], fields: impl IntoIterator<Item = &'n str>) -> Option<ClickId> {
    in_body("application/json", body, fields)
}

/// The click id in the fields of a form.
pub(crate) fn in_form<'n>(body: &[u8], fields: impl IntoIterator<Item = &'n str>) -> Option<ClickId> {
    in_body("application/x-www-form-urlencoded", body, fields)
}

fn in_body<'n>(content_type: &str, body: &[u8], fields: impl IntoIterator<Item = &'n str>) -> Option<ClickId> {
    let sources = Sources::default().order([Source::Body]).fields(fields);
    let head = Head::default().and(Header::ContentType, content_type);
    match search(&sources, &head, BodyAccess::Readable { length: Some(body.len() as u64) }) {
        Search::Done(found) => found,
        Search::NeedsBody(pending) => pending.finish(&sources, &head, Some(body)),
    }
}
