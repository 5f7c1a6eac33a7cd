//! Keys: their formats, their algorithms, and the reasons why a key isn't used. Tests whose names begin with `f` and a
//! number are rows of section F of the attack catalogue.

mod algorithms;
mod formats;
mod in_turn;
mod jsonwebtoken;
mod pem;
mod public_keys;
mod published;
mod remote;
mod set;

use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::keys::{KeyErrorKind, KeySet, KeyTable};
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer, Verified, Verifier};
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW};
use serde_json::{Value, json};

fn backends() -> [Backend; 2] {
    [Backend::aws_lc_rs(), Backend::rust_crypto()]
}

fn trusted() -> TrustedIssuer {
    TrustedIssuer::new(ISSUER).audience(AUDIENCE)
}

fn verifier(issuer: TrustedIssuer, backend: Backend) -> Verifier {
    Verifier::builder()
        .issuer(issuer)
        .clock(ManualClock::at(NOW))
        .crypto(backend)
        .build()
        .unwrap_or_else(|error| panic!("{}: {error}", backend.name()))
}

async fn verify(verifier: &Verifier, token: &str) -> Result<Verified, ErrorKind> {
    verifier.verify(token).await.map_err(|error| error.kind())
}

/// A P-256 key with a `kid`.
fn signing_key(kid: &str) -> SigningKey {
    SigningKey::generate(Algorithm::ES256).expect("a key").with_kid(kid)
}

fn public_jwk(key: &SigningKey) -> Value {
    key.public_jwk().expect("a public key")
}

fn jwks(keys: impl IntoIterator<Item = Value>) -> String {
    json!({"keys": keys.into_iter().collect::<Vec<_>>()}).to_string()
}

/// Replaces members of a JWK; `null` removes one.
fn with(mut jwk: Value, changes: Value) -> Value {
    let (Some(members), Value::Object(changes)) = (jwk.as_object_mut(), changes) else { panic!("two objects") };
    for (name, value) in changes {
        match value {
            Value::Null => members.remove(&name),
            value => members.insert(name, value),
        };
    }
    jwk
}

/// Returns why a key is ignored in a set whose other key stays usable, or `None` if both are read.
fn ignored(jwk: Value) -> Option<KeyErrorKind> {
    let good = public_jwk(&signing_key("good"));
    let set = KeySet::from_jwks(&jwks([jwk, good])).expect("a set");
    assert!(set.keys().iter().any(|key| key.kid() == Some("good")), "one bad key spoils the set");
    set.ignored().next().map(|(index, error)| {
        assert_eq!((index, set.keys().len()), (0, 1));
        error.kind()
    })
}

/// The number of keys in a set that a back end can use.
fn usable(jwks: &str, backend: Backend) -> usize {
    KeyTable::prepare(backend, KeySet::from_jwks(jwks).expect("a set").keys(), Algorithm::ALL).len()
}
