//! Sessions at a primary that a standby has replaced, and that no standby confirms commits for any more.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use jwt_core::http::Cookies;
use jwt_core::issue::{SessionStore as _, TokenPair};
use jwt_core::store::tokio_postgres::NoTls;
use jwt_core::store::{PostgresSessions, PostgresSettings};
use jwt_core::{Error, ErrorKind};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::issuing::Shop;
use jwt_tests::revocation_contract::until;
use jwt_tests::session_contract::exchanges_that_change_nothing;

use super::server::Server;

const DAY: u64 = 86_400;

/// A store that waits for a second.
fn store(server: &Server) -> PostgresSessions {
    PostgresSessions::connect(server.config(), NoTls, &PostgresSettings::new().timeout(Duration::from_secs(1)))
}

/// A process without a revocation list, so that every answer is the store's.
fn process(server: &Server) -> Shop {
    Shop::with(store(server), |sessions| sessions.sources(Cookies::new().refresh_sources().authorization()))
}

async fn log_in(process: &Shop, subject: &str) -> TokenPair {
    process.sessions.login(subject).start().await.expect("a session")
}

async fn kind<T>(call: impl Future<Output = Result<T, Error>>) -> Result<(), ErrorKind> {
    call.await.map(drop).map_err(|error| error.kind())
}

async fn refresh(process: &Shop, pair: &TokenPair) -> Result<TokenPair, ErrorKind> {
    let token = process.sessions.verify(&pair.refresh.token).await.map_err(|error| error.kind())?;
    process.sessions.refresh(&token).await.map_err(|error| error.kind())
}

/// Starts a primary whose commits wait for its standby.
async fn start() -> (Server, Server) {
    let primary = Server::start();
    let standby = primary.standby();
    primary.sql("ALTER SYSTEM SET synchronous_standby_names = '*'");
    primary.sql("SELECT pg_reload_conf()");
    let state = "SELECT string_agg(sync_state, ' ') FROM pg_stat_replication";
    until("a synchronous standby", async || primary.sql(state) == "sync").await;
    (primary, standby)
}

/// Makes the standby a primary of its own. The other one continues, and does not know.
async fn fail_over(primary: &Server, standby: &Server) {
    standby.sql("ALTER SYSTEM SET primary_conninfo = ''");
    standby.sql("SELECT pg_reload_conf()");
    until("a cut", async || primary.sql("SELECT count(*) FROM pg_stat_replication") == "0").await;
    standby.promote();
    until("a primary", async || standby.sql("SELECT pg_is_in_recovery()") == "f").await;
}

type Call<'c> = (&'static str, Pin<Box<dyn Future<Output = Result<(), ErrorKind>> + 'c>>);

/// Runs the calls at once, because each waits for the time limit.
async fn all_are_unavailable(calls: Vec<Call<'_>>) {
    let (names, calls): (Vec<_>, Vec<_>) = calls.into_iter().unzip();
    let results = futures_util::future::join_all(calls).await;
    let expected = [Err(ErrorKind::SessionsUnavailable); 10];
    assert_eq!(results, expected, "{names:?}");
}

/// Refreshes with the cookie at one of the adapters.
async fn refresh_in_cookies(process: &Shop, pair: &TokenPair, is_axum: bool) -> Result<(), ErrorKind> {
    let ask = Ask::post("/cookie-refresh").header("cookie", format!("__Host-refresh={}", pair.refresh.token));
    let ask = ask.header("sec-fetch-site", "same-origin");
    let answer = if is_axum { process.send_axum(&ask).await } else { process.send_actix(&ask).await };
    // Such an answer removes no cookie.
    assert_eq!(answer, Answer::unavailable(ErrorKind::SessionsUnavailable, 5));
    Err(ErrorKind::SessionsUnavailable)
}

