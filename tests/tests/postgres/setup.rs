//! How the server is set up: rights, schemas, limits of the user, and a dump that was restored.

use std::process::{Command, Stdio};
use std::time::Duration;

use jwt_core::ErrorKind;
use jwt_core::issue::{Rotation, SessionStore as _};
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::tokio_postgres::{Config, NoTls};
use jwt_core::store::{POSTGRES_SCHEMA, PostgresRevocations, PostgresSessions, PostgresSettings};
use jwt_tests::forge::{ISSUER, NOW};
use jwt_tests::log::Log;
use jwt_tests::revocation_contract::until;
use jwt_tests::session_contract::{keeps_the_contract, session};

use super::revocations::Node;
use super::server::Server;
use super::sessions::store;

/// The statements of the guide.
const RIGHTS: &str = "GRANT SELECT, INSERT, UPDATE, DELETE ON jwt_sessions, jwt_revocations TO shop;
    GRANT EXECUTE ON FUNCTION jwt_create_session TO shop";

fn config_of(server: &Server, user: &str) -> Config {
    let mut config = server.config();
    config.user(user);
    config
}

/// Uses every operation of both stores, each with connections of its own.
async fn use_everything(config: &Config) {
    let sessions = PostgresSessions::connect(config.clone(), NoTls, &PostgresSettings::new());
    let _ = sessions.create(&session("joe", "s"), 100).await;
    let _ = sessions.rotate(&Rotation::new("joe", "s", "t-0", 0, NOW + 1).idle(60)).await;
    let _ = sessions.list("joe", NOW).await;
    let _ = sessions.end("joe", &["s"]).await;
    let _ = sessions.remove_expired().await;
    let settings = PostgresSettings::new();
    let list = PostgresRevocations::connect(config.clone(), NoTls, settings);
    let _ = tokio::time::timeout(Duration::from_millis(300), list.synced()).await;
    let _ = list.revoke(&Revocation::session(ISSUER, "s")).await;
    let _ = list.remove_expired().await;
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn the_log_names_the_table_or_function_that_the_user_has_no_right_to() {
    let server = Server::start();
    server.sql("CREATE ROLE shop LOGIN; REVOKE EXECUTE ON FUNCTION jwt_create_session FROM PUBLIC");
    server.sql(RIGHTS);
    let config = config_of(&server, "shop");
    let log = Log::start();
    use_everything(&config).await;
    assert!(!log.text().contains("refused"), "the rights of the guide are enough: {}", log.text());
    let tables = ["jwt_sessions", "jwt_revocations"].into_iter().flat_map(|table| {
        ["SELECT", "INSERT", "UPDATE", "DELETE"].map(|right| (format!("{right} ON {table}"), format!("table {table}")))
    });
    let create = ("EXECUTE ON FUNCTION jwt_create_session".to_owned(), "function jwt_create_session".to_owned());
    for (right, named) in tables.chain([create]) {
        server.sql(&format!("REVOKE {right} FROM shop"));
        let log = Log::start();
        use_everything(&config).await;
        let text = log.text();
        assert!(text.contains(&format!("permission denied for {named}")), "{right}: {text}");
        assert!(text.contains("42501") && text.contains("grant the rights"), "{right}: {text}");
        assert!(!text.contains("joe"), "{text}");
        server.sql(RIGHTS);
    }
}

/// The server would return no row, without an error.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_policy_that_hides_revocations_is_an_outage_and_no_empty_list() {
    let server = Server::start();
    server.sql(&format!("CREATE ROLE shop LOGIN; {RIGHTS}"));
    server.sql(&format!(
        "INSERT INTO jwt_revocations SELECT 1, convert_to('{ISSUER}', 'UTF8'), convert_to('s-' || n, 'UTF8'), \
         9223372036854775807, {} FROM generate_series(1, 2000) AS n",
        NOW + 86_400
    ));
    let config = config_of(&server, "shop");
    let settings = RevocationSettings::new().exact_capacity(64);
    let running = Node::over(config.clone(), settings.clone()).synced().await;
    server.sql("ALTER TABLE jwt_revocations ENABLE ROW LEVEL SECURITY");
    let log = Log::start();
    let started = Node::over(config, settings);
    until("a reason", async || log.text().contains("row-level security policy")).await;
    assert!(log.text().contains("42501") && log.text().contains("BYPASSRLS"), "{}", log.text());
    for number in (1..=2_000).step_by(20) {
        let name = format!("s-{number}");
        assert_eq!(started.session(&name).await, Some(ErrorKind::RevocationUnavailable), "{name}");
        assert!(running.session(&name).await.is_some(), "{name}");
    }
    server.sql("ALTER ROLE shop BYPASSRLS");
    for node in [running, started.synced().await] {
        node.until_session("good", None).await;
        assert_eq!(node.session("s-1").await, Some(ErrorKind::Revoked));
    }
}

