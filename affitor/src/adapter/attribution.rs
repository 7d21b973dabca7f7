//! What a layer stores in a request for its extractors.

use affitor_core::{ClickId, Visitor, find::cookie};

use crate::client::{BoundClient, Client};

/// The client and the click id of a request: the value that a layer inserts into the request's extensions.
///
/// The click history is not part of it. It is read from the cookies when a handler asks for its [`BoundClient`], so requests
/// that track nothing don't pay for it.
///
/// ```
/// use affitor::{Client, adapter::Attribution};
///
/// let attribution = Attribution::new(Client::disabled(), None);
/// let cookies: [&[u8]; 1] = [b"affitor_click_ids=cust_1_1%7Ccust_2_2"];
/// assert_eq!(attribution.bind(cookies).visitor().click_ids.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Attribution {
    client: Client,
    click_id: Option<ClickId>,
}

impl Attribution {
    /// Creates the value to insert.
    pub fn new(client: Client, click_id: Option<ClickId>) -> Self {
        Self { client, click_id }
    }

    /// Returns the click id, if the request has a valid one.
    pub fn click_id(&self) -> Option<&ClickId> {
        self.click_id.as_ref()
    }

    /// Returns the app's client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the client for this visitor, with the click history from the request's `Cookie` headers.
    pub fn bind<'h>(&self, cookie_headers: impl IntoIterator<Item = &'h [u8]>) -> BoundClient {
        let visitor = Visitor::from(self.click_id.clone()).click_ids(cookie::history(cookie_headers));
        self.client.for_visitor(visitor)
    }
}
