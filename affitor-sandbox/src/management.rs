//! Management keys of the account: who may list programs and replace their API keys without logging in.

use serde::{Deserialize, Serialize};

use crate::secret::{SecretHash, StoredKey};

/// What the service documents as scopes. `*` is all of them.
pub(crate) const SCOPES: &[&str] = &[
    "*",
    "program:list",
    "program:read",
    "program:create",
    "program:update",
    "program:delete",
    "program:go_live",
    "program:regenerate-token",
    "dashboard:view",
];

/// A management key. It is kept when it is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ManagementKey {
    pub id: u64,
    pub name: String,
    /// The beginning of the key, by which people tell keys apart.
    pub prefix: String,
    pub key: StoredKey,
    pub scopes: Vec<String>,
    /// `None`: all programs.
    pub program_scope: Option<Vec<u64>>,
    pub expires_ms: Option<i64>,
    pub is_revoked: bool,
}

/// Length of what people see of a key: `affk_` and eight characters.
const PREFIX: usize = 13;

impl ManagementKey {
    /// Creates a key that may do everything.
    pub(crate) fn new(id: u64, name: String, key: &str) -> Self {
        Self {
            id,
            name,
            prefix: key.chars().take(PREFIX).collect(),
            key: StoredKey::of(key),
            scopes: vec!["*".to_owned()],
            program_scope: None,
            expires_ms: None,
            is_revoked: false,
        }
    }

    /// Whether the key may do something, with a program if it is about one.
    pub(crate) fn allows(&self, scope: &str, program: Option<u64>) -> bool {
        let in_scope = self.scopes.iter().any(|allowed| allowed == "*" || allowed == scope);
        let of_program = |allowed: &Vec<u64>| program.is_none_or(|id| allowed.contains(&id));
        in_scope && self.program_scope.as_ref().is_none_or(of_program)
    }
}

/// The keys, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct ManagementKeys(Vec<ManagementKey>);

impl ManagementKeys {
    pub(crate) fn all(&self) -> &[ManagementKey] {
        &self.0
    }

    /// Returns the valid key with this hash.
    pub(crate) fn valid(&self, token: SecretHash, now_ms: i64) -> Option<&ManagementKey> {
        let is_valid =
            |key: &&ManagementKey| !key.is_revoked && key.expires_ms.is_none_or(|expires_ms| now_ms < expires_ms);
        self.0.iter().find(|key| key.key.hash == token).filter(is_valid)
    }

    pub(crate) fn next_id(&self) -> u64 {
        self.0.last().map_or(1, |key| key.id + 1)
    }

    pub(crate) fn add(&mut self, key: ManagementKey) {
        self.0.push(key);
    }

    pub(crate) fn revoke(&mut self, id: u64) {
        for key in self.0.iter_mut().filter(|key| key.id == id) {
            key.is_revoked = true;
        }
    }
}
