//! Links in e-mails: the visitor is stored beside the token, or carried in the link.

use std::time::{Duration, SystemTime};

use affitor::{
    Visitor,
    carry::{PARAMETER, VisitorKey},
};
use serde::Deserialize;

use crate::{Refusal, store::Pending};

/// Where the visitor is kept until the link is opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// In the row of the token. Preferred: nothing is in the link, and nobody can change or copy it.
    #[default]
    Stored,
    /// In the link, as a signed text: for a link that another server opens, which has only the secret in common.
    Carried,
}

/// The form with which a link is requested.
#[derive(Debug, Deserialize)]
pub struct Address {
    /// E-mail address.
    pub email: String,
    /// Where the visitor is kept.
    #[serde(default)]
    pub keep: Keep,
}

/// The parameters of a link.
#[derive(Debug, Deserialize)]
pub struct Link {
    /// Random token, which can be used once.
    pub token: String,
    /// Signed text with the visitor, if the link carries one.
    pub affitor_visitor: Option<String>,
}

#[derive(Debug)]
struct Row {
    email: String,
    visitor: Visitor,
}

/// Links of one kind that were not used yet.
#[derive(Debug)]
pub struct Links {
    url: String,
    lifetime: Duration,
    rows: Pending<Row>,
    key: VisitorKey,
}

impl Links {
    /// Creates an empty table of links to a URL. The key signs carried visitors, which expire with the links.
    pub fn new(url: String, lifetime: Duration, key: VisitorKey) -> Self {
        Self { url, lifetime, rows: Pending::new(lifetime), key }
    }

    /// Creates the link that is sent to the address.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system has no random numbers.
    pub fn create(&self, address: &Address, visitor: &Visitor) -> Result<String, Refusal> {
        let (stored, carried) = match address.keep {
            Keep::Stored => (visitor.clone(), None),
            Keep::Carried => (Visitor::default(), self.key.sign(visitor, SystemTime::now(), self.lifetime)),
        };
        let token = self.rows.insert(Row { email: address.email.clone(), visitor: stored })?;
        let mut link = format!("{}?token={token}", self.url);
        if let Some(text) = carried {
            link += &format!("&{PARAMETER}={text}");
        }
        Ok(link)
    }

    /// Uses a link. Returns the address and the visitor who asked for the link.
    ///
    /// # Errors
    ///
    /// Returns an error if the token was used or has expired. A carried visitor that is expired or forged is treated as missing.
    pub fn open(&self, link: &Link) -> Result<(String, Visitor), Refusal> {
        let Row { email, visitor } = self.rows.take(&link.token)?;
        let carried = link.affitor_visitor.as_deref().and_then(|text| self.key.verify(text, SystemTime::now()));
        Ok((email, if visitor.click_id.is_some() { visitor } else { carried.unwrap_or_default() }))
    }
}
