//! A pooler of connections, PgBouncer, between the stores and the server.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::issue::{Rotation, SessionStore as _};
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::tokio_postgres::{Config, NoTls};
use jwt_core::store::{PostgresSessions, PostgresSettings};
use jwt_tests::forge::{ISSUER, NOW};
use jwt_tests::log::Log;
use jwt_tests::revocation_contract::until;
use jwt_tests::session_contract::{keeps_the_contract, session};

use super::revocations::Node;
use super::server::{Server, as_user};

struct Pooler {
    port: u16,
    mode: &'static str,
    file: PathBuf,
    child: Child,
}

impl Pooler {
    /// Starts one whose connections serve a client for a whole `session`, or for one `transaction`.
    fn start(server: &Server, mode: &'static str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        drop(listener);
        let file = server.folder().join(format!("pgbouncer-{mode}.ini"));
        write_settings(&file, port, mode, server);
        let mut command = as_user(Path::new("/usr/sbin/pgbouncer"));
        command.arg(&file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let pooler = Self { port, mode, file, child: command.spawn().expect("pgbouncer is installed") };
        let is_up = (0..500).any(|_| {
            thread::sleep(Duration::from_millis(20));
            TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        });
        assert!(is_up, "the pooler doesn't start");
        pooler
    }

    /// Leads to another server from now on. The connections of clients stay open.
    fn lead_to(&self, server: &Server) {
        write_settings(&self.file, self.port, self.mode, server);
        let status = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status();
        assert!(status.expect("kill is installed").success());
    }

    fn config(&self) -> Config {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user("jwt").dbname("postgres");
        config
    }

    fn node(&self) -> Node {
        Node::over(self.config(), RevocationSettings::new())
    }
}

fn write_settings(file: &Path, port: u16, mode: &str, server: &Server) {
    let settings = format!(
        "[databases]\npostgres = host=127.0.0.1 port={} user=jwt\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n",
        server.port()
    );
    fs::write(file, settings).expect("a file");
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
#[ignore = "needs postgresql and pgbouncer: see CONTRIBUTING.md"]
async fn sessions_work_through_a_pooler_in_both_modes() {
    let server = Server::start();
    for mode in ["session", "transaction"] {
        let pooler = Pooler::start(&server, mode);
        let store = PostgresSessions::connect(pooler.config(), NoTls, &PostgresSettings::new());
        keeps_the_contract(&store, mode).await;
        assert!(store.remove_expired().await.is_ok());
    }
}

#[tokio::test]
#[ignore = "needs postgresql and pgbouncer: see CONTRIBUTING.md"]
async fn revocations_reach_the_others_through_a_pooler_in_session_mode() {
    let server = Server::start();
    let pooler = Pooler::start(&server, "session");
    let (one, other) = (pooler.node().synced().await, pooler.node().synced().await);
    one.list.revoke(&Revocation::session(ISSUER, "s")).await.expect("revoked");
    other.until_session("s", Some(ErrorKind::Revoked)).await;
}

/// Its server connections receive the messages, and no client does.
#[tokio::test]
#[ignore = "needs postgresql and pgbouncer: see CONTRIBUTING.md"]
async fn a_list_behind_a_pooler_in_transaction_mode_is_never_current_and_the_log_says_why() {
    let log = Log::start();
    let server = Server::start();
    let pooler = Pooler::start(&server, "transaction");
    let node = pooler.node();
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while !log.text().contains("pooler") {
        assert_eq!(node.session("good").await, Some(ErrorKind::RevocationUnavailable));
        assert!(!node.list.is_current() && tokio::time::Instant::now() < deadline, "{}", log.text());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The connections were opened when the pooler led to the primary.
#[tokio::test]
#[ignore = "needs postgresql and pgbouncer: see CONTRIBUTING.md"]
async fn a_standby_behind_a_pooler_refuses_no_session_and_hides_none() {
    let primary = Server::start();
    let standby = primary.standby();
    let pooler = Pooler::start(&primary, "transaction");
    let stores = [(); 3].map(|()| PostgresSessions::connect(pooler.config(), NoTls, &PostgresSettings::new()));
    stores[0].create(&session("joe", "s"), 100).await.expect("space");
    let sessions = "SELECT count(*) FROM jwt_sessions";
    until("a session", async || standby.sql(sessions) == "1").await;
    standby.sql("SELECT pg_wal_replay_pause()");
    for (store, id) in stores.iter().zip(["t", "u", "v"]) {
        store.create(&session("joe", id), 100).await.expect("space");
    }
    pooler.lead_to(&standby);
    let connections = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT rotations%'";
    until("a connection to the standby", async || {
        for store in &stores {
            assert!(store.find("joe", "s").await.expect("an answer").is_some());
        }
        standby.sql(connections) != "0"
    })
    .await;
    let log = Log::start();
    assert!(stores[0].find("joe", "t").await.is_err());
    assert!(stores[1].list("joe", NOW).await.is_err());
    assert_eq!(log.text().matches("during recovery").count(), 2, "{}", log.text());
    assert!(stores[2].rotate(&Rotation::new("joe", "v", "t-0", 0, NOW)).await.is_err());
    assert_eq!((standby.sql(sessions), primary.sql(sessions)), ("1".to_owned(), "4".to_owned()));
}
