//! A Redis server for each test, on a free port, in a temporary folder.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

pub(crate) struct Server {
    port: u16,
    folder: PathBuf,
    arguments: Vec<String>,
    child: Option<Child>,
    configuration: Option<PathBuf>,
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
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// Starts a node for a cluster.
    pub(crate) fn cluster_node() -> Self {
        // By default, nodes talk to each other on a port that is 10,000 higher, which may not exist.
        let bus = free_port().to_string();
        Self::with(&["--cluster-enabled", "yes", "--cluster-port", &bus, "--cluster-node-timeout", "2000"])
    }

    /// Starts a Sentinel that calls this primary `main`.
    pub(crate) fn sentinel(primary: &Self) -> Self {
        let mut sentinel = Self::down();
        let settings = [
            format!("sentinel monitor main 127.0.0.1 {} 2", primary.port),
            "sentinel down-after-milliseconds main 500".to_owned(),
            "sentinel failover-timeout main 3000".to_owned(),
        ];
        let file = sentinel.folder.join("sentinel.conf");
        fs::write(&file, settings.join("\n")).expect("a file");
        sentinel.configuration = Some(file);
        sentinel.arguments = vec!["--sentinel".to_owned()];
        sentinel.revive();
        sentinel
    }

    /// Starts a node of a cluster that has the slot of the default prefix and rejects keys in other slots.
    pub(crate) fn cluster() -> Self {
        let server = Self::with(&[
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            &free_port().to_string(),
            "--cluster-require-full-coverage",
            "no",
        ]);
        let slot = server.cli(&["CLUSTER", "KEYSLOT", "{jwt}"]);
        server.cli(&["CLUSTER", "ADDSLOTS", &slot]);
        wait_until("a cluster", || server.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
        server
    }

    /// Starts a server with these arguments.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let mut server = Self::down();
        server.arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        server.revive();
        server
    }

    /// Starts a cluster of one node that has all slots.
    pub(crate) fn whole_cluster() -> Self {
        let server = Self::with(&["--cluster-enabled", "yes", "--cluster-port", &free_port().to_string()]);
        server.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
        wait_until("a cluster", || server.cli(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
        server
    }

    /// Reserves an address where a server can be started later.
    pub(crate) fn down() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let port = free_port();
        let name = format!("jwt-redis-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).expect("a folder");
        Self {
            port,
            folder,
            arguments: vec!["--appendonly".to_owned(), "no".to_owned()],
            child: None,
            configuration: None,
        }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn address(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Serves TLS only, with the certificates in its folder. `clients` says whether clients must have one: `yes` or `no`.
    pub(crate) fn use_tls(&mut self, clients: &str) {
        let port = self.port.to_string();
        let arguments = ["--tls-port", &port, "--tls-cert-file", "server.pem", "--tls-key-file", "server.key"];
        let rest = ["--tls-ca-cert-file", "ca.pem", "--tls-auth-clients", clients, "--tls-replication", "yes"];
        let all = arguments.into_iter().chain(rest).chain(["--port", "0"]);
        self.arguments.extend(all.map(str::to_owned));
    }

    /// Starts a Sentinel that calls this primary `main`, with TLS and the primary's certificates.
    pub(crate) fn sentinel_with_tls(primary: &Self) -> Self {
        let mut sentinel = Self::down();
        let file = sentinel.folder.join("sentinel.conf");
        fs::write(&file, format!("sentinel monitor main 127.0.0.1 {} 1\n", primary.port)).expect("a file");
        for name in ["ca.pem", "server.pem", "server.key"] {
            fs::copy(primary.folder.join(name), sentinel.folder.join(name)).expect("a file");
        }
        sentinel.configuration = Some(file);
        sentinel.arguments = vec!["--sentinel".to_owned()];
        sentinel.use_tls("no");
        sentinel.revive();
        sentinel
    }

    /// Starts the server at its address, with the data on its disk.
    pub(crate) fn revive(&mut self) {
        assert!(self.child.is_none(), "it runs");
        let mut command = Command::new("redis-server");
        command.args(&self.configuration);
        command.args(["--bind", "127.0.0.1", "--port", &self.port.to_string(), "--loglevel", "warning"]);
        if self.configuration.is_none() {
            command.args(["--save", ""]);
        }
        command.arg("--dir").arg(&self.folder).args(&self.arguments);
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

    /// How often the server has carried out a command.
    pub(crate) fn calls(&self, command: &str) -> u64 {
        let statistics = self.cli(&["INFO", "commandstats"]);
        let line = statistics.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
        line.and_then(|line| line.split(',').next()).map_or(0, |calls| calls.parse().expect("a number"))
    }

    /// How often the server has rejected a command.
    pub(crate) fn rejected(&self, command: &str) -> u64 {
        let statistics = self.cli(&["INFO", "commandstats"]);
        let line = statistics.lines().find(|line| line.starts_with(&format!("cmdstat_{command}:")));
        let rejected = line.and_then(|line| line.split("rejected_calls=").nth(1)?.split(',').next());
        rejected.map_or(0, |calls| calls.parse().expect("a number"))
    }

    /// How many revocations the server has.
    pub(crate) fn revocations(&self) -> usize {
        let shards = (0..16).map(|shard| self.cli(&["ZCARD", &format!("{{jwt}}:revoked:{shard:x}:ends")]));
        shards.map(|count| count.parse::<usize>().expect("a number")).sum()
    }

    /// Runs a command with `redis-cli`.
    pub(crate) fn cli(&self, command: &[&str]) -> String {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(command).output();
        String::from_utf8(output.expect("redis-cli is installed").stdout).expect("text").trim().to_owned()
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("bound").port()
}

pub(crate) fn wait_until(what: &str, mut is_there: impl FnMut() -> bool) {
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
            // A stopped process could not end.
            self.thaw();
            self.kill();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}
