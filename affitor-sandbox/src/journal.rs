//! The journal: a file of JSON lines, one per request, which is replayed at the start.
//!
//! A line is written before its changes are applied and the response is sent. If it can't be written completely, the
//! partial line is removed, nothing changes, and the response is a 500. Lines are passed to the operating system without
//! waiting for the disk, so they survive a crash of the process but not always a power failure.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{change::Change, request_log::RequestRecord};

/// The first line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    affitor_sandbox_journal: u32,
}

const VERSION: u32 = 1;

const NOT_A_JOURNAL: &str = "this is not a sandbox journal";

/// Maximum length of a line, in bytes. A request's body is at most 1 MiB.
const LINE_LIMIT: u64 = 16 * 1024 * 1024;

/// A request and its changes. `request` is `None` for a change that does not come from a call.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub request: Option<RequestRecord>,
    pub changes: Vec<Change>,
}

/// Borrowed form of [`Line`], for writing.
#[derive(Serialize)]
struct NewLine<'l> {
    request: Option<&'l RequestRecord>,
    changes: &'l [Change],
}

/// An open journal, locked against other processes.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    /// Length of the complete lines, in bytes.
    length: u64,
    /// Whether a partial line could not be removed.
    has_partial_line: bool,
    line: Vec<u8>,
}

impl Journal {
    /// Opens or creates the file and passes each line to `replay`, which returns an error for an invalid line.
    ///
    /// An incomplete last line is dropped: its request never got a response.
    ///
    /// # Errors
    ///
    /// Returns an error if another process has the file open; if it is not a journal, or a journal of another version; if
    /// any other line is invalid.
    pub(crate) fn open(path: &Path, mut replay: impl FnMut(Line) -> Result<(), String>) -> io::Result<Self> {
        let with_path = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        // The file contains personal data.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(with_path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::new(
                io::ErrorKind::ResourceBusy,
                format!("{}: another sandbox has this file open; stop it, or choose another file", path.display()),
            ),
            TryLockError::Error(error) => with_path(error),
        })?;
        if !file.metadata().map_err(with_path)?.is_file() {
            return Err(with_path(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
        }
        let mut journal = Self { file, length: 0, has_partial_line: false, line: Vec::new() };
        journal.replay(&mut replay).map_err(with_path)?;
        if journal.file.metadata().map_err(with_path)?.len() > journal.length {
            tracing::warn!(path = %path.display(), "dropping the incomplete last line of the journal");
            journal.file.set_len(journal.length).map_err(with_path)?;
        }
        if journal.length == 0 {
            journal.write_header().map_err(with_path)?;
        }
        Ok(journal)
    }

    fn replay(&mut self, replay: &mut impl FnMut(Line) -> Result<(), String>) -> io::Result<()> {
        let invalid =
            |number: usize, why: String| io::Error::new(io::ErrorKind::InvalidData, format!("line {number}: {why}"));
        let mut reader = BufReader::new(&self.file);
        let mut text = Vec::new();
        for number in 1.. {
            text.clear();
            let read = reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut text)?;
            if read as u64 == LINE_LIMIT {
                return Err(invalid(number, "this line is too long for a sandbox journal".to_owned()));
            }
            if text.last() != Some(&b'\n') {
                // Some editors drop the last newline. A line that can be parsed is complete.
                if number > 1
                    && let Ok(line) = serde_json::from_slice(&text)
                {
                    replay(line).map_err(|why| invalid(number, why))?;
                    self.length += read as u64;
                    return (&self.file).write_all(b"\n").map(|()| self.length += 1);
                }
                // A file that isn't a journal is left unchanged.
                if number == 1 && !text.is_empty() && !header().starts_with(&text) {
                    return Err(invalid(number, NOT_A_JOURNAL.to_owned()));
                }
                break;
            }
            if number == 1 {
                check_header(&text).map_err(|why| invalid(number, why))?;
            } else {
                let line = serde_json::from_slice(&text).map_err(|error| error.to_string());
                line.and_then(&mut *replay).map_err(|why| invalid(number, why))?;
            }
            self.length += read as u64;
        }
        Ok(())
    }

    fn write_header(&mut self) -> io::Result<()> {
        self.line = header();
        self.write_line()
    }

    /// Appends a request and its changes.
    ///
    /// # Errors
    ///
    /// Returns an error if the line can't be written. The journal is then unchanged.
    pub(crate) fn append(&mut self, request: Option<&RequestRecord>, changes: &[Change]) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, &NewLine { request, changes })?;
        self.line.push(b'\n');
        self.write_line()
    }

    fn write_line(&mut self) -> io::Result<()> {
        if self.has_partial_line {
            self.file.set_len(self.length)?;
            self.has_partial_line = false;
        }
        match self.file.write_all(&self.line) {
            Ok(()) => {
                self.length += self.line.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.has_partial_line = self.file.set_len(self.length).is_err();
                Err(error)
            }
        }
    }

    /// Removes everything but the first line. This writes nothing, so it succeeds even if the disk is full.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        let length = header().len() as u64;
        self.file.set_len(length)?;
        (self.length, self.has_partial_line) = (length, false);
        Ok(())
    }
}

fn header() -> Vec<u8> {
    format!("{{\"affitor_sandbox_journal\":{VERSION}}}\n").into_bytes()
}

fn check_header(line: &[u8]) -> Result<(), String> {
    match serde_json::from_slice::<Header>(line) {
        Ok(Header { affitor_sandbox_journal: VERSION }) => Ok(()),
        Ok(Header { affitor_sandbox_journal: other }) => {
            Err(format!("this journal has version {other}, but this sandbox supports only version {VERSION}"))
        }
        Err(_) => Err(NOT_A_JOURNAL.to_owned()),
    }
}