#[actix_web::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn an_isolated_primary_refuses_no_session_and_hides_none() {
    let (primary, standby) = start().await;
    let before = process(&primary);
    let first = log_in(&before, "joe").await;
    let second = refresh(&before, &first).await.expect("the next pair");
    refresh(&before, &second).await.expect("the next pair");
    let idle = log_in(&before, "kim").await;
    fail_over(&primary, &standby).await;
    let other = process(&standby);
    let pair = log_in(&other, "eve").await;

    // Each process has a connection of its own, so that it doesn't wait for another one's statement.
    let isolated = [(); 10].map(|()| process(&primary));
    // At the other primary, this session was refreshed meanwhile, and its client never got the answer.
    isolated[7].wait(7 * DAY + 30);
    isolated[8].wait(8 * DAY);
    let [axum, actix, list, end, all, others, logout, over, ending, reused] = &isolated;
    all_are_unavailable(vec![
        ("axum", Box::pin(refresh_in_cookies(axum, &pair, true))),
        ("actix", Box::pin(refresh_in_cookies(actix, &pair, false))),
        ("list", Box::pin(kind(list.sessions.list("eve")))),
        ("end", Box::pin(kind(end.sessions.end("eve", &pair.session_id)))),
        ("end all", Box::pin(kind(all.sessions.end_all("eve")))),
        (
            "end others",
            Box::pin(async {
                let token = others.verifier.verify(&pair.access.token).await.expect("a token");
                kind(others.sessions.end_others(&token)).await
            }),
        ),
        (
            "log out",
            Box::pin(async {
                let token = logout.sessions.verify(&pair.refresh.token).await.expect("a token");
                kind(logout.sessions.logout(&token)).await
            }),
        ),
        ("seems over", Box::pin(async { refresh(over, &idle).await.map(drop) })),
        ("end what seems over", Box::pin(kind(ending.sessions.end("kim", &idle.session_id)))),
        ("used again", Box::pin(async { refresh(reused, &first).await.map(drop) })),
    ])
    .await;

    assert!(refresh(&other, &pair).await.is_ok());
    assert_eq!(other.sessions.list("eve").await.expect("an answer").len(), 1);
}

#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn only_a_server_that_can_commit_refuses_or_repeats_an_exchange() {
    let (primary, mut standby) = start().await;
    let rotations = exchanges_that_change_nothing(&super::sessions::store(&primary)).await;
    let stores = rotations.map(|_| store(&primary));
    for (store, (expected, rotation)) in stores.iter().zip(&rotations) {
        until("an answer", async || store.rotate(rotation).await.is_ok_and(|(outcome, _)| outcome == *expected)).await;
    }
    standby.kill();
    let refused = futures_util::future::join_all(stores.iter().zip(&rotations).map(async |(store, (_, rotation))| {
        // A session that is there is still read, for example to check a device.
        store.find("joe", "s").await.is_ok_and(|found| found.is_some()) && store.rotate(rotation).await.is_err()
    }));
    assert_eq!(refused.await, [true; 5]);
    standby.revive();
    for (store, (expected, rotation)) in stores.iter().zip(&rotations) {
        until("an answer", async || store.rotate(rotation).await.is_ok_and(|(outcome, _)| outcome == *expected)).await;
    }
}

/// A refresh asks for its session first, and checks a part of the sessions that its process has ended.
#[tokio::test]
#[ignore = "needs postgresql: see CONTRIBUTING.md"]
async fn a_refresh_costs_one_transaction_also_if_it_checks_ended_sessions() {
    let server = Server::start();
    let process = process(&server);
    for _ in 0..10 {
        let pair = log_in(&process, "ann").await;
        let token = process.sessions.verify(&pair.refresh.token).await.expect("a token");
        process.sessions.logout(&token).await.expect("an end");
    }
    let mut pair = log_in(&process, "joe").await;
    let next = || server.sql("SELECT pg_snapshot_xmax(pg_current_snapshot())").parse::<u64>().expect("a number");
    for seconds in [1, 300] {
        process.wait(seconds);
        let before = next();
        pair = refresh(&process, &pair).await.expect("the next pair");
        assert_eq!(next() - before, 1, "{seconds}");
    }
}
