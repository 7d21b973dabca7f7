//! The e-mails that the app sends, in memory.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

const CAPACITY: usize = 1_000;

/// Sent e-mails. Your app has a mail server instead.
#[derive(Debug, Default)]
pub struct Mailbox {
    letters: Mutex<VecDeque<(String, String)>>,
}

impl Mailbox {
    /// Sends a link to an address.
    pub fn send(&self, to: &str, link: String) {
        let mut letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        if letters.len() >= CAPACITY {
            letters.pop_front();
        }
        letters.push_back((to.to_owned(), link));
    }

    /// Returns the newest link that was sent to an address.
    pub fn newest(&self, to: &str) -> Option<String> {
        let letters = self.letters.lock().unwrap_or_else(PoisonError::into_inner);
        letters.iter().rev().find(|(address, _)| address == to).map(|(_, link)| link.clone())
    }
}
