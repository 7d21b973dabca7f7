//! What a layer leaves in a request for the extractors.

use crate::{BoundClient, ClickId, Client, Visitor, find::cookie};

/// The client and the click id of a request: the one value that the layers put into its extensions.
///
/// The history of clicks is not in it. It is read from the cookies when a handler asks for its [`BoundClient`], so that
/// requests that track nothing don't pay for it.
///
/// ```
/// use affitor::{Attribution, Client};
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
    /// What a layer has found out.
    pub fn new(client: Client, click_id: Option<ClickId>) -> Self {
        Self { client, click_id }
    }

    /// The visitor's click id, when a partner brought them.
    pub fn click_id(&self) -> Option<&ClickId> {
        self.click_id.as_ref()
    }

    /// The app's client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The client for this visitor, with the history of clicks from the request's `Cookie` headers.
    pub fn bind<'h>(&self, cookie_headers: impl IntoIterator<Item = &'h [u8]>) -> BoundClient {
        let visitor = Visitor::from(self.click_id.clone()).history(cookie::history(cookie_headers));
        self.client.for_visitor(visitor)
    }
}
