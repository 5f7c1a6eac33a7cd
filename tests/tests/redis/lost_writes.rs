//! Sessions on a server that loses its last writes: it's killed, and comes back with an older snapshot.

use std::sync::Arc;
use std::time::Duration;

use jwt_core::issue::{KeyRing, SessionStore as _, Sessions, TokenIssuer, TokenPair};
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::{RedisRevocations, RedisSessions, RedisSettings};
use jwt_core::testing::ManualClock;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};
use jwt_tests::log::Log;
use jwt_tests::setup::key;

use super::proxy::Proxy;
use super::server::{Server, wait_until};
use super::setup::until;

const ACCESS: u64 = 900;
const REVOKED: Option<ErrorKind> = Some(ErrorKind::Revoked);

/// A process with sessions, a verifier and a revocation list.
pub(crate) struct Process {
    sessions: Sessions,
    verifier: Verifier,
    pub(crate) list: RedisRevocations,
    pub(crate) clock: ManualClock,
}

impl Process {
    pub(crate) async fn start(server: &Server) -> Self {
        Self::at(server.address()).await
    }

    pub(crate) async fn at(address: String) -> Self {
        let clock = ManualClock::at(NOW);
        let ring = KeyRing::builder().key(key()).clock(clock.clone()).build().expect("a ring");
        let tokens = TokenIssuer::builder(ISSUER, ring).audience(AUDIENCE).build().expect("an issuer");
        let revocations = RevocationSettings::new().longest_lifetime(Duration::from_secs(ACCESS)).clock(clock.clone());
        let settings = RedisSettings::new().revocations(revocations);
        let store = RedisSessions::connect(address.clone(), &settings).expect("an address");
        let list = RedisRevocations::connect(address, settings).expect("an address");
        list.synced().await;
        let sessions = Sessions::builder(tokens.clone(), store).revocations(list.clone()).build().expect("sessions");
        let verifier = Verifier::builder().issuer(tokens.trusted()).clock(clock.clone()).revocations(list.clone());
        Self { sessions, verifier: verifier.build().expect("a verifier"), list, clock }
    }

    pub(crate) async fn log_in(&self, subject: &str) -> TokenPair {
        self.sessions.login(subject).start().await.expect("a session")
    }

    pub(crate) async fn refresh(&self, token: &str) -> Result<TokenPair, ErrorKind> {
        let token = self.sessions.verify(token).await.map_err(|error| error.kind())?;
        self.sessions.refresh(&token).await.map_err(|error| error.kind())
    }

    /// Repeats the refresh while a store is unavailable, as a client does.
    pub(crate) async fn refresh_in_the_end(&self, token: &str) -> Result<TokenPair, ErrorKind> {
        let mut result = self.refresh(token).await;
        until("the stores are available", async || {
            let is_down = matches!(result, Err(ErrorKind::SessionsUnavailable | ErrorKind::RevocationUnavailable));
            if is_down {
                result = self.refresh(token).await;
            }
            !is_down
        })
        .await;
        result
    }

    pub(crate) async fn log_out(&self, pair: &TokenPair) -> Result<(), ErrorKind> {
        let token = self.sessions.verify(&pair.refresh.token).await.map_err(|error| error.kind())?;
        self.sessions.logout(&token).await.map_err(|error| error.kind())
    }

    pub(crate) async fn end_all(&self, subject: &str) -> Result<usize, ErrorKind> {
        self.sessions.end_all(subject).await.map_err(|error| error.kind())
    }

    pub(crate) async fn end(&self, subject: &str, id: &str) -> Result<bool, ErrorKind> {
        self.sessions.end(subject, id).await.map_err(|error| error.kind())
    }

    pub(crate) async fn refusal(&self, access: &str) -> Option<ErrorKind> {
        self.verifier.verify(access).await.err().map(|error| error.kind())
    }

