//! A Redis server for each test, on a free port, in a temporary folder.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

pub(crate) struct Server {
    port: u16,
    folder: PathBuf,
    arguments: &'static [&'static str],
    child: Option<Child>,
}

impl Server {
    /// Starts a server that keeps everything in memory.
    pub(crate) fn start() -> Self {
        let mut server = Self::down();
        server.revive();
        server
    }

    /// Starts a server that writes everything to disk before it answers.
    pub(crate) fn durable() -> Self {
        let mut server = Self::down();
        server.arguments = &["--appendonly", "yes", "--appendfsync", "always"];
        server.revive();
        server
    }

    /// Starts a node of a cluster that has the slot of the default prefix and rejects keys in other slots.
    pub(crate) fn cluster() -> Self {
        let mut server = Self::down();
        server.arguments = &["--cluster-enabled", "yes", "--cluster-require-full-coverage", "no"];
        server.revive();
        let slot = server.cli(&["CLUSTER", "KEYSLOT", "{jwt}"]);
        server.cli(&["CLUSTER", "ADDSLOTS", &slot]);
        wait_until("a cluster", || server.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
        server
    }

    /// Reserves an address where a server can be started later.
    pub(crate) fn down() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let name = format!("jwt-redis-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        Self { port, folder, arguments: &["--appendonly", "no"], child: None }
    }

    pub(crate) fn address(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Starts the server at its address, with the data on its disk.
    pub(crate) fn revive(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--save", "", "--loglevel", "warning"]);
        command.arg("--dir").arg(&self.folder).args(self.arguments);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.child = Some(child.expect("redis-server is installed"));
        wait_until("a server", || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok());
    }

    /// Kills the server.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        child.kill().expect("killed");
        child.wait().expect("an end");
    }

    /// Stops the process: the server keeps its connections and answers nothing.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().expect("it runs").id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().expect("kill").success());
    }

    /// Runs a command with `redis-cli`.
    pub(crate) fn cli(&self, command: &[&str]) -> String {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(command).output();
        String::from_utf8(output.expect("redis-cli is installed").stdout).expect("text").trim().to_owned()
    }
}

fn wait_until(what: &str, mut is_there: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if is_there() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("not in time: {what}");
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.child.is_some() {
            // A stopped process couldn't end.
            self.thaw();
            self.kill();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
