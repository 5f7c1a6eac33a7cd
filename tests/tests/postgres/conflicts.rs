//! Sessions while the server rolls statements back, cancels them, or lets them wait.

use std::sync::Arc;

use jwt_core::ErrorKind;
use jwt_core::http::Cookies;
use jwt_core::issue::{Rotation, RotationOutcome as Outcome, SessionStore as _};
use jwt_core::store::tokio_postgres::{Client, NoTls};
use jwt_core::store::{PostgresSessions, PostgresSettings};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::device;
use jwt_tests::forge::NOW;
use jwt_tests::issuing::Shop;
use jwt_tests::session_contract::session;

use super::server::Server;
use super::sessions::store;

/// An application whose store waits for half a second, as by default.
fn shop(server: &Server) -> Shop {
    let store = PostgresSessions::connect(server.config(), NoTls, &PostgresSettings::new());
    Shop::with(store, |sessions| {
        sessions.sources(Cookies::new().refresh_sources().authorization()).device_bound(device::PATH)
    })
}

async fn log_in(shop: &Shop, subject: &str) -> String {
    shop.sessions.login(subject).start().await.expect("a session").refresh.token
}

/// Refreshes at one of the adapters.
async fn refresh(shop: &Shop, is_axum: bool, token: &str) -> Result<String, Answer> {
    let ask = Ask::post("/refresh").bearer(token);
    let answer = if is_axum { shop.send_axum(&ask).await } else { shop.send_actix(&ask).await };
    if answer.status != 200 {
        return Err(answer);
    }
    let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    Ok(body["refresh_token"].as_str().expect("a token").to_owned())
}

async fn logs_out(shop: &Shop, token: &str) -> Result<(), ErrorKind> {
    let token = shop.sessions.verify(token).await.expect("a token");
    shop.sessions.logout(&token).await.map_err(|error| error.kind())
}

fn unavailable() -> Answer {
    Answer::unavailable(ErrorKind::SessionsUnavailable, 5)
}

/// A connection of another program.
async fn connect(server: &Server) -> Client {
    let (client, connection) = server.config().connect(NoTls).await.expect("a connection");
    tokio::spawn(connection);
    client
}

/// Waits until this number of statements wait for a lock.
async fn until_waiting(server: &Server, count: &str) {
    let question = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    jwt_tests::revocation_contract::until("a lock", async || server.sql(question) == count).await;
}

/// Makes every change of a session fail with this code.
fn break_writes(server: &Server, code: &str) {
    server.sql(&format!(
        "CREATE OR REPLACE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             RAISE EXCEPTION USING ERRCODE = '{code}';
         END $$;
         CREATE OR REPLACE TRIGGER fail BEFORE INSERT OR UPDATE OR DELETE ON jwt_sessions
             FOR EACH ROW EXECUTE FUNCTION fail()"
    ));
}

#[actix_web::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_statement_that_is_rolled_back_is_answered_503_and_changes_nothing() {
    let server = Server::start();
    let shop = shop(&server);
    // Serialization failure, deadlock, cancelled, lock not available, read-only transaction.
    for code in ["40001", "40P01", "57014", "55P03", "25006"] {
        let (mut joe, ann) = (log_in(&shop, "joe").await, log_in(&shop, "ann").await);
        break_writes(&server, code);
        for is_axum in [true, false] {
            assert_eq!(refresh(&shop, is_axum, &joe).await, Err(unavailable()), "{code}");
        }
        assert!(shop.sessions.login("joe").start().await.is_err(), "{code}");
        assert_eq!(logs_out(&shop, &ann).await, Err(ErrorKind::SessionsUnavailable), "{code}");
        assert_eq!(server.sql("SELECT sum(rotations), count(*) FROM jwt_sessions"), "0|2", "{code}");
        server.sql("DROP TRIGGER fail ON jwt_sessions");
        for is_axum in [true, false] {
            joe = refresh(&shop, is_axum, &joe).await.expect("the token stayed valid");
        }
        // The process ends the session of the logout by itself.
        shop.wait(2);
        shop.sessions.heal().await.expect("the server is back");
        assert_eq!(server.sql("SELECT sum(rotations), count(*) FROM jwt_sessions"), "2|1", "{code}");
        server.sql("DELETE FROM jwt_sessions");
    }
}

/// If the server's default is `serializable`, concurrent statements would fail. The stores set the level that they need.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_server_whose_default_is_serializable_loses_and_doubles_nothing() {
    let server = Server::start();
    server.sql("ALTER ROLE jwt SET default_transaction_isolation = 'serializable'");
    server.sql("ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'");
    let stores = [Arc::new(store(&server)), Arc::new(store(&server))];
    for round in 0..20 {
        let subject = format!("joe-{round}");
        for id in ["s", "t", "u"] {
            stores[0].create(&session(&subject, id), 100).await.expect("space");
        }
        let tasks = (0..40).map(|number| {
            let (store, subject) = (Arc::clone(&stores[number % 2]), subject.clone());
            tokio::spawn(async move {
                let (mut renewed, mut ended) = (0, 0);
                match number % 4 {
                    0 | 1 => {
                        let rotation = Rotation::new(&subject, "s", "t-0", 0, NOW + 1).grace(10).idle(60);
                        let outcome = store.rotate(&rotation).await.expect("an answer").0;
                        renewed += usize::from(outcome == Outcome::Renewed);
                    }
                    2 => {
                        let created = store.create(&session(&subject, &format!("n-{number}")), 100).await;
                        assert_eq!(created.expect("space").len(), 0);
                    }
                    _ => {
                        let ids = if number % 8 == 3 { ["t", "u"] } else { ["u", "t"] };
                        ended += store.end(&subject, &ids).await.expect("an answer").len();
                    }
                }
                (renewed, ended)
            })
        });
        let (mut renewed, mut ended) = (0, 0);
        for task in tasks.collect::<Vec<_>>() {
            let (one, other) = task.await.expect("an answer");
            (renewed, ended) = (renewed + one, ended + other);
        }
        assert_eq!((renewed, ended), (1, 2));
        let left = stores[1].list(&subject, NOW).await.expect("an answer");
        let rotations: u64 = left.iter().map(|session| session.rotations).sum();
        assert_eq!((left.len(), rotations), (11, 1));
    }
}

