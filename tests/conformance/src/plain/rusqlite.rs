//! Hand-written SQL through rusqlite, which has its own SQLite. The program `sqlite3` may be too old.

use std::{path::Path, time::Duration};

use affitor::Event;
use rusqlite::Connection;

use super::SQLITE;
use crate::{End, Library};

pub struct PlainRusqlite(Connection);

impl PlainRusqlite {
    pub fn open(path: &Path) -> Self {
        let connection = Connection::open(path).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        Self(connection)
    }
}

impl Library for PlainRusqlite {
    const TITLE: &str = "plain SQL (rusqlite)";

    async fn store(&mut self, order: &str, events: &[Event], end: End) -> Vec<u64> {
        let execute = |sql: &str| self.0.execute(sql, []).unwrap() as u64;
        execute("BEGIN IMMEDIATE");
        execute(&format!("INSERT INTO orders (id) VALUES ('{order}')"));
        let inserted = events.iter().map(|event| execute(&SQLITE.insert(event))).collect();
        execute(match end {
            End::Commit => "COMMIT",
            End::Rollback => "ROLLBACK",
        });
        inserted
    }
}
