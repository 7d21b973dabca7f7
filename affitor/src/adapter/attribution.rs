//! What a layer stores in a request for its extractors.

use affitor_core::{
    ClickId, Visitor,
    find::{Sources, cookie},
};

use crate::client::{BoundClient, Client};

/// The client and the click id of a request: the value that a layer inserts into the request's extensions.
///
/// The click history is not part of it. It is read from the cookies when a handler asks for its [`BoundClient`], so requests
/// that track nothing don't pay for it. If the layer does not [read cookies](Sources::reads_cookies), it stays empty.
///
/// ```
/// use affitor::{Client, adapter::Attribution, find::Sources};
///
/// let attribution = Attribution::new(Client::disabled(), &Sources::default(), None);
/// let cookies: [&[u8]; 1] = [b"affitor_click_ids=cust_1_1%7Ccust_2_2"];
/// assert_eq!(attribution.bind(cookies).visitor().click_ids.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Attribution {
    client: Client,
    click_id: Option<ClickId>,
    reads_history: bool,
}

impl Attribution {
    /// Creates the value to insert. `click_id` is what was found in these sources, or what a layer for capture has inserted.
    pub fn new(client: Client, sources: &Sources, click_id: Option<ClickId>) -> Self {
        Self { client, click_id, reads_history: sources.reads_cookies() }
    }

    /// Returns the click id, if the request has a valid one.
    pub fn click_id(&self) -> Option<&ClickId> {
        self.click_id.as_ref()
    }

    /// Returns the app's client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the client for this visitor, with the click history from the request's `Cookie` headers, if the layer reads cookies.
    pub fn bind<'h>(&self, cookie_headers: impl IntoIterator<Item = &'h [u8]>) -> BoundClient {
        let visitor = Visitor::from(self.click_id.clone());
        self.client.for_visitor(if self.reads_history {
            visitor.click_ids(cookie::history(cookie_headers))
        } else {
            visitor
        })
    }
}
