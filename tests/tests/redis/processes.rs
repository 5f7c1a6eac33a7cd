//! Two processes, one on each framework.

use std::process::Stdio;
use std::time::Duration;

use jwt_core::Clock as _;
use jwt_core::SystemClock;
use jwt_core::revocation::Revocation;
use jwt_core::store::{RedisRevocations, RedisSettings};
use jwt_tests::forge::ISSUER;
use jwt_tests::proof::Device;
use jwt_tests::setup::{good, key};
use reqwest::Client;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::{Instant, timeout};

use super::server::Server;
use super::setup::until;

const PATIENCE: Duration = Duration::from_secs(60);

struct Process {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    async fn start(role: &str, server: &Server) -> (Self, String) {
        let key = key().public_jwk().expect("a public key").to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_node"));
        command.args([role, &server.address(), &key]).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("a process");
        let input = child.stdin.take().expect("piped");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut process = Self { child, input, lines };
        let first = process.line().await;
        (process, first)
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let status = std::process::Command::new("kill").args([signal, &id]).status();
        assert!(status.expect("kill").success());
    }

    async fn line(&mut self) -> String {
        timeout(PATIENCE, self.lines.next_line()).await.expect("in time").expect("text").expect("it runs")
    }
}

/// A token that is valid now, by the system clock.
fn token(jti: &str) -> String {
    let now = SystemClock.now().as_secs();
    good().claim("iat", now).claim("nbf", now).claim("exp", now + 300).claim("jti", jti).sign()
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_logout_in_one_process_revokes_the_token_in_the_other() {
    let server = Server::start();
    let (_axum, first) = Process::start("axum", &server).await;
    let (_actix, second) = Process::start("actix", &server).await;
    let client = Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
    let me = async |port: &str, token: &str| {
        let request = client.get(format!("http://127.0.0.1:{port}/me")).bearer_auth(token);
        request.send().await.expect("an answer").status().as_u16()
    };
    for (here, there, jti) in [(&first, &second, "a"), (&second, &first, "b")] {
        let (token, other) = (token(jti), token(&format!("{jti}-other")));
        assert_eq!((me(here, &token).await, me(there, &token).await), (200, 200));
        let request = client.post(format!("http://127.0.0.1:{here}/logout")).bearer_auth(&token);
        assert_eq!(request.send().await.expect("an answer").status().as_u16(), 204);
        assert_eq!(me(here, &token).await, 401);
        let begin = Instant::now();
        until("the other refuses", async || me(there, &token).await == 401).await;
        assert!(begin.elapsed() < Duration::from_secs(10), "the documented bound: {:?}", begin.elapsed());
        assert_eq!((me(here, &other).await, me(there, &other).await), (200, 200));
    }
}

/// The request waits at the process that is stopped, and is the first thing that it reads.
#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_process_that_was_suspended_accepts_no_token_that_was_revoked_meanwhile() {
    let server = Server::start();
    let (axum, first) = Process::start("axum", &server).await;
    let (actix, second) = Process::start("actix", &server).await;
    // A server closes connections that were idle meanwhile.
    let client = Client::builder().no_proxy().timeout(PATIENCE).pool_max_idle_per_host(0).build().expect("a client");
    let me = async |port: &str, token: &str| {
        let request = client.get(format!("http://127.0.0.1:{port}/me")).bearer_auth(token);
        request.send().await.expect("an answer").status().as_u16()
    };
    for (stopped, here, there, jti) in [(&axum, &first, &second, "a"), (&actix, &second, &first, "b")] {
        let (token, other) = (token(jti), token(&format!("{jti}-other")));
        assert_eq!(me(here, &token).await, 200);
        stopped.signal("-STOP");
        let request = client.post(format!("http://127.0.0.1:{there}/logout")).bearer_auth(&token);
        assert_eq!(request.send().await.expect("an answer").status().as_u16(), 204);
        let begin = Instant::now();
        let address = format!("http://127.0.0.1:{here}/me");
        let waiting = tokio::spawn(client.get(address).bearer_auth(&token).send());
        until("the maximum staleness", async || begin.elapsed() > Duration::from_secs(10)).await;
        stopped.signal("-CONT");
        let status = waiting.await.expect("no panic").expect("an answer").status().as_u16();
        assert!([401, 503].contains(&status), "{status}");
        until("it follows again", async || me(here, &other).await == 200).await;
        assert_eq!(me(here, &token).await, 401);
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_captured_proof_is_refused_by_the_other_process_at_once() {
    let server = Server::start();
    let (_axum, first) = Process::start("axum", &server).await;
    let (_actix, second) = Process::start("actix", &server).await;
    let client = Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client");
    let device = Device::default();
    let now = SystemClock.now().as_secs();
    let token = device.good().claim("iat", now).claim("nbf", now).claim("exp", now + 300).sign();
    let send = async |port: &str, proof: &str| {
        let request = client.get(format!("http://127.0.0.1:{port}/me")).header("dpop", proof);
        let answer = request.header("authorization", format!("DPoP {token}")).send().await.expect("an answer");
        let challenge = answer.headers().get("www-authenticate").map(|value| value.to_str().expect("text").to_owned());
        (answer.status().as_u16(), challenge.unwrap_or_default())
    };
    for (here, there) in [(&first, &second), (&second, &first)] {
        let proof = device.proof("GET", "/me", &token).claim("iat", SystemClock.now().as_secs()).sign();
        assert_eq!(send(here, &proof).await.0, 200);
        let (status, challenge) = send(there, &proof).await;
        assert!(status == 401 && challenge.contains(r#"error="invalid_dpop_proof""#), "{status} {challenge}");
        let another = device.proof("GET", "/me", &token).claim("iat", SystemClock.now().as_secs()).sign();
        assert_eq!(send(there, &another).await.0, 200, "the client's next proof");
    }
}

#[tokio::test]
#[ignore = "needs redis-server: see CONTRIBUTING.md"]
async fn a_revocation_reaches_every_process_within_its_time_limit() {
    let server = Server::start();
    let list = RedisRevocations::connect(server.address(), RedisSettings::new()).expect("an address");
    list.synced().await;
    for (watchers, times) in [(1, 1_000), (7, 200)] {
        let mut processes = Vec::new();
        for _ in 0..watchers {
            processes.push(Process::start("watch", &server).await.0);
        }
        let mut delays = Vec::with_capacity(watchers * times);
        for number in 0..times {
            let jti = format!("{watchers}-{number}");
            for watch in &mut processes {
                watch.input.write_all(format!("{}\n", token(&jti)).as_bytes()).await.expect("it listens");
                assert_eq!(watch.line().await, "good");
            }
            let begin = SystemClock.now();
            list.revoke(&Revocation::token_id(ISSUER, jti, begin + Duration::from_secs(300))).await.expect("revoked");
            for watch in &mut processes {
                let seen = Duration::from_micros(watch.line().await.parse().expect("microseconds"));
                delays.push(seen.saturating_sub(begin));
            }
        }
        delays.sort_unstable();
        let at = |percent: usize| delays[delays.len() * percent / 100];
        let (median, p99, worst) = (at(50), at(99), delays[delays.len() - 1]);
        println!(
            "{} processes, from the call to the refusal elsewhere: p50 {median:?}, p99 {p99:?}, {worst:?}",
            watchers + 1
        );
        assert!(worst < Duration::from_secs(10), "{worst:?}");
    }
}
