//! Starts a separate database for each test, in memory where the system has such a folder. Processes are killed in these tests, and
//! no power is lost, so nothing depends on the disk.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    str::FromStr,
    time::Duration,
};

use affitor_outbox::sqlx::{
    PgPool, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tempfile::TempDir;

/// Creates a SQLite database in a temporary folder, with the options that an app would use.
pub async fn sqlite() -> (SqlitePool, TempDir) {
    let folder = folder();
    let pool = open_sqlite(&folder.path().join("shop.sqlite3")).await;
    (pool, folder)
}

/// Creates a temporary folder for a database.
pub fn folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// Opens a SQLite file, and creates it if it does not exist.
pub async fn open_sqlite(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::from_str(&format!("sqlite://{}", path.display()))
        .unwrap()
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(10));
    SqlitePoolOptions::new().max_connections(5).connect_with(options).await.unwrap()
}

/// A Postgres server in a temporary folder.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    bin: PathBuf,
    port: u16,
}

impl Postgres {
    /// Starts a server. Returns `None`, and prints a warning, if Postgres is not installed.
    pub fn start() -> Option<Self> {
        let Some(bin) = bin_folder() else {
            let message = "SKIPPED: Postgres is not installed (Debian: `apt install postgresql`)";
            assert!(std::env::var_os("AFFITOR_TESTS_FORBID_SKIP").is_none(), "{message}");
            // `writeln!`, because the test harness captures `eprintln!`.
            use std::io::Write as _;
            writeln!(&mut std::io::stderr(), "{message}").unwrap();
            return None;
        };
        let mut server = Self { folder: folder(), bin, port: 0 };
        server.create_cluster();
        // Another process may take a free port before the server does.
        let started = (0..10).any(|_| {
            server.port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            server.try_start_process()
        });
        assert!(started, "Postgres starts: {}", std::fs::read_to_string(server.log()).unwrap_or_default());
        Some(server)
    }

    /// Copies a cluster from the build folder, which is faster than `initdb`. The first test of this version creates it there.
    fn create_cluster(&self) {
        if is_root() {
            // Postgres does not run as root.
            assert!(Command::new("chown").arg("postgres").arg(self.folder.path()).status().unwrap().success());
        }
        let copy =
            |from: &Path, to: &Path| assert!(Command::new("cp").arg("-a").args([from, to]).status().unwrap().success());
        let version = Command::new(self.bin.join("initdb")).arg("--version").output().unwrap().stdout;
        let version: String = version.into_iter().map(char::from).filter(|c| c.is_ascii_digit() || *c == '.').collect();
        let user = if is_root() { "postgres" } else { "own" };
        let build = std::env::current_exe().unwrap();
        let build = build.ancestors().find(|folder| folder.join(".fingerprint").exists()).unwrap();
        let template = build.join(format!("postgres-{version}-{user}"));
        if !template.exists() {
            self.run(
                "initdb",
                &["-D", &self.data(), "-U", "postgres", "-A", "trust", "--no-sync", "--wal-segsize", "1"],
            );
            let copied = tempfile::tempdir_in(build).unwrap();
            copy(self.data().as_ref(), &copied.path().join("data"));
            // Fails if another test was faster.
            drop(std::fs::rename(copied.path().join("data"), &template));
            return;
        }
        copy(&template, self.data().as_ref());
    }

    fn data(&self) -> String {
        self.folder.path().join("data").display().to_string()
    }

    fn log(&self) -> String {
        self.folder.path().join("log").display().to_string()
    }

    /// Starts the server process again after [`stop`](Self::stop).
    pub fn start_process(&self) {
        assert!(self.try_start_process());
    }

    fn try_start_process(&self) -> bool {
        let options =
            format!("-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off", self.port);
        self.try_run("pg_ctl", &["-D", &self.data(), "-o", &options, "-l", &self.log(), "-w", "start"])
    }

    /// Stops the server immediately, as a crash would.
    pub fn stop(&self) {
        self.run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        assert!(self.try_run(program, arguments), "{arguments:?}");
    }

    fn try_run(&self, program: &str, arguments: &[&str]) -> bool {
        let program = self.bin.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.args(arguments).current_dir(self.folder.path()).stdout(Stdio::null()).status().unwrap().success()
    }

    /// Returns the URL of the database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Opens a connection pool.
    pub async fn pool(&self) -> PgPool {
        PgPool::connect(&self.url()).await.unwrap()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // A second panic would hide the first one.
        if std::thread::panicking() {
            self.try_run("pg_ctl", &["-D", &self.data(), "-m", "immediate", "-w", "stop"]);
        } else {
            self.stop();
        }
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n")
}

/// Finds the folder of `initdb` and `pg_ctl`: in `PATH`, or where Debian installs them.
fn bin_folder() -> Option<PathBuf> {
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = debian.map(|version| version.path().join("bin")).collect();
    folders.sort();
    folders.extend(std::env::split_paths(&path));
    folders.into_iter().rev().find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
}
