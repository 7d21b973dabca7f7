//! The index of a repository, which lists the tracked files: versions 2 to 4 of gitformat-index(5), with SHA-1.

/// Returns whether a file is tracked, or `None` if the index has a form that is not read here: then nothing is known.
pub(super) fn tracks(index: &[u8], path: &[u8]) -> Option<bool> {
    /// Times, device, inode, mode, owner, size, object id and flags.
    const FIXED: usize = 62;

    let body = index.strip_prefix(b"DIRC")?;
    let (version, body) = number(body)?;
    let (count, body) = number(body)?;
    if !(2..=4).contains(&version) {
        return None;
    }
    let mut rest = body;
    let mut name = Vec::new();
    for _ in 0..count {
        let entry = rest;
        let mode = number(entry.get(24..)?)?.0;
        let flags = u16::from_be_bytes(entry.get(60..FIXED)?.try_into().ok()?);
        let fixed = FIXED + if flags & 0x4000 == 0 { 0 } else { 2 };
        rest = entry.get(fixed..)?;
        if version == 4 {
            // The name begins as that of the entry before, without so many bytes at its end.
            let dropped;
            (dropped, rest) = variable_length(rest)?;
            name.truncate(name.len().checked_sub(dropped)?);
        } else {
            name.clear();
        }
        let end = rest.iter().position(|byte| *byte == 0)?;
        name.extend_from_slice(&rest[..end]);
        rest = if version == 4 {
            rest.get(end + 1..)?
        } else {
            // Entries have a multiple of 8 bytes, and end with one to eight null bytes.
            entry.get((fixed + end + 8) / 8 * 8..)?
        };
        // In a sparse index, a folder stands for all of its files.
        let is_folder = mode & 0o170_000 == 0o040_000 && path.starts_with(&name);
        if name == path || is_folder {
            return Some(true);
        }
    }
    // Extensions, then a checksum of 20 bytes. One whose name begins in lower case must be understood. Only that of a sparse index is.
    while rest.len() > 20 {
        let signature = rest.get(..4)?;
        if !signature[0].is_ascii_uppercase() && signature != b"sdir" {
            return None;
        }
        let (length, after) = number(&rest[4..])?;
        rest = after.get(usize::try_from(length).ok()?..)?;
    }
    (rest.len() == 20).then_some(false)
}

fn number(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((u32::from_be_bytes(*number), rest))
}

/// A number in the encoding of the offsets of a pack: seven bits per byte, and one is added for each byte that follows.
fn variable_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_usize;
    for (position, byte) in bytes.iter().enumerate().take(8) {
        value = value.checked_mul(128)?.checked_add(usize::from(byte & 0x7f))?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[position + 1..]));
        }
        value += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{tracks, variable_length};

    #[test]
    fn numbers_of_variable_length() {
        for (bytes, expected) in
            [(&[5][..], Some(5)), (&[0x80, 0], Some(128)), (&[0x81, 1], Some(257)), (&[0x80], None)]
        {
            assert_eq!(variable_length(bytes).map(|(value, _)| value), expected, "{bytes:?}");
        }
        assert_eq!(variable_length(&[0xff; 20]), None);
    }

    #[test]
    fn damaged_indexes_do_no_harm() {
        for index in [
            &b""[..],
            b"DIRC",
            b"DIRC\0\0\0\x02\xff\xff\xff\xff",
            b"DIRC\0\0\0\x09\0\0\0\0",
            b"DIRC\0\0\0\x02\0\0\0\0short",
        ] {
            assert_eq!(tracks(index, b"a"), None, "{index:?}");
        }
    }
}
