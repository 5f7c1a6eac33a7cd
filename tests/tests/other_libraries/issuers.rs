//! The issuers, whose keys and metadata are served on a real socket.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::Algorithm;
use jwt_core::crypto::SigningKey;
use jwt_core::gate::Endpoint;
use jwt_core::issue::{AccessToken, KeyRing, TokenIssuer, TokenIssuerBuilder};
use jwt_core::testing::ManualClock;
use jwt_core::{Clock as _, SystemClock};
use jwt_tests::setup::stranger;
use jwt_tower::endpoint;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) const SUBJECT: &str = "joe@shop.example";

const AUDIENCE: &str = "https://api.example";
const HOUR: Duration = Duration::from_secs(3600);
const SECRET: [u8; 64] = [0x5a; 64];

/// The algorithms that all of the libraries know.
const ALGORITHMS: [Algorithm; 13] = [
    Algorithm::HS256,
    Algorithm::HS384,
    Algorithm::HS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::ES512,
    Algorithm::Ed25519,
];

/// A server with the keys and the metadata of each issuer below a path of its own.
pub(crate) struct Issuers {
    base: String,
    keys: Vec<SigningKey>,
    rotating: (ManualClock, KeyRing),
    post_quantum: KeyRing,
    server: JoinHandle<()>,
}

impl Issuers {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("bound"));
        let keys: Vec<_> = ALGORITHMS.map(key).into();
        let clock = ManualClock::at((SystemClock.now() - HOUR / 60).as_secs());
        let rotating = KeyRing::builder().key(stranger(Algorithm::ES256)).clock(clock.clone());
        let rotating = rotating.publish_ahead(Duration::ZERO).build().expect("a ring");
        let post_quantum = ring(stranger(Algorithm::ES256));
        post_quantum.rotate(stranger(Algorithm::MlDsa44)).expect("a new key");

        let mut app = Router::new();
        for key in keys.iter().filter(|key| !key.algorithm().is_symmetric()) {
            let ring = ring(key.clone());
            app = publish(app, &base, key.algorithm().name(), &ring, &ring.jwks().expect("keys"));
        }
        app = publish(app, &base, "rotated", &rotating, &rotating.jwks().expect("keys"));
        app = publish(app, &base, "whole", &post_quantum, &post_quantum.jwks().expect("keys"));
        let classic = post_quantum.jwks_of([Algorithm::ES256]).expect("keys");
        app = publish(app, &base, "classic", &post_quantum, &classic);
        let server = tokio::spawn(async { axum::serve(listener, app).await.expect("a server") });
        Self { base, keys, rotating: (clock, rotating), post_quantum, server }
    }

    fn about(&self, name: &str, algorithms: &[&str], tokens: &Value) -> Value {
        let issuer = format!("{}/{name}", self.base);
        json!({
            "name": name, "issuer": issuer, "audience": AUDIENCE, "jwks_uri": format!("{issuer}/jwks.json"),
            "algorithms": algorithms, "secret": null, "tokens": tokens,
        })
    }

    /// An issuer for each algorithm, with good tokens and others.
    pub(crate) fn of_every_algorithm(&self) -> Value {
        let about = self.keys.iter().map(|key| {
            let name = key.algorithm().name();
            let mut about = self.about(name, &[name], &tokens(&format!("{}/{name}", self.base), key));
            if key.algorithm().is_symmetric() {
                // A secret isn't published: other services get it in another way, with its name.
                about["secret"] = URL_SAFE_NO_PAD.encode(SECRET).into();
                about["kid"] = (*ring(key.clone()).signing_kid()).into();
            }
            about
        });
        about.collect()
    }

    /// An issuer whose ring has had keys of three kinds.
    pub(crate) fn rotated(&self) -> Value {
        let (clock, ring) = &self.rotating;
        let issuer = issuer(&format!("{}/rotated", self.base), ring).build().expect("an issuer");
        let token = || issuer.access(SUBJECT).issue().expect("a token").token;
        let mut tokens = json!({ "ES256": token() });
        for algorithm in [Algorithm::RS256, Algorithm::Ed25519] {
            clock.advance(Duration::from_secs(1));
            ring.rotate(stranger(algorithm)).expect("a new key");
            tokens[algorithm.name()] = token().into();
        }
        json!([self.about("rotated", &["ES256", "RS256", "EdDSA"], &tokens)])
    }

    /// An issuer whose next key is an ML-DSA key, with its two sets.
    pub(crate) fn post_quantum(&self) -> Value {
        let about = ["whole", "classic"].map(|name| {
            let issuer = issuer(&format!("{}/{name}", self.base), &self.post_quantum).build().expect("an issuer");
            let token = issuer.access(SUBJECT).issue().expect("a token").token;
            self.about(name, &["ES256"], &json!({ "good": token }))
        });
        about.into_iter().collect()
    }
}

