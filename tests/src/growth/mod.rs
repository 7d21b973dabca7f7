//! Many rows in the outbox's tables, and its statements with values, to see what each one costs as the tables grow.

mod fill;
mod values;

pub use fill::{Fill, Rows};

/// One of the two databases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// Postgres, in the schema `affitor`.
    Postgres,
}

/// A statement of the outbox.
#[derive(Debug)]
pub struct Statement {
    /// Its name in `queries.sql`.
    pub name: String,
    /// Its text as the outbox prepares it.
    pub prepared: String,
    /// Its text with values in the place of the parameters. They are those of existing rows, wherever it is about one.
    pub sql: String,
}

impl Dialect {
    /// All statements, in the order of the file.
    pub fn statements(self) -> Vec<Statement> {
        let (text, parameter) = match self {
            Self::Sqlite => (include_str!("../../../affitor-outbox/sql/sqlite/queries.sql"), '?'),
            Self::Postgres => (include_str!("../../../affitor-outbox/sql/postgres/queries.sql"), '$'),
        };
        let sections = text.split("-- name: ").skip(1);
        let statements = sections.map(|section| {
            let (name, rest) = section.split_once('\n').expect("a name on a line of its own");
            let lines: Vec<&str> = rest.lines().filter(|line| !line.starts_with("--")).collect();
            let prepared = lines.join("\n").trim().to_owned();
            let mut sql = prepared.clone();
            // Backwards, because `$1` is the beginning of `$10`.
            for (number, value) in self.values(name).iter().enumerate().rev() {
                sql = sql.replace(&format!("{parameter}{}", number + 1), value);
            }
            assert!(!sql.contains(&format!("{parameter}1")), "{name}: {sql}");
            Statement { name: name.to_owned(), prepared, sql }
        });
        statements.collect()
    }

    /// What River does when the newest sale is delivered, with all triggers.
    pub fn delivery(self) -> Statement {
        const OUTPUT: &str = r#"'{"output": {"outcome": "recorded"}}'"#;
        let (table, now, metadata) = match self {
            Self::Sqlite => ("river_job", "datetime('now')", format!("jsonb({OUTPUT})")),
            Self::Postgres => ("affitor.river_job", "now()", OUTPUT.to_owned()),
        };
        let sql = format!(
            "UPDATE {table} SET state = 'completed', attempt = 1, finalized_at = {now}, metadata = {metadata}
             WHERE id = (SELECT max(id) FROM {table})"
        );
        Statement { name: "River's delivery of a sale".to_owned(), prepared: sql.clone(), sql }
    }

    fn bytes(self, text: &str) -> String {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        match self {
            Self::Sqlite => format!("x'{hex}'"),
            Self::Postgres => format!("'\\x{hex}'"),
        }
    }
}
