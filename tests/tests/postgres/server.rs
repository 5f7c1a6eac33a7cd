//! A Postgres server for each test, on a free port, in a temporary folder.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use jwt_core::store::{POSTGRES_SCHEMA, tokio_postgres};
use jwt_tests::certificates;

pub(crate) struct Server {
    port: u16,
    folder: PathBuf,
    child: Option<Child>,
}

impl Server {
    /// Starts a server with the tables.
    pub(crate) fn start() -> Self {
        let server = Self::without_schema();
        server.sql(POSTGRES_SCHEMA);
        server
    }

    pub(crate) fn without_schema() -> Self {
        let mut server = Self::new();
        let data = server.data();
        run(program("initdb").arg("-D").arg(&data).args([
            "-U",
            "jwt",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]));
        server.revive();
        server
    }

    /// Starts a standby that follows this server.
    pub(crate) fn standby(&self) -> Self {
        let mut standby = Self::new();
        let mut copy = program("pg_basebackup");
        copy.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "jwt", "-c", "fast", "-R", "-N", "-D"]);
        run(copy.arg(standby.data()));
        standby.revive();
        standby
    }

    /// Starts a server with the tables that also takes connections over TLS, with the certificates in its folder.
    pub(crate) fn with_tls() -> Self {
        let server = Self::start();
        certificates::make(&server.folder);
        let key = server.folder.join("server.key");
        run(Command::new("chmod").arg("600").arg(&key));
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&key));
        }
        for (setting, file) in [("ssl_cert_file", "server.pem"), ("ssl_key_file", "server.key")] {
            server.sql(&format!("ALTER SYSTEM SET {setting} = '{}'", server.folder.join(file).display()));
        }
        server.sql("ALTER SYSTEM SET ssl = on");
        server.sql("SELECT pg_reload_conf()");
        server
    }

    /// Makes a standby the primary.
    pub(crate) fn promote(&self) {
        self.sql("SELECT pg_promote()");
    }

    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let name = format!("jwt-postgres-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&folder));
        }
        Self { port, folder, child: None }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub(crate) fn config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host("127.0.0.1").port(self.port).user("jwt").dbname("postgres");
        config
    }

    /// Starts the server at its address, with the data on its disk.
    pub(crate) fn revive(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let mut command = program("postgres");
        command.arg("-D").arg(self.data()).arg("-k").arg(&self.folder).args(["-p", &self.port.to_string()]);
        command.args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_wal_senders=2"]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.child = Some(child.expect("postgres is installed"));
        let deadline = 3_000;
        let is_up = (0..deadline).any(|_| {
            thread::sleep(Duration::from_millis(20));
            self.psql("SELECT 1").status.success()
        });
        assert!(is_up, "the server doesn't start");
    }

    /// Ends the server at once, without waiting for anybody.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        run(Command::new("kill").args(["-QUIT", &child.id().to_string()]));
        child.wait().expect("an end");
    }

    /// Stops all processes of the server: its connections stay open, and new ones open, but no query gets an answer.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let parent = self.child.as_ref().expect("it runs").id().to_string();
        let children = Command::new("pgrep").args(["-P", &parent]).output().expect("pgrep is installed").stdout;
        let children = String::from_utf8(children).expect("numbers");
        // Some of them may have ended meanwhile.
        let sent = Command::new("kill").arg(signal).arg(&parent).args(children.split_whitespace()).output();
        assert!(sent.is_ok());
    }

    fn psql(&self, statements: &str) -> std::process::Output {
        let mut command = Command::new("psql");
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "jwt", "-d", "postgres"]);
        command.args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statements]);
        command.output().expect("psql is installed")
    }

    /// Runs statements and returns their output.
    pub(crate) fn sql(&self, statements: &str) -> String {
        let output = self.psql(statements);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            // A stopped process could not end.
            self.thaw();
            self.kill();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A program of the newest version that is installed. The server refuses to run as root.
pub(crate) fn program(name: &str) -> Command {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("postgresql is installed");
    let version = |path: &PathBuf| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok());
    let newest = versions.filter_map(|entry| Some(entry.ok()?.path())).max_by_key(version).expect("a version");
    let path = newest.join("bin").join(name);
    as_user(&path)
}

/// A program that refuses to run as root.
pub(crate) fn as_user(path: &Path) -> Command {
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(path).current_dir(Path::new("/"));
    command
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n")
}

fn run(command: &mut Command) {
    let output = command.output().expect("the program is installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
