//! Starts PgBouncer in front of a Postgres server.

use std::{
    io::Write as _,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// PgBouncer in transaction mode.
#[derive(Debug)]
pub struct PgBouncer {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts PgBouncer for a server's URL. Returns `None`, and prints a warning, if it is not installed.
    pub fn start(url: &str) -> Option<Self> {
        let Some(program) = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"]
            .into_iter()
            .find(|path| std::path::Path::new(path).exists())
        else {
            let message = "SKIPPED: PgBouncer is not installed (Debian: `apt install pgbouncer`)";
            assert!(std::env::var_os("AFFITOR_TESTS_FORBID_SKIP").is_none(), "{message}");
            writeln!(&mut std::io::stderr(), "{message}").unwrap();
            return None;
        };
        let server = url.rsplit_once(':').unwrap().1.split('/').next().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let config = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\npostgres = host=127.0.0.1 port={server} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             auth_type = any\npool_mode = transaction\ndefault_pool_size = 3\nunix_socket_dir =\nignore_startup_parameters = extra_float_digits\n"
        );
        std::fs::write(&config, text).unwrap();
        // PgBouncer does not run as root.
        let mut command = if Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n") {
            assert!(Command::new("chown").args(["-R", "postgres"]).arg(folder.path()).status().unwrap().success());
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "postgres", "--regid", "postgres", "--clear-groups", program]);
            command
        } else {
            Command::new(program)
        };
        let process = command.arg(&config).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(20), "PgBouncer does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(Self { process, port, _folder: folder })
    }

    /// Returns the URL of the database through PgBouncer.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
