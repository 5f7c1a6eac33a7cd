//! The issuer that the tested server trusts, and the tokens that it makes.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use jwt_core::crypto::SigningKey;
use jwt_core::{Algorithm, Clock as _, SystemClock};
use jwt_tests::forge::Forge;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::Outcome;

pub(crate) struct Issuer {
    name: String,
    audience: String,
    claims: Map<String, Value>,
    /// The key of most tokens: RFC 9068 section 2.1 requires RS256 of every server.
    pub(crate) rs256: SigningKey,
    pub(crate) es256: SigningKey,
    /// A key that is never published.
    pub(crate) stranger: SigningKey,
    site: Arc<Site>,
    task: JoinHandle<()>,
}

/// The documents of the issuer's web server, and the requests that it got.
struct Site {
    name: String,
    keys: Mutex<Vec<Value>>,
    paths: Mutex<Vec<String>>,
}

impl Issuer {
    pub(crate) async fn start(port: u16, audience: &str, claims: &Map<String, Value>) -> Outcome<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let name = format!("http://{}", listener.local_addr()?);
        let key = |algorithm, kid| SigningKey::generate(algorithm).map(|key| key.with_kid(kid));
        let rs256 = key(Algorithm::RS256, "rs-1")?;
        let es256 = key(Algorithm::ES256, "es-1")?;
        let stranger = key(Algorithm::RS256, "rs-1")?;
        let site = Site { name: name.clone(), keys: Mutex::default(), paths: Mutex::default() };
        let site = Arc::new(site);
        let app = Router::new().fallback(answer).with_state(Arc::clone(&site));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, app).await {
                eprintln!("the issuer stopped: {error}");
            }
        });
        let issuer =
            Self { name, audience: audience.to_owned(), claims: claims.clone(), rs256, es256, stranger, site, task };
        issuer.publish(&[&issuer.rs256, &issuer.es256]);
        Ok(issuer)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Publishes these keys, between two keys that a server can't use. RFC 7517 section 5 says to ignore such keys.
    pub(crate) fn publish(&self, keys: &[&SigningKey]) {
        let unknown = json!({"kty": "future", "kid": "future-1", "use": "sig"});
        let other_use = json!({"kty": "OKP", "crv": "X25519", "use": "enc", "kid": "enc-1", "x": "A".repeat(43)});
        let keys = keys.iter().filter_map(|key| key.public_jwk());
        let set = [unknown].into_iter().chain(keys).chain([other_use]).collect();
        *self.site.keys.lock().unwrap_or_else(PoisonError::into_inner) = set;
    }

    /// Returns how often a path was requested.
    pub(crate) fn requests(&self, path: &str) -> usize {
        let paths = self.site.paths.lock().unwrap_or_else(PoisonError::into_inner);
        paths.iter().filter(|requested| *requested == path).count()
    }

    /// Ends the issuer's web server. Tokens can still be made.
    pub(crate) fn stop(&self) {
        self.task.abort();
    }

    /// Starts with a good token.
    pub(crate) fn token(&self) -> Forge {
        self.token_by(&self.rs256)
    }

    pub(crate) fn token_by(&self, key: &SigningKey) -> Forge {
        let now = now();
        let token = Forge::new(key)
            .claim("iss", self.name.as_str())
            .claim("aud", self.audience.as_str())
            .claim("iat", now)
            .claim("nbf", now)
            .claim("exp", now + 300);
        self.claims.iter().fold(token, |token, (name, value)| token.claim(name, value.clone()))
    }

    pub(crate) fn audience(&self) -> &str {
        &self.audience
    }
}

/// Returns the time in seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemClock.now().as_secs()
}

async fn answer(State(site): State<Arc<Site>>, uri: Uri) -> Response {
    let path = uri.path().to_owned();
    site.paths.lock().unwrap_or_else(PoisonError::into_inner).push(path.clone());
    match path.as_str() {
        "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server" => Json(json!({
            "issuer": site.name,
            "jwks_uri": format!("{}/jwks", site.name),
            "authorization_endpoint": format!("{}/authorize", site.name),
            "token_endpoint": format!("{}/token", site.name),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        }))
        .into_response(),
        "/jwks" => {
            let keys = site.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
            Json(json!({ "keys": keys })).into_response()
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}
