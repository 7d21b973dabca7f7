//! Hand-written SQL, as an app in another language would send it.
//!
//! The files contain the ids `pay_1` and `re_1`, which the test replaces.

mod psql;
mod rusqlite;
mod sqlite3;

pub use self::{psql::Psql, rusqlite::PlainRusqlite, sqlite3::Sqlite3};

use std::{
    io::Write as _,
    process::{Command, Stdio},
};

use affitor::Event;

struct Files {
    sale: &'static str,
    refund: &'static str,
    partial_refund: &'static str,
}

const POSTGRES: Files = Files {
    sale: include_str!("postgres/sale.sql"),
    refund: include_str!("postgres/refund.sql"),
    partial_refund: include_str!("postgres/partial_refund.sql"),
};

const SQLITE: Files = Files {
    sale: include_str!("sqlite/sale.sql"),
    refund: include_str!("sqlite/refund.sql"),
    partial_refund: include_str!("sqlite/partial_refund.sql"),
};

impl Files {
    /// Returns the SQL that enqueues an event of the scenario.
    fn insert(&self, event: &Event) -> String {
        match event {
            Event::Sale(sale) => self.sale.replace("pay_1", &sale.transaction_id),
            Event::Refund(refund) => match &refund.refund_id {
                None => self.refund.replace("pay_1", &refund.transaction_id),
                Some(id) => self.partial_refund.replace("pay_1", &refund.transaction_id).replace("re_1", id),
            },
            _ => panic!("the scenario has only sales and refunds: {event:?}"),
        }
    }
}

/// Runs a program with the script as its input, and returns its output.
fn run(mut command: Command, script: &str) -> String {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // The script is shorter than the pipe's buffer, so this does not wait for the program.
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}