    /// Calls `heal` at an interval, as the documentation says, until all ends are carried out.
    pub(crate) async fn heal(&self) {
        until("everything is healed", async || {
            self.clock.advance(Duration::from_secs(2));
            self.sessions.heal().await.is_ok()
        })
        .await;
    }
}

/// Kills the server. It comes back with its last snapshot.
async fn go_back(server: &mut Server, processes: &[&Process]) {
    server.kill();
    server.revive();
    for process in processes {
        until("the list is current", async || process.list.is_current()).await;
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn no_client_is_accused_or_logged_out_because_the_server_lost_refreshes() {
    let mut server = Server::start();
    let (one, other) = (Process::start(&server).await, Process::start(&server).await);
    let mut pairs = Vec::new();
    for number in 0..100 {
        pairs.push(one.log_in(&format!("joe-{number}")).await);
    }
    server.cli(&["SAVE"]);
    for (number, pair) in pairs.iter_mut().enumerate() {
        for _ in 0..=number % 3 {
            *pair = one.refresh(&pair.refresh.token).await.expect("a pair");
        }
    }
    let log = Log::start();
    go_back(&mut server, &[&one, &other]).await;
    for (number, pair) in pairs.iter_mut().enumerate() {
        for process in [&other, &one, &other] {
            *pair = process.refresh_in_the_end(&pair.refresh.token).await.unwrap_or_else(|error| {
                panic!("client {number} lost its session: {error:?}");
            });
            assert_eq!(one.refusal(&pair.access.token).await, None);
        }
    }
    // One process was asked first about all of them, and it warns once a minute.
    assert_eq!(log.text().matches("the session store has lost writes").count(), 1);
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_failover_to_a_lagging_replica_accuses_nobody_and_revives_nobody() {
    let (mut old, new) = (Server::start(), Server::start());
    let proxy = Proxy::to(&old, Duration::ZERO).await;
    let (one, other) = (Process::at(proxy.address()).await, Process::at(proxy.address()).await);
    let mut pairs = Vec::new();
    for number in 0..40 {
        pairs.push(one.log_in(&format!("joe-{number}")).await);
    }
    new.cli(&["REPLICAOF", "127.0.0.1", &old.port().to_string()]);
    wait_until("a replica", || new.cli(&["INFO", "replication"]).contains("master_link_status:up"));
    // From here on, nothing arrives at the replica.
    new.cli(&["REPLICAOF", "NO", "ONE"]);
    for (number, pair) in pairs.iter_mut().enumerate() {
        if number % 2 == 0 {
            *pair = other.refresh(&pair.refresh.token).await.expect("a pair");
        } else {
            one.log_out(pair).await.expect("an end");
        }
    }
    proxy.lead_to(&new);
    old.kill();
    // Each process notices at its next operation.
    for process in [&one, &other] {
        assert!(process.refresh_in_the_end(&pairs[0].refresh.token).await.is_ok());
    }
    one.heal().await;
    for (number, pair) in pairs.iter().enumerate().skip(1) {
        let expected = if number % 2 == 0 { Ok(()) } else { Err(ErrorKind::SessionEnded) };
        let refreshed = other.refresh_in_the_end(&pair.refresh.token).await.map(drop);
        assert_eq!(refreshed, expected, "{number}");
        assert_eq!(one.refusal(&pair.access.token).await.is_none(), number % 2 == 0, "{number}");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn no_session_comes_back_because_the_server_lost_logouts() {
    let mut server = Server::start();
    let (one, other) = (Process::start(&server).await, Process::start(&server).await);
    let mut pairs = Vec::new();
    for number in 0..100 {
        pairs.push(one.log_in(&format!("joe-{number}")).await);
    }
    server.cli(&["SAVE"]);
    for pair in &pairs {
        one.log_out(pair).await.expect("an end");
    }
    go_back(&mut server, &[&one, &other]).await;
    assert_eq!(server.cli(&["EXISTS", "jwt:sessions:{joe-7}"]), "1", "the server went back");
    // The process that ended a session refuses it at once. Another one learns of it from the list.
    assert_eq!(one.refresh_in_the_end(&pairs[0].refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
    assert_eq!(other.refresh_in_the_end(&pairs[1].refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
    one.clock.advance(Duration::from_secs(300));
    one.heal().await;
    for number in 0..100 {
        assert_eq!(server.cli(&["EXISTS", &format!("jwt:sessions:{{joe-{number}}}")]), "0", "{number}");
    }
    // Long after the list has forgotten the logouts, they are still ended.
    other.clock.advance(Duration::from_secs(ACCESS + 700));
    for pair in &pairs {
        assert_eq!(other.refresh_in_the_end(&pair.refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_logout_without_the_server_ends_the_session_when_it_is_back() {
    let mut server = Server::durable();
    let (one, other) = (Process::start(&server).await, Process::start(&server).await);
    let (pair, kept) = (one.log_in("joe").await, one.log_in("ann").await);
    server.kill();
    assert_eq!(one.log_out(&pair).await, Err(ErrorKind::SessionsUnavailable));
    assert!(one.refresh(&pair.refresh.token).await.is_err());
    server.revive();
    one.heal().await;
    until("the revocation arrives", async || other.refusal(&pair.access.token).await == Some(ErrorKind::Revoked)).await;
    for process in [&one, &other] {
        assert_eq!(process.refresh_in_the_end(&pair.refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
        assert!(process.refusal(&pair.access.token).await.is_some());
    }
    assert!(other.refresh_in_the_end(&kept.refresh.token).await.is_ok());
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn ending_all_or_all_other_sessions_without_the_server_ends_them_when_it_is_back() {
    let mut server = Server::durable();
    let (one, other) = (Process::start(&server).await, Process::start(&server).await);
    let [here, there] = [one.log_in("joe").await, other.log_in("joe").await];
    let [own, elsewhere] = [one.log_in("ann").await, other.log_in("ann").await];
    let token = one.verifier.verify(&own.access.token).await.expect("a good token");
    server.kill();
    assert_eq!(one.end_all("joe").await, Err(ErrorKind::SessionsUnavailable));
    let others = one.sessions.end_others(&token).await.map_err(|error| error.kind());
    assert_eq!(others, Err(ErrorKind::SessionsUnavailable));
    for (pair, expected) in [(&here, REVOKED), (&there, REVOKED), (&own, None), (&elsewhere, None)] {
        assert_eq!(one.refusal(&pair.access.token).await, expected, "at once");
    }
    server.revive();
    // The list brings the end of all to the other process before the first one carries it out.
    for pair in [&here, &there] {
        until("the revocation arrives", async || other.refusal(&pair.access.token).await == REVOKED).await;
    }
    assert_eq!(other.refresh_in_the_end(&here.refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
    one.heal().await;
    until("the revocation arrives", async || other.refusal(&elsewhere.access.token).await == REVOKED).await;
    other.clock.advance(Duration::from_secs(2));
    let later = other.log_in("joe").await;
    for process in [&one, &other] {
        for pair in [&here, &there, &elsewhere] {
            assert_eq!(process.refresh_in_the_end(&pair.refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
            assert_eq!(process.refusal(&pair.access.token).await, REVOKED);
        }
        for pair in [&own, &later] {
            assert_eq!(process.refusal(&pair.access.token).await, None);
            assert!(process.refresh_in_the_end(&pair.refresh.token).await.is_ok());
        }
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn revoking_a_subject_or_a_session_ends_the_sessions_everywhere() {
    let server = Server::start();
    let (one, other) = (Process::start(&server).await, Process::start(&server).await);
    let [joe, ann, eve] = [one.log_in("joe").await, one.log_in("ann").await, one.log_in("eve").await];
    let subject = Revocation::subject(ISSUER, "joe", Duration::from_secs(NOW));
    one.list.revoke(&subject).await.expect("confirmed");
    one.list.revoke(&Revocation::session(ISSUER, &*ann.session_id)).await.expect("confirmed");
    for pair in [&joe, &ann] {
        until("it arrives", async || other.refusal(&pair.access.token).await == Some(ErrorKind::Revoked)).await;
    }
    // A day later, long after the access tokens have expired, the list still knows.
    other.clock.advance(Duration::from_secs(86_400));
    until("the list is current", async || other.list.is_current()).await;
    for pair in [&joe, &ann] {
        assert_eq!(other.refresh_in_the_end(&pair.refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
        assert_eq!(one.refresh_in_the_end(&pair.refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
    }
    assert!(other.refresh_in_the_end(&eve.refresh.token).await.is_ok());
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_logout_at_maxmemory_ends_the_session() {
    let server = Server::start();
    let (one, other) = (Process::start(&server).await, Process::start(&server).await);
    let pair = one.log_in("joe").await;
    let log = Log::start();
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    // The revocation does not fit, so the answer is an error. The session is deleted all the same.
    assert_eq!(one.log_out(&pair).await, Err(ErrorKind::SessionsUnavailable));
    assert!(log.text().contains("OOM"), "{}", log.text());
    assert_eq!(server.cli(&["EXISTS", "jwt:sessions:{joe}"]), "0");
    assert_eq!(one.refusal(&pair.access.token).await, Some(ErrorKind::Revoked));
    assert_eq!(other.refresh(&pair.refresh.token).await.map(drop), Err(ErrorKind::SessionEnded));
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    one.heal().await;
    until("it arrives", async || other.refusal(&pair.access.token).await == Some(ErrorKind::Revoked)).await;
}

/// The server is killed at any moment of a refresh: a token that a client was given is good afterwards.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn no_answered_refresh_is_lost_when_the_server_is_killed() {
    let mut server = Server::start();
    let processes = [Process::start(&server).await, Process::start(&server).await].map(Arc::new);
    for run in 0..10 {
        let first = processes[0].log_in(&format!("joe-{run}")).await.refresh.token;
        server.cli(&["SAVE"]);
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                let (process, first) = (Arc::clone(&processes[number % 2]), first.clone());
                tokio::spawn(async move { process.refresh(&first).await })
            })
            .collect();
        server.kill();
        let mut answered = Vec::new();
        for task in tasks {
            answered.extend(task.await.expect("an end").ok());
        }
        server.revive();
        // The client keeps any of the answers, or repeats itself if it got no answer.
        let token = answered.last().map_or(first, |pair| pair.refresh.token.clone());
        let next = processes[run % 2].refresh_in_the_end(&token).await;
        let next = next.unwrap_or_else(|error| panic!("run {run}, {} answers: {error:?}", answered.len()));
        processes[1 - run % 2].refresh_in_the_end(&next.refresh.token).await.expect("the next pair");
    }
}

/// The processes' clocks differ by the largest leeway, and two tabs refresh at both.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn clocks_that_differ_by_a_minute_end_no_session() {
    let server = Server::start();
    let (one, other) = (Process::start(&server).await, Process::start(&server).await);
    other.clock.advance(Duration::from_secs(60));
    until("the list is current", async || other.list.is_current()).await;
    let mut token = one.log_in("joe").await.refresh.token;
    for _ in 0..3 {
        let first = one.refresh(&token).await.expect("a pair");
        let second = other.refresh(&token).await.expect("a pair");
        let third = one.refresh(&token).await.expect("a pair");
        for pair in [&first, &second, &third] {
            assert_eq!((one.refusal(&pair.access.token).await, other.refusal(&pair.access.token).await), (None, None));
        }
        token = second.refresh.token;
    }
    let store = RedisSessions::connect(server.address(), &RedisSettings::new()).expect("an address");
    let listed = store.list("joe", NOW).await.expect("an answer");
    assert_eq!((listed.len(), listed[0].rotations), (1, 3));
}
