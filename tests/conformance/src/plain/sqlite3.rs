//! Hand-written SQL through the program `sqlite3`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use affitor::Event;

use super::{SQLITE, run};
use crate::{End, Library, program};

/// The first version with `jsonb`.
const MINIMUM: (u32, u32) = (3, 45);

pub struct Sqlite3 {
    database: PathBuf,
}

impl Sqlite3 {
    /// Returns `None` if the program is not installed, or too old.
    pub fn find(database: &Path) -> Option<Self> {
        let found = version();
        if found.is_none_or(|version| version < MINIMUM) {
            let found = found.map(|(major, minor)| format!("{major}.{minor}"));
            let found = found.as_deref().unwrap_or("none");
            // The same SQL runs through rusqlite.
            program::skip_covered(&format!("the program sqlite3 is needed in version 3.45 or later; found: {found}"));
            return None;
        }
        Some(Self { database: database.into() })
    }
}

fn version() -> Option<(u32, u32)> {
    let output = Command::new("sqlite3").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let mut numbers = text.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

impl Library for Sqlite3 {
    const TITLE: &str = "plain SQL (sqlite3)";

    async fn store(&mut self, order: &str, events: &[Event], end: End) -> Vec<u64> {
        let inserts: String = events.iter().map(|event| SQLITE.insert(event) + "SELECT changes();\n").collect();
        let end = match end {
            End::Commit => "COMMIT",
            End::Rollback => "ROLLBACK",
        };
        let order = format!("INSERT INTO orders (id) VALUES ('{order}');");
        let script = format!(".timeout 10000\nBEGIN IMMEDIATE;\n{order}\n{inserts}{end};\n");
        let mut sqlite3 = Command::new("sqlite3");
        sqlite3.arg("-bail").arg(&self.database);
        run(sqlite3, &script).lines().map(|count| count.parse().unwrap()).collect()
    }
}