/// As the processes of a fleet do that run their migrations when they start.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn several_processes_create_the_tables_at_the_same_moment() {
    let server = Server::without_schema();
    for _ in 0..10 {
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| server.sql(POSTGRES_SCHEMA));
            }
        });
        server.sql("DROP TABLE jwt_sessions, jwt_revocations; DROP FUNCTION jwt_create_session");
    }
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn two_applications_have_their_tables_in_two_schemas_of_one_database() {
    let server = Server::without_schema();
    let mut lists = Vec::new();
    for name in ["one", "other"] {
        server.sql(&format!("CREATE ROLE {name} LOGIN; CREATE SCHEMA {name} AUTHORIZATION {name}"));
        server.sql(&format!(
            "ALTER ROLE {name} SET search_path = {name}; SET ROLE {name}; SET search_path = {name}; {POSTGRES_SCHEMA}"
        ));
        let settings = PostgresSettings::new();
        keeps_the_contract(&PostgresSessions::connect(config_of(&server, name), NoTls, &settings), "joe").await;
        lists.push(PostgresRevocations::connect(config_of(&server, name), NoTls, settings));
    }
    for (list, name) in lists.iter().zip(["one", "other"]) {
        list.synced().await;
        list.revoke(&Revocation::session(ISSUER, name)).await.expect("revoked");
        assert_eq!(server.sql(&format!("SELECT convert_from(name, 'UTF8') FROM {name}.jwt_revocations")), name);
    }
    // Messages of the other application's table are not for this one.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(lists.iter().all(|list| list.status().remembered == 1));
    // Without the schema in the path, the log says what to correct.
    server.sql("ALTER ROLE one SET search_path = public");
    let log = Log::start();
    use_everything(&config_of(&server, "one")).await;
    assert!(log.text().contains("jwt_create_session") && log.text().contains("`search_path`"), "{}", log.text());
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn limits_of_the_user_end_no_connection_that_receives_messages() {
    let server = Server::start();
    server.sql("ALTER ROLE jwt SET idle_session_timeout = '30ms'; ALTER ROLE jwt SET statement_timeout = '20ms'");
    let node = Node::start(&server).synced().await;
    let receiving = || {
        server.sql(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE '%emit_message%' AND query NOT LIKE '%pg_stat_activity%'",
        )
    };
    let before = receiving();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!before.is_empty() && before == receiving(), "another connection receives messages");
    // The connection for writing has ended meanwhile, and is opened again.
    node.list.revoke(&Revocation::session(ISSUER, "s")).await.expect("revoked");
}

/// The restored rows name transactions that are in the new server's future.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_dump_that_is_restored_on_a_new_server_has_all_sessions_and_revocations() {
    let (old, new) = (Server::start(), Server::without_schema());
    store(&old).create(&session("joe", "s"), 100).await.expect("space");
    old.sql("DO $$ BEGIN FOR i IN 1..2000 LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$");
    let before = Node::start(&old).synced().await;
    before.list.revoke(&Revocation::session(ISSUER, "before")).await.expect("revoked");
    let [from, to] = [&old, &new].map(|server| {
        ["-h", "127.0.0.1", "-U", "jwt", "-p"].map(str::to_owned).into_iter().chain([server.port().to_string()])
    });
    let mut dump = Command::new("pg_dump").args(from).arg("postgres").stdout(Stdio::piped()).spawn().expect("pg_dump");
    let restore =
        Command::new("psql").args(to).args(["-q", "-d", "postgres"]).stdin(dump.stdout.take().expect("piped")).output();
    assert!(restore.expect("psql").status.success() && dump.wait().expect("an end").success());

    let rotation = Rotation::new("joe", "s", "t-0", 0, NOW + 1).idle(60);
    assert!(store(&new).rotate(&rotation).await.expect("an answer").1.is_some());
    let (one, other) = (Node::start(&new).synced().await, Node::start(&new).synced().await);
    assert_eq!(one.session("before").await, Some(ErrorKind::Revoked));
    new.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND usename = 'jwt'");
    // A statement may still meet a connection that is ending.
    until("a revocation", async || one.list.revoke(&Revocation::session(ISSUER, "after")).await.is_ok()).await;
    other.until_session("after", Some(ErrorKind::Revoked)).await;
    until("a current list", async || other.session("good").await.is_none()).await;
}

/// Otherwise each part of a large table would cost a look at every row.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn expired_rows_are_found_by_an_index_and_no_other_is_removed() {
    let server = Server::start();
    server.sql(
        "INSERT INTO jwt_revocations SELECT 1, 'i', convert_to('s-' || n, 'UTF8'), 5, CASE WHEN n <= 25000 THEN n ELSE 1::bigint << 40 END
             FROM generate_series(1, 50000) AS n;
         INSERT INTO jwt_sessions SELECT 'joe', convert_to('s-' || n, 'UTF8'), 0, 0, NULL, NULL, 5, 5, 5,
             CASE WHEN n <= 25000 THEN n ELSE 1::bigint << 40 END, '' FROM generate_series(1, 50000) AS n;
         ANALYZE",
    );
    let (sessions, node) = (store(&server), Node::start(&server).synced().await);
    assert_eq!(node.list.remove_expired().await.expect("an answer"), 25_000);
    assert_eq!(sessions.remove_expired().await.expect("an answer"), 25_000);
    assert_eq!(server.sql("SELECT count(*) FROM jwt_revocations"), "25000");
    assert_eq!(server.sql("SELECT count(*) FROM jwt_sessions"), "25000");
    for index in ["jwt_revocations_until", "jwt_sessions_expires_at"] {
        until(index, async || {
            let _ = (node.list.remove_expired().await, sessions.remove_expired().await);
            server.sql(&format!("SELECT idx_scan > 2 FROM pg_stat_user_indexes WHERE indexrelname = '{index}'")) == "t"
        })
        .await;
    }
}
