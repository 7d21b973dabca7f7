//! The order of the search, the same for every framework.

use super::{BodyKind, Source, Sources, cookie, form, header, json};
use crate::ClickId;

/// The head of a request, as a framework gives it.
pub trait Head {
    /// The values of the forwarded header ([`Sources::header_name`]).
    fn forwarded(&self) -> impl Iterator<Item = &[u8]>;

    /// The values of all `Cookie` headers.
    fn cookies(&self) -> impl Iterator<Item = &[u8]>;

    /// What may be looked into of the body: [`Sources::look`], or `None` where bodies are never looked at.
    fn body(&self) -> Option<BodyKind>;
}

/// How far a search has come.
#[derive(Debug)]
pub enum Search {
    /// It has ended, with or without an id.
    Done(Option<ClickId>),
    /// The body comes next: read it, and go on with [`Sources::resume`].
    Body(Unfinished),
}

/// A search that waits for the body.
#[derive(Clone, Copy, Debug)]
pub struct Unfinished {
    kind: BodyKind,
    next: usize,
}

impl Sources {
    #[doc(hidden)]
    /// Looks at one source after the other, until one has an id or the body is needed.
    pub fn search(&self, head: &impl Head) -> Search {
        self.search_from(0, head)
    }

    #[doc(hidden)]
    /// Goes on once the body was read: `body` is the whole of it, or `None` where it could not be had (too long, cut
    /// off).
    pub fn resume(&self, unfinished: Unfinished, body: Option<&[u8]>, head: &impl Head) -> Option<ClickId> {
        let in_body = body.and_then(|body| match unfinished.kind {
            BodyKind::Json => json::click_id(body, self.field_names()),
            BodyKind::Form => form::click_id(body, self.field_names()),
        });
        in_body.or_else(|| match self.search_from(unfinished.next, head) {
            Search::Done(found) => found,
            // Each source occurs once in the order, so the body can't come up again.
            Search::Body(_) => None,
        })
    }

    fn search_from(&self, first: usize, head: &impl Head) -> Search {
        let order = self.in_order();
        let mut at = first;
        while let Some(source) = order.get(at) {
            at += 1;
            let found = match source {
                Source::Header => header::click_id(head.forwarded()),
                Source::Cookie => cookie::click_id(head.cookies(), self.cookie_names()),
                Source::Body => match head.body() {
                    Some(kind) => return Search::Body(Unfinished { kind, next: at }),
                    None => None,
                },
            };
            if found.is_some() {
                return Search::Done(found);
            }
        }
        Search::Done(None)
    }
}
