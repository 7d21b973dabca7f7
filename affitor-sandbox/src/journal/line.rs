//! A line of the journal: a JSON object whose first member is a checksum (CRC-32) of all that follows the comma after it.

use std::io;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{change::Change, origin::Origin, request_log::RequestRecord};

/// The first line of the file.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Header {
    affitor_sandbox_journal: u32,
    #[serde(flatten)]
    origin: Origin,
}

const VERSION: u32 = 4;

pub(super) const NOT_A_JOURNAL: &str = "this is not a sandbox journal";

/// `#` stands for a digit of the checksum.
const START: &[u8] = b"{\"sum\":\"########\",";

/// A request and its changes. `request` is `None` for a change that does not come from a call.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub request: Option<RequestRecord>,
    pub changes: Vec<Change>,
}

/// Borrowed form of [`Line`], for writing.
#[derive(Serialize)]
pub(super) struct NewLine<'l> {
    pub(super) request: Option<&'l RequestRecord>,
    pub(super) changes: &'l [Change],
}

impl Header {
    pub(super) fn new(origin: &Origin) -> Self {
        Self { affitor_sandbox_journal: VERSION, origin: origin.clone() }
    }
}

/// Writes a line with its checksum.
pub(super) fn write(line: &mut Vec<u8>, content: &impl Serialize) -> io::Result<()> {
    line.clear();
    line.extend_from_slice(START);
    // Its brace is replaced by the comma.
    let brace = line.len() - 1;
    line.truncate(brace);
    serde_json::to_writer(&mut *line, content)?;
    line[brace] = b',';
    let sum = format!("{:08x}", crc32fast::hash(&line[START.len()..]));
    line[START.len() - 10..START.len() - 2].copy_from_slice(sum.as_bytes());
    line.push(b'\n');
    Ok(())
}

/// Reads a line without its newline.
///
/// # Errors
///
/// Returns the reason why it can't be read.
pub(super) fn read<T: DeserializeOwned>(line: &[u8]) -> Result<T, String> {
    if !is_whole(line) {
        return Err("the checksum is wrong, so this line was damaged or edited".to_owned());
    }
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

/// Returns whether the checksum is that of the line.
pub(super) fn is_whole(line: &[u8]) -> bool {
    let Some((start, content)) = line.split_at_checked(START.len()) else { return false };
    let sum = std::str::from_utf8(&start[START.len() - 10..START.len() - 2]).unwrap_or_default();
    begins_like(start) && u32::from_str_radix(sum, 16).ok() == Some(crc32fast::hash(content))
}

/// Reads the first line.
pub(super) fn read_header(line: &[u8]) -> Result<Origin, String> {
    #[derive(Deserialize)]
    struct Version {
        affitor_sandbox_journal: u32,
    }
    match serde_json::from_slice::<Version>(line) {
        Ok(Version { affitor_sandbox_journal: VERSION }) => read::<Header>(line).map(|header| header.origin),
        Ok(Version { affitor_sandbox_journal: other }) => {
            Err(format!("this journal has version {other}, but this sandbox supports only version {VERSION}"))
        }
        Err(error) if begins_like(line) => Err(format!("{NOT_A_JOURNAL}, or it is damaged: {error}")),
        Err(_) => Err(NOT_A_JOURNAL.to_owned()),
    }
}

/// Returns whether a text may be the beginning of a line, which a crash cut off.
pub(super) fn begins_like(text: &[u8]) -> bool {
    text.iter().zip(START).all(|(byte, expected)| byte == expected || (*expected == b'#' && byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{begins_like, is_whole, read, write};

    #[test]
    fn a_changed_bit_is_noticed() {
        let content = json!({ "request": null, "changes": [1, "ü"] });
        let mut line = Vec::new();
        write(&mut line, &content).unwrap();
        assert_eq!(line.pop(), Some(b'\n'));
        let mut read_again: Value = read(&line).unwrap();
        read_again.as_object_mut().unwrap().remove("sum");
        assert_eq!(read_again, content);
        for bit in 0..line.len() * 8 {
            let mut changed = line.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            // A letter of the checksum in upper case is the same digit.
            assert!(!is_whole(&changed) || changed.eq_ignore_ascii_case(&line), "bit {bit}");
        }
        for length in 0..line.len() {
            assert!(begins_like(&line[..length]) && !is_whole(&line[..length]), "{length}");
        }
    }
}
