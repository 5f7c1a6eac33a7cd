//! Sessions and revocations on a server that was restarted from an older file, whose file is torn, or that pauses: what clients see
//! from both adapters.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::time::Duration;

use jwt_core::http::Cookies;
use jwt_core::issue::SessionStore as _;
use jwt_core::revocation::{Revocation, RevocationSettings};
use jwt_core::store::{RedisRevocations, RedisSessions, RedisSettings};
use jwt_core::testing::ManualClock;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::device;
use jwt_tests::forge::{ISSUER, NOW};
use jwt_tests::issuing::Shop;

use super::server::Server;
use super::setup::until;

/// A process with the application of both adapters.
struct Process {
    shop: Shop,
    list: RedisRevocations,
}

/// The tokens of a client.
#[derive(Clone)]
struct Tokens {
    access: String,
    refresh: String,
    session: String,
}

impl Process {
    async fn start(server: &Server) -> Self {
        let revocations = RevocationSettings::new().longest_lifetime(Duration::from_secs(900));
        let revocations = revocations.clock(ManualClock::at(NOW));
        let settings = RedisSettings::new().recovery_time(Duration::ZERO).revocations(revocations);
        let store = RedisSessions::connect(server.address(), &settings).expect("an address");
        let list = RedisRevocations::connect(server.address(), settings).expect("an address");
        list.synced().await;
        let mut shop = Shop::with(store, |sessions| {
            let sessions =
                sessions.sources(Cookies::new().refresh_sources().authorization()).device_bound(device::PATH);
            sessions.revocations(list.clone())
        });
        let verifier = Verifier::builder().issuer(shop.tokens.trusted()).clock(shop.clock.clone());
        shop.verifier = verifier.revocations(list.clone()).build().expect("a verifier");
        Self { shop, list }
    }

    async fn log_in(&self, subject: &str) -> Tokens {
        let pair = self.shop.sessions.login(subject).start().await.expect("a session");
        Tokens { access: pair.access.token, refresh: pair.refresh.token, session: pair.session_id }
    }

    /// Refreshes at one of the adapters.
    async fn refresh(&self, is_axum: bool, tokens: &Tokens) -> Result<Tokens, Answer> {
        let ask = Ask::post("/refresh").bearer(&tokens.refresh);
        let answer = if is_axum { self.shop.send_axum(&ask).await } else { self.shop.send_actix(&ask).await };
        if answer.status != 200 {
            return Err(answer);
        }
        let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
        let token = |name: &str| body[name].as_str().expect("a token").to_owned();
        let session = tokens.session.clone();
        Ok(Tokens { access: token("access_token"), refresh: token("refresh_token"), session })
    }

    async fn refused(&self, ask: &Ask, kind: ErrorKind) {
        assert_eq!(self.shop.send(ask).await, Answer::refused(kind));
    }

    /// Neither the refresh token nor the access token is good at either adapter.
    async fn has_ended(&self, tokens: &Tokens) {
        self.refused(&Ask::post("/refresh").bearer(&tokens.refresh), ErrorKind::SessionEnded).await;
        self.refused(&Ask::get("/me").bearer(&tokens.access), ErrorKind::Revoked).await;
    }

    async fn is_alive(&self, tokens: &Tokens) -> Tokens {
        assert_eq!(self.shop.send(&Ask::get("/me").bearer(&tokens.access)).await.status, 200);
        // The second adapter gets a copy of the same token.
        let first = self.refresh(true, tokens).await.expect("axum refreshes");
        let second = self.refresh(false, tokens).await.expect("actix-web refreshes");
        for next in [&first, &second] {
            assert_eq!(self.shop.send(&Ask::get("/me").bearer(&next.access)).await.status, 200);
        }
        second
    }

    /// Waits until the process has connected again and its list is current.
    async fn is_back(&self) {
        until("the stores are available", async || {
            self.shop.sessions.list("nobody").await.is_ok() && self.list.is_current()
        })
        .await;
    }
}

/// What happens between the last write that survives and the crash.
struct Gap {
    refreshed: Tokens,
    logged_out: Tokens,
    revoked: Tokens,
    untouched: Tokens,
}

impl Gap {
    async fn log_in(process: &Process) -> Self {
        Self {
            refreshed: process.log_in("joe").await,
            logged_out: process.log_in("ann").await,
            revoked: process.log_in("eve").await,
            untouched: process.log_in("kim").await,
        }
    }

    /// The other process has received the revocations before the crash.
    async fn happens(&mut self, process: &Process, other: &Process) {
        for is_axum in [true, false] {
            self.refreshed = process.refresh(is_axum, &self.refreshed).await.expect("the next pair");
        }
        let answer = process.shop.send_axum(&Ask::post("/logout").bearer(&self.logged_out.access)).await;
        assert_eq!(answer.status, 204);
        process.list.revoke(&Revocation::session(ISSUER, &*self.revoked.session)).await.expect("confirmed");
        for tokens in [&self.logged_out, &self.revoked] {
            let ask = Ask::get("/me").bearer(&tokens.access);
            until("it arrives", async || other.shop.send_axum(&ask).await.status == 401).await;
        }
    }