impl Drop for Issuers {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn key(algorithm: Algorithm) -> SigningKey {
    if algorithm.is_symmetric() {
        SigningKey::from_secret(algorithm, SECRET).expect("long enough")
    } else {
        stranger(algorithm)
    }
}

fn ring(key: SigningKey) -> KeyRing {
    KeyRing::new(key).expect("a ring")
}

fn issuer(name: &str, ring: &KeyRing) -> TokenIssuerBuilder {
    TokenIssuer::builder(name, ring.clone()).audience(AUDIENCE).client_id("shop-web")
}

/// Serves the key set, and the metadata that points to it.
fn publish(app: Router, base: &str, name: &str, ring: &KeyRing, keys: &Endpoint) -> Router {
    let issuer = issuer(&format!("{base}/{name}"), ring).build().expect("an issuer");
    let metadata = issuer.metadata_endpoint(&format!("{base}/{name}/jwks.json"), []).expect("metadata");
    app.route_service(&format!("/{name}/jwks.json"), endpoint(keys.clone()))
        .route_service(&format!("/{name}/.well-known/openid-configuration"), endpoint(metadata))
}

fn tokens(name: &str, key: &SigningKey) -> Value {
    let (algorithm, ring) = (key.algorithm(), &ring(key.clone()));
    let token = |issuer: TokenIssuerBuilder| issuer.build().expect("an issuer").access(SUBJECT);
    let text = |access: AccessToken| access.issue().expect("a token").token;
    let usual = || token(issuer(name, ring));
    let good = text(usual());

    let another = if algorithm.is_symmetric() {
        SigningKey::from_secret(algorithm, [0xa5; 64]).expect("long enough")
    } else {
        stranger(algorithm)
    };
    let another = KeyRing::new(another.with_kid(ring.signing_kid())).expect("a ring");
    let past = KeyRing::builder().key(key.clone()).clock(ManualClock::at((SystemClock.now() - HOUR).as_secs()));
    let past = past.build().expect("a ring");
    json!({
        "good": good,
        "several audiences": text(usual().audience("https://other.example").audience(AUDIENCE)),
        "with other claims": text(usual().scope(["reports:read", "profile"]).fresh().csrf().claim("plan", "gold")),
        "changed claims": changed(&good, 1),
        "changed signature": changed(&good, 2),
        "another key": text(token(issuer(name, &another))),
        "expired": text(token(issuer(name, &past))),
        "wrong audience": text(usual().audience("https://other.example")),
        "wrong issuer": text(token(issuer("https://other.example", ring))),
        "without client": text(token(TokenIssuer::builder(name, ring.clone()).audience(AUDIENCE))),
    })
}

/// Returns the token with a change in its claims or in its signature.
fn changed(token: &str, part: usize) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let mut bytes = URL_SAFE_NO_PAD.decode(&parts[part]).expect("base64url");
    if part == 1 {
        let mut claims: Value = serde_json::from_slice(&bytes).expect("JSON");
        claims["sub"] = "admin".into();
        bytes = claims.to_string().into_bytes();
    } else {
        bytes[5] ^= 1;
    }
    parts[part] = URL_SAFE_NO_PAD.encode(bytes);
    parts.join(".")
}
