//! The accounts: one user per identity, and one lead per user.

use affitor::{Client, Lead, Visitor};

use crate::{
    Refusal,
    store::{Table, random_text},
};

/// The accounts of the app, by identity: an e-mail address, a passkey, or a subject of an identity provider.
#[derive(Debug)]
pub struct Users {
    client: Client,
    id_by_identity: Table<String>,
}

impl Users {
    /// Creates an empty table of accounts. The client reports their leads.
    pub fn new(client: Client) -> Self {
        Self { client, id_by_identity: Table::new() }
    }

    /// Returns the user id of an identity, if it has an account.
    pub fn find(&self, identity: &str) -> Option<String> {
        self.id_by_identity.get(identity)
    }

    /// Signs a person in, and creates their account if they have none.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system has no random numbers.
    pub fn sign_in(&self, identity: &str, email: &str, visitor: Visitor) -> Result<String, Refusal> {
        Ok(self.sign_in_as(new_id()?, identity, email, visitor))
    }

    /// Signs a person in. If they have no account, it gets this id, which is the customer key of everything they buy.
    pub fn sign_in_as(&self, new_id: String, identity: &str, email: &str, visitor: Visitor) -> String {
        let (user_id, is_new) = self.id_by_identity.insert(identity.to_owned(), new_id);
        // Only a new account is a lead: somebody who logs in was not brought by the partner whose link they clicked last.
        if is_new {
            // Returns at once and returns no error, because a problem of tracking is not the visitor's problem.
            self.client.for_visitor(visitor).enqueue(Lead::new(&user_id).email(email));
        }
        user_id
    }
}

/// Returns a user id that never changes, and that nobody has.
pub(crate) fn new_id() -> Result<String, Refusal> {
    Ok(format!("user_{}", random_text()?))
}
