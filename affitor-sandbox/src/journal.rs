//! State that outlives the process: a file of JSON lines, one a request, which is replayed at the start.
//!
//! A line is written before its changes are made and its request is answered; where it can't be written whole, what was
//! written of it is taken back, nothing changes, and the request is answered with 500. Lines are handed to the operating
//! system, not waited for on the disk: they survive the process, and not always a loss of power.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{change::Change, request_log::RequestRecord};

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    affitor_sandbox_journal: u32,
}

const VERSION: u32 = 1;

/// How long a line can be, in bytes: a request's body is at most 1 MiB.
const LINE_LIMIT: u64 = 16 * 1024 * 1024;

/// What a request changed.
#[derive(Debug, Deserialize)]
pub(crate) struct Line {
    pub request: Option<RequestRecord>,
    pub changes: Vec<Change>,
}

/// The same, to be written.
#[derive(Serialize)]
struct NewLine<'l> {
    request: Option<&'l RequestRecord>,
    changes: &'l [Change],
}

/// An open journal, which no other process can open.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    /// How much of it is whole lines, in bytes.
    length: u64,
    /// Whether what was written of a line could not be taken back.
    torn: bool,
    line: Vec<u8>,
}

impl Journal {
    /// Opens it, makes it where it is not there, and replays each line into `replay`, which says what is wrong with one.
    ///
    /// # Errors
    ///
    /// When another process has it open, when it is no journal or a later version's, and when a line but the last can't
    /// be read. A last line that is not whole was not answered: it is dropped.
    pub(crate) fn open(path: &Path, mut replay: impl FnMut(Line) -> Result<(), String>) -> io::Result<Self> {
        let about = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        // It holds what apps send of people.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).map_err(about)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::new(
                io::ErrorKind::ResourceBusy,
                format!("{}: another sandbox has this file open; stop it, or choose another file", path.display()),
            ),
            TryLockError::Error(error) => about(error),
        })?;
        if !file.metadata().map_err(about)?.is_file() {
            return Err(about(io::Error::new(io::ErrorKind::InvalidInput, "this is not a regular file")));
        }
        let mut journal = Self { file, length: 0, torn: false, line: Vec::new() };
        journal.replay(&mut replay).map_err(about)?;
        if journal.file.metadata().map_err(about)?.len() > journal.length {
            tracing::warn!(path = %path.display(), "the journal's last line is torn: it is dropped");
            journal.file.set_len(journal.length).map_err(about)?;
        }
        if journal.length == 0 {
            journal.write_header().map_err(about)?;
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
                return Err(invalid(number, "this line is too long for a journal of a sandbox".to_owned()));
            }
            if text.last() != Some(&b'\n') {
                // An editor may have dropped the last newline; what can be read is whole.
                if number > 1
                    && let Ok(line) = serde_json::from_slice(&text)
                {
                    replay(line).map_err(|why| invalid(number, why))?;
                    self.length += read as u64;
                    return (&self.file).write_all(b"\n").map(|()| self.length += 1);
                }
                // Of something that is no journal nothing is dropped.
                if number == 1 && !text.is_empty() && !whole_header().starts_with(&text) {
                    return Err(invalid(number, "this is no journal of a sandbox".to_owned()));
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
        self.line = whole_header();
        self.write_line()
    }

    /// Writes what a request changes.
    ///
    /// # Errors
    ///
    /// When it can't; then it is as if it had not been tried.
    pub(crate) fn append(&mut self, request: Option<&RequestRecord>, changes: &[Change]) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, &NewLine { request, changes })?;
        self.line.push(b'\n');
        self.write_line()
    }

    fn write_line(&mut self) -> io::Result<()> {
        if self.torn {
            self.file.set_len(self.length)?;
            self.torn = false;
        }
        match self.file.write_all(&self.line) {
            Ok(()) => {
                self.length += self.line.len() as u64;
                Ok(())
            }
            Err(error) => {
                self.torn = self.file.set_len(self.length).is_err();
                Err(error)
            }
        }
    }

    /// Forgets everything but its first line: nothing is written, which a full disk could refuse.
    pub(crate) fn clear(&mut self) -> io::Result<()> {
        let header = whole_header().len() as u64;
        self.file.set_len(header)?;
        (self.length, self.torn) = (header, false);
        Ok(())
    }
}

fn whole_header() -> Vec<u8> {
    format!("{{\"affitor_sandbox_journal\":{VERSION}}}\n").into_bytes()
}

fn check_header(line: &[u8]) -> Result<(), String> {
    match serde_json::from_slice::<Header>(line) {
        Ok(Header { affitor_sandbox_journal: VERSION }) => Ok(()),
        Ok(Header { affitor_sandbox_journal: other }) => {
            Err(format!("this journal is of version {other}, and this sandbox knows version {VERSION}"))
        }
        Err(_) => Err("this is no journal of a sandbox".to_owned()),
    }
}