    async fn is_bridged(&self, processes: [&Process; 2]) {
        for process in processes {
            process.is_back().await;
        }
        for process in processes {
            process.has_ended(&self.logged_out).await;
            process.has_ended(&self.revoked).await;
        }
        let (mut refreshed, mut untouched) = (self.refreshed.clone(), self.untouched.clone());
        for process in processes {
            refreshed = process.is_alive(&refreshed).await;
            untouched = process.is_alive(&untouched).await;
        }
    }
}

#[actix_web::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_restarts_from_an_older_file_changes_no_answer_of_either_adapter() {
    let mut server = Server::start();
    let (one, other) = (Process::start(&server).await, Process::start(&server).await);
    let mut gap = Gap::log_in(&one).await;
    server.cli(&["SAVE"]);
    gap.happens(&one, &other).await;
    server.kill();
    server.revive();
    assert_eq!(server.cli(&["EXISTS", "jwt:sessions:{ann}"]), "1", "the logout was lost");
    gap.is_bridged([&other, &one]).await;
}

#[actix_web::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_log_that_is_torn_at_its_end_changes_no_answer_of_either_adapter() {
    let mut server = Server::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (one, other) = (Process::start(&server).await, Process::start(&server).await);
    let mut gap = Gap::log_in(&one).await;
    let log = log_file(&server);
    let kept = fs::metadata(&log).expect("a file").len();
    gap.happens(&one, &other).await;
    server.kill();
    // The first command after that moment is cut in two.
    let file = OpenOptions::new().write(true).open(&log).expect("a file");
    file.set_len(kept + 20).expect("a shorter file");
    server.revive();
    assert_eq!(server.cli(&["EXISTS", "jwt:sessions:{ann}"]), "1", "the logout was lost");
    gap.is_bridged([&other, &one]).await;
}

fn log_file(server: &Server) -> PathBuf {
    let folder = server.folder().join("appendonlydir");
    let files = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("a file").path());
    files.into_iter().find(|path| path.to_string_lossy().ends_with(".incr.aof")).expect("a log")
}

/// Reads are answered and writes hang, as for a moment in a failover by hand.
#[actix_web::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_refresh_during_a_pause_of_writes_is_answered_503_and_succeeds_afterwards() {
    let server = Server::start();
    let process = Process::start(&server).await;
    let (mut joe, ann) = (process.log_in("joe").await, process.log_in("ann").await);
    server.cli(&["CLIENT", "PAUSE", "60000", "WRITE"]);
    for is_axum in [true, false] {
        let answer = process.refresh(is_axum, &joe).await.err().expect("no answer in time");
        assert_eq!(answer, Answer::unavailable(ErrorKind::SessionsUnavailable, 5));
    }
    let answer = process.shop.send_axum(&Ask::post("/logout").bearer(&ann.access)).await;
    assert_eq!(answer, Answer::unavailable(ErrorKind::SessionsUnavailable, 5));
    server.cli(&["CLIENT", "UNPAUSE"]);
    process.is_back().await;
    for _ in 0..3 {
        joe = process.is_alive(&joe).await;
    }
    until("the session ends", async || {
        process.shop.wait(2);
        process.shop.sessions.heal().await.is_ok()
    })
    .await;
    assert_eq!(server.cli(&["EXISTS", "jwt:sessions:{ann}"]), "0");
    process.has_ended(&ann).await;
}

/// With such a policy, a full server drops sessions and no revocations.
#[actix_web::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_full_server_with_a_volatile_policy_drops_sessions_and_keeps_revocations() {
    let server = Server::start();
    server.cli(&["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]);
    let process = Process::start(&server).await;
    let (joe, eve) = (process.log_in("joe").await, process.log_in("eve").await);
    process.list.revoke(&Revocation::session(ISSUER, &*eve.session)).await.expect("confirmed");
    server.cli(&["CONFIG", "SET", "maxmemory", "1"]);
    // A write makes the server drop keys with a time to live.
    let _ = process.shop.sessions.login("kim").start().await;
    server.cli(&["CONFIG", "SET", "maxmemory", "0"]);
    assert_eq!(server.cli(&["EXISTS", "jwt:sessions:{joe}"]), "0");
    process.refused(&Ask::post("/refresh").bearer(&joe.refresh), ErrorKind::SessionEnded).await;
    assert_eq!(process.shop.send(&Ask::get("/me").bearer(&joe.access)).await.status, 200);
    let started = Process::start(&server).await;
    started.refused(&Ask::get("/me").bearer(&eve.access), ErrorKind::Revoked).await;
}

#[actix_web::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_server_that_lost_the_registration_of_a_device_lets_no_thief_keep_the_session() {
    for is_axum in [true, false] {
        let mut server = Server::start();
        let process = Process::start(&server).await;
        let saved = server.port().to_string();
        let keep = || drop(std::process::Command::new("redis-cli").args(["-p", &saved, "SAVE"]).output());
        let go_back = async || {
            server.kill();
            server.revive();
            process.is_back().await;
        };
        device::outlives_a_lost_registration(&process.shop, is_axum, keep, go_back).await;
        let left = process.shop.sessions.list("joe").await.expect("an answer");
        assert_eq!(left.len(), 1);
        let store = RedisSessions::connect(server.address(), &RedisSettings::new()).expect("an address");
        let record = store.find("joe", &left[0].id).await.expect("an answer").expect("a session");
        assert!(record.device_key.is_some());
    }
}
