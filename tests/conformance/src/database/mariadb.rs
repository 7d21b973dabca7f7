//! A MariaDB server in a temporary folder.

use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use affitor_outbox::sqlx::MySqlPool;
use tempfile::TempDir;

use crate::program;

#[derive(Debug)]
pub struct MariaDb {
    process: Child,
    port: u16,
    _folder: TempDir,
}

impl MariaDb {
    /// Starts a server. Returns `None` if MariaDB is not installed.
    pub fn start() -> Option<Self> {
        let found = |name: &str| {
            let folders = ["/usr/sbin", "/usr/bin"].map(std::path::PathBuf::from);
            program::folders().into_iter().chain(folders).map(|folder| folder.join(name)).find(|path| path.exists())
        };
        let (Some(install), Some(server)) = (found("mariadb-install-db"), found("mariadbd")) else {
            program::skip("MariaDB is not installed (Debian: `apt install mariadb-server`)");
            return None;
        };
        let folder = tempfile::tempdir().unwrap();
        // The server runs as this user if the test runs as root.
        let is_root = Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout == b"0\n");
        let user = is_root.then_some("--user=mysql");
        if is_root {
            assert!(Command::new("chown").arg("mysql").arg(folder.path()).status().unwrap().success());
        }
        let data = format!("--datadir={}", folder.path().join("data").display());
        let mut installing = Command::new(install);
        installing
            .arg("--no-defaults")
            .arg(&data)
            .args(user)
            .args(["--auth-root-authentication-method=normal", "--skip-test-db"]);
        assert!(installing.stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let socket = format!("--socket={}", folder.path().join("socket").display());
        let mut starting = Command::new(server);
        starting.arg("--no-defaults").arg(&data).arg(&socket).args(user);
        starting.args([&format!("--port={port}"), "--bind-address=127.0.0.1"]);
        let process = starting.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Some(Self { process, port, _folder: folder })
    }

    /// Opens a connection pool, as soon as the server accepts connections.
    pub async fn pool(&self) -> MySqlPool {
        let started = Instant::now();
        loop {
            match MySqlPool::connect(&format!("mysql://root@127.0.0.1:{}/mysql", self.port)).await {
                Ok(pool) => return pool,
                Err(error) => assert!(started.elapsed() < Duration::from_secs(60), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
