//! Stores in memory, each with a limit. Your app has tables instead.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};

use crate::Refusal;

/// Number of rows in a store. When it is full, the oldest row is forgotten.
const CAPACITY: usize = 10_000;

/// Returns 256 random bits as URL-safe text, which nobody can guess.
///
/// # Errors
///
/// Returns an error if the operating system has no random numbers.
pub fn random_text() -> Result<String, Refusal> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| Refusal::Unavailable)?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// A table with a key.
#[derive(Debug)]
pub(crate) struct Table<T> {
    rows: Mutex<Rows<T>>,
}

#[derive(Debug)]
struct Rows<T> {
    by_key: HashMap<String, T>,
    oldest_first: VecDeque<String>,
}

impl<T> Table<T> {
    pub(crate) fn new() -> Self {
        Self { rows: Mutex::new(Rows { by_key: HashMap::new(), oldest_first: VecDeque::new() }) }
    }

    fn lock(&self) -> MutexGuard<'_, Rows<T>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Inserts a row, unless there is one with this key. Returns a copy of the row, and whether it is new.
    pub(crate) fn insert(&self, key: String, row: T) -> (T, bool)
    where
        T: Clone,
    {
        let mut rows = self.lock();
        if let Some(known) = rows.by_key.get(&key) {
            return (known.clone(), false);
        }
        rows.add(key, row.clone());
        (row, true)
    }

    /// Returns a copy of a row.
    pub(crate) fn get(&self, key: &str) -> Option<T>
    where
        T: Clone,
    {
        self.lock().by_key.get(key).cloned()
    }
}

impl<T> Rows<T> {
    fn add(&mut self, key: String, row: T) {
        if self.oldest_first.len() >= CAPACITY
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.by_key.remove(&oldest);
        }
        self.oldest_first.push_back(key.clone());
        self.by_key.insert(key, row);
    }
}

/// Rows that wait for the end of a sign-up. Each has a random key, expires, and can be taken once.
#[derive(Debug)]
pub struct Pending<T> {
    table: Table<(Instant, T)>,
    lifetime: Duration,
}

impl<T> Pending<T> {
    /// Creates an empty store.
    pub fn new(lifetime: Duration) -> Self {
        Self { table: Table::new(), lifetime }
    }

    /// Stores a row. Returns its key. In a database, store a hash of the key, so that a copy of the table opens nothing.
    ///
    /// # Errors
    ///
    /// Returns an error if the operating system has no random numbers.
    pub fn insert(&self, row: T) -> Result<String, Refusal> {
        let key = random_text()?;
        self.table.lock().add(key.clone(), (Instant::now(), row));
        Ok(key)
    }

    /// Removes a row and returns it.
    ///
    /// # Errors
    ///
    /// Returns [`Refusal::Expired`] if there is no such row, if it was already taken, or if it has expired.
    pub fn take(&self, key: &str) -> Result<T, Refusal> {
        let (inserted, row) = self.table.lock().by_key.remove(key).ok_or(Refusal::Expired)?;
        if inserted.elapsed() < self.lifetime { Ok(row) } else { Err(Refusal::Expired) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_taken_once_and_in_time() {
        let pending = Pending::new(Duration::from_secs(60));
        let key = pending.insert(7).unwrap();
        assert_eq!(pending.take("other"), Err(Refusal::Expired));
        assert_eq!(pending.take(&key), Ok(7));
        assert_eq!(pending.take(&key), Err(Refusal::Expired));
        let expired = Pending::new(Duration::ZERO);
        let key = expired.insert(7).unwrap();
        assert_eq!(expired.take(&key), Err(Refusal::Expired));
    }

    #[test]
    fn the_oldest_row_makes_room() {
        let pending = Pending::new(Duration::from_secs(60));
        let oldest = pending.insert(0).unwrap();
        let second = pending.insert(1).unwrap();
        for row in 2..=CAPACITY {
            pending.insert(row).unwrap();
        }
        assert_eq!(pending.take(&oldest), Err(Refusal::Expired));
        assert_eq!(pending.take(&second), Ok(1));
    }
}