/// The server breaks a deadlock after a second by rolling one of the transactions back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_deadlock_with_another_program_ends_all_sessions_or_none() {
    let server = Server::start();
    let store = Arc::new(store(&server));
    for id in ["a", "b"] {
        store.create(&session("joe", id), 100).await.expect("space");
    }
    let other = connect(&server).await;
    other.batch_execute("BEGIN; UPDATE jwt_sessions SET last_used_at = 1 WHERE id = 'b'").await.expect("a lock");
    let ending = {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.end("joe", &["a", "b"]).await.map(|ids| ids.len()) })
    };
    until_waiting(&server, "1").await;
    let locked = other.batch_execute("UPDATE jwt_sessions SET last_used_at = 1 WHERE id = 'a'; COMMIT").await;
    if locked.is_err() {
        other.batch_execute("ROLLBACK").await.expect("an answer");
    }
    let ended = ending.await.expect("an answer");
    assert_eq!(ended.is_ok(), locked.is_err(), "one of them was rolled back");
    let left = store.list("joe", NOW).await.expect("an answer").len();
    assert_eq!(left, if ended.is_ok() { 0 } else { 2 });
    assert_eq!(store.end("joe", &["a", "b"]).await.expect("an answer").len(), left);
}

/// `VACUUM FULL`, `ALTER TABLE` and the like hold such a lock.
#[actix_web::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_refresh_that_waits_for_a_locked_table_is_answered_503_and_carried_out_late_without_harm() {
    let server = Server::start();
    let shop = shop(&server);
    let [mut joe, ann] = [log_in(&shop, "joe").await, log_in(&shop, "ann").await];
    // The connection is open already.
    joe = refresh(&shop, true, &joe).await.expect("the next token");
    let other = connect(&server).await;
    // Reads pass, so the exchange itself waits.
    other.batch_execute("BEGIN; LOCK TABLE jwt_sessions IN EXCLUSIVE MODE").await.expect("a lock");
    for is_axum in [true, false] {
        assert_eq!(refresh(&shop, is_axum, &joe).await, Err(unavailable()));
    }
    assert_eq!(logs_out(&shop, &ann).await, Err(ErrorKind::SessionsUnavailable));
    until_waiting(&server, "3").await;
    other.batch_execute("COMMIT; BEGIN; LOCK TABLE jwt_sessions; COMMIT").await.expect("the others were carried out");
    // One of the two exchanges was carried out, and its answer got lost. The client repeats itself.
    assert_eq!(server.sql("SELECT rotations FROM jwt_sessions"), "2");
    for is_axum in [true, false] {
        joe = refresh(&shop, is_axum, &joe).await.expect("the next token");
    }
    assert_eq!(refresh(&shop, true, &ann).await, Err(Answer::refused(ErrorKind::SessionEnded)));
}

#[actix_web::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_time_limit_of_the_server_and_a_connection_that_it_ends_keep_the_token_valid() {
    let server = Server::start();
    server.sql("ALTER ROLE jwt SET statement_timeout = '300ms'");
    let shop = shop(&server);
    let mut joe = log_in(&shop, "joe").await;
    let other = connect(&server).await;
    other
        .batch_execute("SET statement_timeout = 0; BEGIN; UPDATE jwt_sessions SET last_used_at = 1")
        .await
        .expect("a lock");
    for is_axum in [true, false] {
        assert_eq!(refresh(&shop, is_axum, &joe).await, Err(unavailable()));
    }
    other.batch_execute("ROLLBACK").await.expect("an answer");
    joe = refresh(&shop, true, &joe).await.expect("the next token");
    server.sql("ALTER ROLE jwt RESET statement_timeout");
    // A connection that ends during a statement is opened again, and the statement is sent once more.
    let shop = self::shop(&server);
    joe = refresh(&shop, false, &joe).await.expect("the next token");
    other.batch_execute("BEGIN; UPDATE jwt_sessions SET last_used_at = 1").await.expect("a lock");
    let ending = async {
        until_waiting(&server, "1").await;
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
        other.batch_execute("ROLLBACK").await.expect("an answer");
    };
    let (next, ()) = futures_util::join!(refresh(&shop, true, &joe), ending);
    // The server may take longer than the time limit on a busy machine: then it's an outage for a moment.
    joe = next.unwrap_or(joe);
    joe = refresh(&shop, false, &joe).await.expect("the next token");
    refresh(&shop, true, &joe).await.expect("the next token");
}
