//! Hand-written SQL through the program `psql`.

use std::{path::PathBuf, process::Command};

use affitor::Event;

use super::{POSTGRES, run};
use crate::{End, Library, program};

pub struct Psql {
    program: PathBuf,
    url: String,
}

impl Psql {
    /// Returns `None` if the program is not installed.
    pub fn find(url: &str) -> Option<Self> {
        let program = program::folders().into_iter().map(|folder| folder.join("psql")).find(|file| file.exists());
        if program.is_none() {
            program::skip("psql is not installed (Debian: `apt install postgresql-client`)");
        }
        Some(Self { program: program?, url: url.into() })
    }
}

impl Library for Psql {
    const TITLE: &str = "plain SQL (psql)";

    async fn store(&mut self, order: &str, events: &[Event], end: End) -> Vec<u64> {
        let inserts: String = events.iter().map(|event| POSTGRES.insert(event)).collect();
        let end = match end {
            End::Commit => "COMMIT",
            End::Rollback => "ROLLBACK",
        };
        let script = format!("BEGIN;\nINSERT INTO orders (id) VALUES ('{order}');\n{inserts}{end};\n");
        let mut psql = Command::new(&self.program);
        psql.args(["--no-psqlrc", "--set=ON_ERROR_STOP=1"]).arg(&self.url);
        let output = run(psql, &script);
        // A transaction that is aborted would be rolled back by COMMIT.
        assert_eq!(output.lines().last(), Some(end), "{output}");
        let counts = output.lines().filter_map(|line| line.strip_prefix("INSERT 0 "));
        counts.skip(1).map(|count| count.parse().unwrap()).collect()
    }
}
