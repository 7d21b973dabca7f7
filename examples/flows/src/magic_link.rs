//! A magic link, which is often opened in another browser: the visitor who asked for it is the one who signs up.

use affitor::{
    Visitor,
    carry::{LINK_LIFETIME, VisitorKey},
};

use crate::{
    Refusal, first_with_click,
    links::{Address, Link, Links},
};

/// Magic links that were not opened yet.
#[derive(Debug)]
pub struct MagicLinks(Links);

impl MagicLinks {
    /// Creates an empty table of links.
    pub fn new(origin: &str, key: VisitorKey) -> Self {
        Self(Links::new(format!("{origin}/magic-link/open"), LINK_LIFETIME, key))
    }

    /// Creates the link that is sent to the address.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system has no random numbers.
    pub fn create(&self, address: &Address, visitor: &Visitor) -> Result<String, Refusal> {
        self.0.create(address, visitor)
    }

    /// Uses a link. Returns the address, and the visitor who signs up: the one who asked for the link. If no partner brought
    /// them, the click of the browser that opens the link counts, if it has one.
    ///
    /// # Errors
    ///
    /// Returns an error if the link was used or has expired.
    pub fn open(&self, link: &Link, own: &Visitor) -> Result<(String, Visitor), Refusal> {
        let (email, asked) = self.0.open(link)?;
        Ok((email, first_with_click([&asked, own])))
    }
}
