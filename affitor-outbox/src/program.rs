//! Which of several Affitor programs an outbox's events belong to.

use crate::{Error, delivery::QUEUE};

/// Longest queue name that River accepts, in bytes.
const MAX_QUEUE_LEN: usize = 64;

/// Returns the name of a program's queue.
pub(crate) fn queue(program: &str) -> Result<String, Error> {
    let queue = format!("{QUEUE}_{program}");
    let is_separator = |byte: u8| matches!(byte, b'_' | b'-');
    let valid = queue.len() <= MAX_QUEUE_LEN
        && queue.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || is_separator(byte))
        && !queue.ends_with(['_', '-'])
        && !queue.as_bytes().windows(2).any(|pair| pair.iter().copied().all(is_separator));
    if valid { Ok(queue) } else { Err(Error::invalid_program()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_programs() {
        for (program, valid) in [
            ("eu", true),
            ("42", true),
            ("my-shop_2", true),
            ("", false),
            ("-eu", false),
            ("eu-", false),
            ("my--shop", false),
            ("EU", false),
            ("my shop", false),
            ("ü", false),
            (&"x".repeat(56), true),
            (&"x".repeat(57), false),
        ] {
            assert_eq!(queue(program).is_ok(), valid, "{program}");
        }
        assert_eq!(queue("eu").unwrap(), "affitor_eu");
    }
}
