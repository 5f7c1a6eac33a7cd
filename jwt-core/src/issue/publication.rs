//! What verifiers elsewhere need: the public keys, and where they are.

use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::gate::{Answer, Endpoint};
use crate::http::request::RequestView;
use crate::step::Step;

use super::{IssueError, IssueErrorKind, KeyRing, TokenIssuer};

/// How long anybody may keep a document, where new keys are not published for less.
const MOST_MAX_AGE: Duration = Duration::from_secs(600);

impl KeyRing {
    /// Returns what answers with the public keys as they stand at each moment: a JWK Set. RFC 7517 section 5.
    ///
    /// It carries a strong `ETag`, answers 304 to those who have it, and lets others keep it for 10 minutes, or for a
    /// quarter of [`publish_ahead`](super::KeyRingBuilder::publish_ahead) where that is less: a key is known everywhere
    /// before it signs.
    ///
    /// # Errors
    ///
    /// [`NothingToPublish`](IssueErrorKind::NothingToPublish) for a ring of secrets, which verifiers must have got in
    /// another way.
    pub fn jwks(&self) -> Result<Endpoint, IssueError> {
        if self.is_symmetric() {
            return Err(IssueError::new(IssueErrorKind::NothingToPublish, "keys"));
        }
        let ring = self.clone();
        Ok(Endpoint::new(&["GET", "HEAD"], move |request| {
            let body = json!({ "keys": ring.public_jwks() }).to_string();
            Step::Ready(document(&ring, request, "application/jwk-set+json", body))
        }))
    }

    fn max_age(&self) -> Duration {
        (self.publish_ahead() / 4).min(MOST_MAX_AGE)
    }
}

impl TokenIssuer {
    /// Starts the issuer's metadata, which tells verifiers where its keys are: `jwks_uri` is the address of
    /// [`KeyRing::jwks`]. RFC 8414 section 2.
    ///
    /// ```
    /// # use jwt_core::crypto::SigningKey;
    /// # use jwt_core::issue::{KeyRing, TokenIssuer};
    /// # if jwt_core::crypto::Backend::compiled_in().is_none() { return Ok(()) }
    /// # let ring = KeyRing::new(SigningKey::generate(jwt_core::Algorithm::ES256)?)?;
    /// # let tokens = TokenIssuer::builder("https://id.example", ring).audience("https://api.example").build()?;
    /// let metadata = tokens
    ///     .metadata("https://id.example/jwks")
    ///     .member("token_endpoint", "https://id.example/token")
    ///     .endpoint()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn metadata(&self, jwks_uri: impl Into<String>) -> Metadata {
        let mut members = Map::new();
        members.insert("issuer".to_owned(), self.name().into());
        members.insert("jwks_uri".to_owned(), jwks_uri.into().into());
        Metadata { ring: self.ring().clone(), members }
    }
}

/// An issuer's metadata in the making; made by [`TokenIssuer::metadata`].
#[derive(Clone)]
#[must_use]
pub struct Metadata {
    ring: KeyRing,
    members: Map<String, Value>,
}

impl Metadata {
    /// Adds a member. `issuer` and `jwks_uri` stay as they are. Default: none.
    pub fn member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.members.entry(name).or_insert_with(|| value.into());
        self
    }

    /// Returns what answers with it: below the issuer's address at `/.well-known/openid-configuration`, or at
    /// `/.well-known/oauth-authorization-server` followed by the issuer's path.
    ///
    /// # Errors
    ///
    /// [`NothingToPublish`](IssueErrorKind::NothingToPublish) for an issuer that signs with secrets.
    pub fn endpoint(self) -> Result<Endpoint, IssueError> {
        if self.ring.is_symmetric() {
            return Err(IssueError::new(IssueErrorKind::NothingToPublish, "keys"));
        }
        let (ring, body) = (self.ring, Value::from(self.members).to_string());
        Ok(Endpoint::new(&["GET", "HEAD"], move |request| {
            Step::Ready(document(&ring, request, "application/json", body.clone()))
        }))
    }
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata").field("members", &self.members.len()).finish_non_exhaustive()
    }
}

fn document(ring: &KeyRing, request: &dyn RequestView, content_type: &'static str, body: String) -> Answer {
    let cache = format!("public, max-age={}", ring.max_age().as_secs());
    // A provider may compute no digest; then there is nothing to compare.
    let Some(digest) = ring.backend().sha256(body.as_bytes()) else {
        return Answer::new(200).body(content_type, body).header("cache-control", cache);
    };
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest));
    let answer = if names(request, &tag) { Answer::new(304) } else { Answer::new(200).body(content_type, body) };
    answer.header("cache-control", cache).header("etag", tag)
}

/// Whether `If-None-Match` names the tag. RFC 9110 section 13.1.2: weakly compared.
fn names(request: &dyn RequestView, tag: &str) -> bool {
    let mut named = false;
    request.header("if-none-match", &mut |line| {
        let mut tags = line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        named |= tags.any(|other| other == b"*" || other.strip_prefix(b"W/").unwrap_or(other) == tag.as_bytes());
    });
    named
}
