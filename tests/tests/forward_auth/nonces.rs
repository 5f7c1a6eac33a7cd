//! Proofs of possession at the gate, and the nonces for them, which the client gets through the proxy.

use std::time::Duration;

use jwt_core::gate::{Gate as _, RequestState};
use jwt_core::proof::Dpop;
use jwt_core::testing::{BareRequest, ManualClock};
use jwt_core::verify::Authenticator;
use jwt_core::{Clock as _, SystemClock};
use jwt_examples::forward_auth::Framework;
use jwt_tests::proof::{BASE, Device};
use jwt_tests::setup::{issuer, trusting};
use reqwest::{Method, Response};
use serde_json::json;

use super::proxy::{Kind, Proxy};
use super::site::{NONCE_PERIOD, NONCE_SECRET, Site, send, upstream};

/// Returns the nonce of another process with the same secret, at this time.
fn nonce_at(time: Duration) -> String {
    let (device, seconds) = (Device::default(), time.as_secs());
    let token = device.good().claim("iat", seconds).claim("nbf", seconds).claim("exp", seconds + 300).sign();
    let proof = device.proof("GET", "/", &token).claim("iat", seconds).sign();
    let dpop = Dpop::new(BASE).nonces(NONCE_SECRET).nonce_period(NONCE_PERIOD);
    let verifier = trusting(issuer().dpop_required()).dpop(dpop).clock(ManualClock::at(seconds)).build();
    let request =
        BareRequest::new("GET", "/").header("authorization", format!("DPoP {token}")).header("dpop", proof.as_str());
    let entered = Authenticator::from(verifier.expect("a verifier")).enter(&request, &RequestState::missing("test"));
    let answer = entered.ready().expect("no wait").expect_err("a nonce is needed");
    let nonce = answer.headers.into_iter().find(|(name, _)| *name == "dpop-nonce");
    nonce.expect("a nonce").1
}

fn nonces(response: &Response) -> Vec<&str> {
    let lines = response.headers().get_all("dpop-nonce").iter();
    lines.map(|value| value.to_str().expect("text")).collect()
}

/// A client with a bound token, which makes a new proof for each request.
struct Client {
    device: Device,
    token: String,
}

impl Client {
    fn new(site: &Site) -> Self {
        let device = Device::default();
        let token = site.token().claim("cnf", json!({"jkt": device.thumbprint()})).sign();
        Self { device, token }
    }

    /// Asks for a page, with a proof for `proven` that has this nonce.
    async fn ask(&self, url: &str, proven: &str, nonce: Option<&str>) -> Response {
        let proof = self.device.proof("GET", proven, &self.token).claim("iat", SystemClock.now().as_secs());
        let proof = match nonce {
            Some(nonce) => proof.claim("nonce", nonce),
            None => proof,
        };
        let headers = [
            ("authorization", &*format!("DPoP {}", self.token)),
            ("dpop", &*proof.sign()),
            // The path that counts is the proxy's. Through a proxy, a client cannot change it.
            ("x-original-method", "GET"),
            ("x-original-uri", "/reports?page=2"),
        ];
        send(Method::GET, url, &headers).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_allowed_answer_has_the_next_nonce_before_the_current_one_ends() {
    for framework in [Framework::Axum, Framework::Actix] {
        let site = Site::bound(framework).await;
        let (client, url) = (Client::new(&site), format!("http://{}/auth", site.address()));
        let (last, current) = (nonce_at(SystemClock.now() - NONCE_PERIOD), nonce_at(SystemClock.now()));

        let refused = client.ask(&url, "/reports", None).await;
        assert_eq!((refused.status().as_u16(), nonces(&refused)), (401, vec![&*current]));
        let challenge = refused.headers()["www-authenticate"].to_str().expect("text");
        assert!(challenge.starts_with("DPoP ") && challenge.contains(r#"error="use_dpop_nonce""#), "{challenge}");

        let allowed = client.ask(&url, "/reports", Some(&last)).await;
        assert_eq!((allowed.status().as_u16(), nonces(&allowed)), (200, vec![&*current]));
        assert_eq!(
            (&allowed.headers()["x-user"], &allowed.headers()["cache-control"]),
            (&"user-1815".parse().expect("text"), &"no-store".parse().expect("text"))
        );

        let allowed = client.ask(&url, "/reports", Some(&current)).await;
        assert_eq!((allowed.status().as_u16(), nonces(&allowed)), (200, vec![]));

        // The proof is compared with the client's request, not with the proxy's question.
        let elsewhere = client.ask(&url, "/auth", Some(&current)).await;
        assert_eq!((elsewhere.status().as_u16(), nonces(&elsewhere)), (401, vec![]));
        let bearer = format!("Bearer {}", client.token);
        assert_eq!(site.ask("/auth", &[("authorization", &bearer)]).await.status(), 401, "a bound token needs a proof");
    }
}

/// Lets a client get its nonces through a proxy.
async fn passes_nonces_on(kind: Kind) {
    let upstream = upstream().await;
    let site = Site::bound(Framework::Axum).await;
    let proxy = Proxy::start(kind, &site.folder, site.address(), upstream).await;
    let (client, url) = (Client::new(&site), format!("{}/reports?page=2", proxy.url));
    let (last, current) = (nonce_at(SystemClock.now() - NONCE_PERIOD), nonce_at(SystemClock.now()));

    let refused = client.ask(&url, "/reports", None).await;
    assert_eq!((refused.status().as_u16(), nonces(&refused)), (401, vec![&*current]), "{kind:?}");
    let challenge = refused.headers()["www-authenticate"].to_str().expect("text");
    assert!(challenge.contains(r#"error="use_dpop_nonce""#), "{kind:?}: {challenge}");

    for (nonce, next) in [(&last, vec![&*current]), (&current, vec![])] {
        let allowed = client.ask(&url, "/reports", Some(nonce)).await;
        assert_eq!((allowed.status().as_u16(), nonces(&allowed)), (200, next), "{kind:?}");
        let seen = allowed.text().await.expect("text");
        let names = |name: &str| seen.lines().any(|line| line.starts_with(name));
        assert!(seen.contains("x-user: user-1815\n"), "{kind:?}: {seen}");
        assert!(!names("authorization") && !names("dpop"), "{kind:?}: token and proof stay here: {seen}");
    }
    // The headers of the client name another path, and the proxy's own count.
    let elsewhere = client.ask(&format!("{}/other", proxy.url), "/reports", Some(&current)).await;
    assert_eq!(elsewhere.status(), 401, "{kind:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs nginx: see CONTRIBUTING.md"]
async fn nginx_passes_nonces_on() {
    passes_nonces_on(Kind::Nginx).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs Caddy: see CONTRIBUTING.md"]
async fn caddy_passes_nonces_on() {
    passes_nonces_on(Kind::CaddyNonces).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs HAProxy: see CONTRIBUTING.md"]
async fn haproxy_passes_nonces_on() {
    passes_nonces_on(Kind::HaProxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "needs Envoy: see CONTRIBUTING.md"]
async fn envoy_passes_nonces_on() {
    passes_nonces_on(Kind::Envoy).await;
}
