//! Endpoints for verifiers of other processes: the key set, and the metadata that says where it is.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use crate::error::{BuildError, BuildErrorKind};
use crate::gate::{Answer, Endpoint};
use crate::http::request::RequestView;
use crate::jose::Algorithm;
use crate::step::Step;

use super::{KeyRing, TokenIssuer};

/// The longest `max-age` of a document. It is less if new keys are published for a shorter time.
const LONGEST_MAX_AGE: Duration = Duration::from_secs(600);

impl KeyRing {
    /// Returns an endpoint that answers with the current public keys as a JWK Set. RFC 7517 section 5.
    ///
    /// The answer has a strong `ETag`, so a client that has the current keys gets 304. Clients may cache it for 10 minutes,
    /// or for a quarter of [`publish_ahead`](super::KeyRingBuilder::publish_ahead) if that is shorter, so that verifiers know
    /// a key before it signs.
    ///
    /// # Errors
    ///
    /// [`NoUsableKey`](BuildErrorKind::NoUsableKey) for a ring of secrets. Give those to verifiers in another
    /// way.
    pub fn jwks(&self) -> Result<Endpoint, BuildError> {
        self.jwks_of(Algorithm::ALL.iter().copied())
    }

    /// Returns an endpoint as [`jwks`](Self::jwks), which answers with the keys of these algorithms only.
    ///
    /// Some libraries refuse a whole set because of one key of a type that they don't know, although RFC 7517 section 5 says
    /// to ignore it: go-jose up to version 4.1 does with ML-DSA keys. Before you add such a key to the ring, point their
    /// verifiers to a set without it. A token that is signed by the new key is refused by them either way.
    ///
    /// ```
    /// # use jwt_core::Algorithm;
    /// # use jwt_core::crypto::SigningKey;
    /// # use jwt_core::issue::KeyRing;
    /// # if jwt_core::crypto::Backend::compiled_in().is_none() { return Ok(()) }
    /// let ring = KeyRing::new(SigningKey::generate(Algorithm::ES256)?)?;
    /// let every_key = ring.jwks()?;
    /// let for_older_libraries = ring.jwks_of([Algorithm::ES256, Algorithm::RS256])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoUsableKey`](BuildErrorKind::NoUsableKey) for a ring of secrets, or if no key of the ring has one of
    /// these algorithms now.
    pub fn jwks_of(&self, algorithms: impl IntoIterator<Item = Algorithm>) -> Result<Endpoint, BuildError> {
        let algorithms: Vec<Algorithm> = algorithms.into_iter().collect();
        if self.public_jwks(&algorithms).is_empty() {
            return Err(nothing_to_publish());
        }
        let ring = self.clone();
        Ok(Endpoint::new(&["GET", "HEAD"], move |request| {
            let body = json!({ "keys": ring.public_jwks(&algorithms) }).to_string();
            Step::Ready(cacheable(&ring, request, "application/jwk-set+json", body))
        }))
    }

    fn max_age(&self) -> Duration {
        (self.publish_ahead() / 4).min(LONGEST_MAX_AGE)
    }
}

impl TokenIssuer {
    /// Returns an endpoint that answers with the authorization server metadata, which tells verifiers where the keys are. RFC 8414
    /// section 2.
    ///
    /// `jwks_uri` is the URL at which you serve [`KeyRing::jwks`]. `members` are further members of the document; `issuer` and
    /// `jwks_uri` cannot be changed. Serve it below the issuer's URL at `/.well-known/openid-configuration`, or at the host's
    /// `/.well-known/oauth-authorization-server` followed by the issuer's path.
    ///
    /// ```
    /// # use jwt_core::crypto::SigningKey;
    /// # use jwt_core::issue::{KeyRing, TokenIssuer};
    /// # if jwt_core::crypto::Backend::compiled_in().is_none() { return Ok(()) }
    /// # let ring = KeyRing::new(SigningKey::generate(jwt_core::Algorithm::ES256)?)?;
    /// # let tokens = TokenIssuer::builder("https://id.example", ring).audience("https://api.example").build()?;
    /// let members = [("token_endpoint", "https://id.example/token".into())];
    /// let metadata = tokens.metadata_endpoint("https://id.example/jwks", members)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NoUsableKey`](BuildErrorKind::NoUsableKey) for an issuer that signs with secrets.
    pub fn metadata_endpoint(
        &self,
        jwks_uri: &str,
        members: impl IntoIterator<Item = (&'static str, Value)>,
    ) -> Result<Endpoint, BuildError> {
        if self.ring().is_symmetric() {
            return Err(nothing_to_publish());
        }
        let mut document: Map<_, _> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        document.insert("issuer".to_owned(), self.name().into());
        document.insert("jwks_uri".to_owned(), jwks_uri.into());
        let (ring, body) = (self.ring().clone(), Value::from(document).to_string());
        Ok(Endpoint::new(&["GET", "HEAD"], move |request| {
            Step::Ready(cacheable(&ring, request, "application/json", body.clone()))
        }))
    }
}

fn nothing_to_publish() -> BuildError {
    BuildError::new(BuildErrorKind::NoUsableKey, "keys")
        .because("must not be published or have none of the algorithms: secrets are never published, so use a key pair")
}

fn cacheable(ring: &KeyRing, request: &dyn RequestView, content_type: &'static str, body: String) -> Answer {
    let cache = format!("public, max-age={}", ring.max_age().as_secs());
    // Some back ends compute no digests. Then there is no `ETag`.
    let Some(digest) = ring.backend().sha256(body.as_bytes()) else {
        return Answer::new(200).body(content_type, body).header("cache-control", cache);
    };
    let tag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest));
    let answer =
        if has_matching_tag(request, &tag) { Answer::new(304) } else { Answer::new(200).body(content_type, body) };
    answer.header("cache-control", cache).header("etag", tag)
}

/// Whether `If-None-Match` has the tag, by weak comparison. RFC 9110 section 13.1.2.
fn has_matching_tag(request: &dyn RequestView, tag: &str) -> bool {
    let mut found = false;
    request.header("if-none-match", &mut |line| {
        let mut tags = line.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
        found |= tags.any(|other| other == b"*" || other.strip_prefix(b"W/").unwrap_or(other) == tag.as_bytes());
    });
    found
}
