//! The journal: a file of JSON lines with checksums, one per request, which is replayed at the start.
//!
//! A line is written before its changes are applied and the response is sent. If it can't be written completely, the
//! partial line is removed, nothing changes, and the response is a 500. Lines are passed to the operating system before the
//! response, so they survive if the process is killed. They are synced to the disk once a second, so a power failure may
//! lose the last second.

mod line;

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
};

pub(crate) use self::line::Line;
use self::line::{Header, NOT_A_JOURNAL, NewLine, begins_like, is_whole, read_header};
use crate::{change::Change, origin::Origin, request_log::RequestRecord};

/// Maximum length of a line, in bytes. A request's body is at most 1 MiB.
const LINE_LIMIT: u64 = 16 * 1024 * 1024;

/// An open journal, locked against other processes.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
    /// Length of the complete lines, in bytes.
    length: u64,
    /// Whether a partial line could not be removed.
    has_partial_line: bool,
    line: Vec<u8>,
    origin: Origin,
    /// Whether lines were written since the last sync.
    unsynced: bool,
    skips_damage: bool,
}

impl Journal {
    /// Opens or creates the file. A new one will begin with `origin`. `skips_damage` is whether lines that can't be read are left out.
    ///
    /// # Errors
    ///
    /// Returns an error if the file can't be opened, is no regular file, or is open in another process.
    pub(crate) fn open(path: &Path, origin: Origin, skips_damage: bool) -> io::Result<Self> {
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
        let path = path.to_owned();
        Ok(Self {
            file,
            path,
            length: 0,
            has_partial_line: false,
            line: Vec::new(),
            origin,
            unsynced: false,
            skips_damage,
        })
    }

    /// Adds the path to an error.
    fn with_path(&self, error: &io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
    }

    /// Passes each valid line to `scan`. Invalid ones are reported by [`replay`](Self::replay).
    pub(crate) fn scan(&mut self, mut scan: impl FnMut(Line)) -> io::Result<()> {
        let mut reader = BufReader::new(&self.file);
        let mut text = Vec::new();
        let mut scanned = || -> io::Result<()> {
            // A longer line is an error that `replay` reports.
            while (1..LINE_LIMIT).contains(&(reader.by_ref().take(LINE_LIMIT).read_until(b'\n', &mut text)? as u64)) {
                if let Ok(line) = line::read(text.strip_suffix(b"\n").unwrap_or(&text)) {
                    scan(line);
                }
                text.clear();
            }
            Ok(())
        };
        let scanned = scanned().and_then(|()| (&self.file).rewind());
        scanned.map_err(|error| self.with_path(&error))
    }

    /// Passes each line to `replay`, which returns an error for an invalid line. Appends to the file from then on.
    ///
    /// An incomplete last line is dropped: its request never got a response.
    ///
    /// # Errors
    ///
    /// Returns an error if the file is not a journal, or a journal of another version; if any other line is invalid.
    pub(crate) fn replay(&mut self, mut replay: impl FnMut(Line) -> Result<(), String>) -> io::Result<()> {
        self.replay_and_repair(&mut replay).map_err(|error| self.with_path(&error))
    }

    fn replay_and_repair(&mut self, replay: &mut impl FnMut(Line) -> Result<(), String>) -> io::Result<()> {
        self.replay_lines(replay)?;
        if self.file.metadata()?.len() > self.length {
            tracing::warn!(path = %self.path.display(), "dropping the incomplete last line of the journal");
            self.file.set_len(self.length)?;
        }
        if self.length == 0 { self.write_header() } else { Ok(()) }
    }

    fn replay_lines(&mut self, replay: &mut impl FnMut(Line) -> Result<(), String>) -> io::Result<()> {
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
            let Some(whole) = text.strip_suffix(b"\n") else {
                // Some editors drop the last newline. A line with the right checksum is complete.
                if number > 1 && is_whole(&text) {
                    let line = line::read(&text);
                    line.and_then(&mut *replay).map_err(|why| invalid(number, why))?;
                    self.length += read as u64;
                    return (&self.file).write_all(b"\n").map(|()| self.length += 1);
                }
                if let Some((_, before)) = text.split_last().filter(|(_, before)| is_whole(before)) {
                    if !self.skips_damage {
                        return Err(invalid(number, "the newline after it was damaged".to_owned()));
                    }
                    // The line itself is whole.
                    line::read(before).and_then(&mut *replay).map_err(|why| invalid(number, why))?;
                    self.file.set_len(self.length + before.len() as u64)?;
                    self.length += before.len() as u64;
                    return (&self.file).write_all(b"\n").map(|()| self.length += 1);
                }
                // A file that isn't a journal is left unchanged.
                if number == 1 && !begins_like(&text) {
                    return Err(invalid(number, NOT_A_JOURNAL.to_owned()));
                }
                break;
            };
            if number == 1 {
                self.origin = read_header(whole).map_err(|why| invalid(number, why))?;
            } else {
                match line::read(whole) {
                    Ok(line) => replay(line).map_err(|why| invalid(number, why))?,
                    Err(why) if self.skips_damage => {
                        tracing::warn!(path = %self.path.display(), line = number, why, "a line of the journal is left out");
                    }
                    Err(why) => return Err(invalid(number, why)),
                }
            }
            self.length += read as u64;
        }
        Ok(())
    }

    /// Returns the state that the changes begin with.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    fn write_header(&mut self) -> io::Result<()> {
        line::write(&mut self.line, &Header::new(&self.origin))?;
        self.write_line()
    }

    /// Appends a request and its changes.
    ///
    /// # Errors
    ///
    /// Returns an error if the line can't be written. The journal is then unchanged.
    pub(crate) fn append(&mut self, request: Option<&RequestRecord>, changes: &[Change]) -> io::Result<()> {
        if self.length == 0 {
            self.write_header()?;
        }
        line::write(&mut self.line, &NewLine { request, changes })?;
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
                self.unsynced = true;
                Ok(())
            }
            Err(error) => {
                self.has_partial_line = self.file.set_len(self.length).is_err();
                Err(error)
            }
        }
    }

    /// Returns the file if something was written since the last call, so that the caller can sync it to the disk.
    pub(crate) fn take_unsynced(&mut self) -> io::Result<Option<File>> {
        if !self.unsynced {
            return Ok(None);
        }
        let file = self.file.try_clone()?;
        self.unsynced = false;
        Ok(Some(file))
    }

    /// Removes everything, and begins with another state. This frees space first, so it succeeds even if the disk is full.
    pub(crate) fn clear(&mut self, origin: Origin) -> io::Result<()> {
        self.file.set_len(0)?;
        (self.length, self.has_partial_line) = (0, false);
        self.origin = origin;
        // The file is empty by now, so this is no failure of the reset. The next line is preceded by the header.
        if let Err(error) = self.write_header() {
            tracing::warn!(path = %self.path.display(), %error, "the header of the journal can't be written yet");
        }
        Ok(())
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // A copy that is just being synced to the disk would keep the file locked. If unlocking fails, closing unlocks.
        let _ = self.file.unlock();
    }
}
