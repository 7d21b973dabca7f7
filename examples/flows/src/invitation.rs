//! An invitation that a visitor asked for, and accepts days later: whose click counts?

use std::time::Duration;

use affitor::{Visitor, carry::VisitorKey};

use crate::{
    Refusal, first_with_click,
    links::{Address, Link, Links},
};

/// How long an invitation is valid: two weeks. A magic link expires after minutes, and an invitation can't.
pub const LIFETIME: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Invitations that were not accepted yet.
///
/// A visitor asks for an invitation, for example on a waiting list, and the same person accepts it. If they clicked a partner's
/// link in the meantime, that click counts, as the last click always does; else the click with which they asked.
///
/// An invitation by a colleague is another matter: create it with [`Visitor::default`]. A click id belongs to one person, so with
/// the colleague's click, the lead of the invited person would be a repetition of the colleague's own lead.
#[derive(Debug)]
pub struct Invitations(Links);

impl Invitations {
    /// Creates an empty table of invitations.
    pub fn new(origin: &str, key: VisitorKey) -> Self {
        Self(Links::new(format!("{origin}/invitation/open"), LIFETIME, key))
    }

    /// Creates the link of an invitation, for the visitor who asked for it.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system has no random numbers.
    pub fn create(&self, address: &Address, visitor: &Visitor) -> Result<String, Refusal> {
        self.0.create(address, visitor)
    }

    /// Accepts an invitation. Returns the address, and the visitor whose click counts: the person's own newer one, else the one
    /// that was kept with the invitation.
    ///
    /// # Errors
    ///
    /// Returns an error if the invitation was accepted or has expired.
    pub fn accept(&self, link: &Link, own: &Visitor) -> Result<(String, Visitor), Refusal> {
        let (email, asked) = self.0.open(link)?;
        Ok((email, first_with_click([own, &asked])))
    }
}
