//! A provider in memory: its metadata and keys, the tokens that it issues, and tokens that the recipe must refuse.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jwt_core::crypto::SigningKey;
use jwt_core::keys::{FetchErrorKind, Fetched, fetch_fn};
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, ErrorKind, Verified, Verifier, VerifierBuilder};
use jwt_tests::forge::{NOW, encode, sign_raw};
use serde_json::{Value, json};

/// The key that tokens are signed with.
pub(crate) const CURRENT: usize = 0;
/// The key that the provider publishes beside it.
pub(crate) const NEXT: usize = 1;
/// A key that it does not publish.
pub(crate) const STRANGER: usize = 2;

/// One RSA key of three, each made once.
pub(crate) fn key(which: usize) -> SigningKey {
    static KEYS: [OnceLock<SigningKey>; 3] = [const { OnceLock::new() }; 3];
    KEYS[which].get_or_init(|| SigningKey::generate(Algorithm::RS256).expect("an RSA key")).clone()
}

/// A published key with `alg`, `use`, `kid`, `n` and `e`, and these members changed; `null` removes one.
pub(crate) fn jwk(which: usize, kid: &str, changes: Value) -> Value {
    changed(key(which).with_kid(kid).public_jwk().expect("a public key"), changes)
}

/// The members of a published certificate. Nothing reads them, so that the values are placeholders.
pub(crate) fn certificate(kid: &str) -> Value {
    json!({"x5c": ["MIIC9zCCAd+gAwIBAgIJPLACEHOLDER"], "x5t": encode(kid)})
}

/// Replaces members; `null` removes one.
pub(crate) fn changed(mut object: Value, changes: Value) -> Value {
    let (Some(members), Value::Object(changes)) = (object.as_object_mut(), changes) else { panic!("two objects") };
    for (name, value) in changes {
        match value {
            Value::Null => members.remove(&name),
            value => members.insert(name, value),
        };
    }
    object
}

/// A token for another service: its name in the test, and how it differs from a good one.
pub(crate) struct Refused {
    pub(crate) what: &'static str,
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) kind: ErrorKind,
}

/// A token that differs in its claims.
pub(crate) fn refused(what: &'static str, claims: Value, kind: ErrorKind) -> Refused {
    Refused { what, header: json!({}), claims, kind }
}

/// A token that differs in its header.
pub(crate) fn refused_header(what: &'static str, header: Value, kind: ErrorKind) -> Refused {
    Refused { what, header, claims: json!({}), kind }
}

pub(crate) struct Provider {
    pub(crate) name: &'static str,
    pub(crate) recipe: fn() -> VerifierBuilder,
    /// Address and document, in the order in which they are asked for.
    pub(crate) documents: Vec<(&'static str, Value)>,
    /// Header and claims of the token that the recipe accepts.
    pub(crate) header: Value,
    pub(crate) claims: Value,
    pub(crate) refused: Vec<Refused>,
}

impl Provider {
    /// The provider's token with these changes, signed with its key.
    pub(crate) fn token(&self, header: Value, claims: Value) -> String {
        self.token_of(CURRENT, header, claims)
    }

    pub(crate) fn token_of(&self, which: usize, header: Value, claims: Value) -> String {
        let (header, claims) = (changed(self.header.clone(), header), changed(self.claims.clone(), claims));
        sign_raw(&key(which), header.to_string(), claims.to_string())
    }

    /// The token that the recipe accepts.
    pub(crate) fn good(&self) -> String {
        self.token(json!({}), json!({}))
    }

    /// Verifies a token with a new verifier. Returns the outcome and the addresses that were fetched.
    pub(crate) async fn verify_at(&self, now: u64, token: &str) -> (Result<Verified, ErrorKind>, Vec<String>) {
        let (verifier, asked) = verifier((self.recipe)(), self.documents.clone(), now);
        let outcome = verifier.verify(token).await.map_err(|error| error.kind());
        (outcome, asked.addresses())
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<Verified, ErrorKind> {
        self.verify_at(NOW, token).await.0
    }

    /// The verified token with these claims changed.
    pub(crate) async fn verified(&self, claims: Value) -> Verified {
        self.verify(&self.token(json!({}), claims)).await.unwrap_or_else(|kind| panic!("{}: {kind:?}", self.name))
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The addresses that were asked for.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    pub(crate) fn addresses(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A verifier for which the network holds these documents and nothing else.
pub(crate) fn verifier(builder: VerifierBuilder, documents: Vec<(&'static str, Value)>, now: u64) -> (Verifier, Asked) {
    let asked = Asked::default();
    let log = asked.clone();
    let fetch = fetch_fn(move |url: String| {
        let found = documents.iter().find(|(address, _)| *address == url);
        let answer = match found {
            Some((_, document)) => Ok(Fetched::new(document.to_string())),
            None => Err(FetchErrorKind::Status.into()),
        };
        log.0.lock().unwrap_or_else(PoisonError::into_inner).push(url);
        async move { answer }
    });
    let built = builder.fetch(fetch).clock(ManualClock::at(now)).build();
    (built.expect("a verifier"), asked)
}
