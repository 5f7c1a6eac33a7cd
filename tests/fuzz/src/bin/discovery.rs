//! Checks which documents an issuer's keys are taken from.
//!
//! A test double serves metadata and key sets, valid and not. A token must be accepted exactly if the metadata names its
//! issuer and points to a set with its key. Keys from any other document must never be used.

#![no_main]

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::keys::{FetchErrorKind, Fetched, Key, KeySet, fetch_fn};
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, TrustedIssuer, Verifier};
use jwt_fuzz::forge::{NOW, encode};
use jwt_fuzz::json::{self, Json};
use jwt_fuzz::{Input, json::write_object};
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;
use tokio::runtime::Builder;

const ISSUER: &str = "https://id.example/tenant";
const METADATA: [&str; 2] = [
    "https://id.example/tenant/.well-known/openid-configuration",
    "https://id.example/.well-known/oauth-authorization-server/tenant",
];
const SETS: [&str; 2] = ["https://id.example/keys", "https://keys.example/set"];
const NAMES: [&str; 8] = ["issuer", "jwks_uri", "keys", "kty", "crv", "x", "kid", "alg"];

/// The answers of the network by address. The answer for any other address is "not found".
type Documents = BTreeMap<&'static str, Result<Vec<u8>, FetchErrorKind>>;

struct Signer {
    key: Key,
    jwk: String,
    token: String,
}

impl Signer {
    fn is(&self, key: &Key) -> bool {
        let thumbprint = |key| Backend::rust_crypto().thumbprint(key);
        key.kid() == self.key.kid() && thumbprint(key) == thumbprint(&self.key)
    }
}

/// Two keys, each with a token that it signed.
static SIGNERS: LazyLock<[Signer; 2]> = LazyLock::new(|| {
    [1, 2].map(|seed| {
        let key =
            SigningKey::from_pem(Algorithm::Ed25519, pem(&[seed; 32])).expect("a key").with_kid(format!("k{seed}"));
        let header = encode(format!(r#"{{"alg":"Ed25519","kid":"k{seed}"}}"#));
        let claims = encode(format!(r#"{{"iss":"{ISSUER}","aud":"a","exp":{}}}"#, NOW + 1_000_000));
        let signature = encode(key.sign(format!("{header}.{claims}").as_bytes()).expect("it signs"));
        let jwk = key.public_jwk().expect("it's public").to_string();
        Signer { key: key.verification_key(), jwk, token: format!("{header}.{claims}.{signature}") }
    })
});

fn pem(seed: &[u8]) -> String {
    use base64::Engine as _;
    let der = jwt_fuzz::der::write_private("Ed25519", seed);
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input::new(data);
    let documents = Arc::new(Mutex::new(Documents::new()));
    let network = Arc::clone(&documents);
    let fetch = fetch_fn(move |url: String| {
        let documents = network.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = documents.get(url.as_str()).cloned().unwrap_or(Err(FetchErrorKind::Status));
        async move { answer.map(Fetched::new).map_err(Into::into) }
    });
    let clock = ManualClock::at(NOW);
    let issuer = TrustedIssuer::discover(ISSUER).audience("a");
    let verifier = Verifier::builder().issuer(issuer).fetch(fetch).clock(clock.clone()).build().expect("a verifier");
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");

    // The keys that may still be in use.
    let mut known: Option<Vec<bool>> = None;
    for _ in 0..1 + input.below(3) {
        let now = answers(&mut input);
        if now.values().flatten().any(|body| is_beyond_model(body)) {
            return;
        }
        let good = usable(&now);
        *documents.lock().unwrap_or_else(PoisonError::into_inner) = now;
        for (index, signer) in SIGNERS.iter().enumerate() {
            let outcome = runtime.block_on(verifier.verify(&signer.token));
            // Earlier keys may be used until their lifetime ends.
            let fresh = good.as_ref().is_some_and(|keys| keys[index]);
            let kept = known.as_ref().is_some_and(|keys| keys[index]);
            assert!(outcome.is_err() || fresh || kept, "a key that no good document has: {}", show(&documents));
            if known.is_none() && index == 0 {
                assert_eq!(outcome.is_ok(), fresh, "of {:?}: {}", outcome.err(), show(&documents));
            }
        }
        // Longer than every lifetime, so only the next documents count.
        if input.once_in(2) {
            clock.advance(Duration::from_secs(3 * 3600));
            known = None;
        } else {
            known = Some(match (known, good) {
                (Some(known), Some(good)) => known.iter().zip(good).map(|(one, other)| *one || other).collect(),
                (Some(known), None) => known,
                (None, good) => good.unwrap_or_else(|| vec![false; 2]),
            });
        }
    }
});

fn show(documents: &Mutex<Documents>) -> String {
    let documents = documents.lock().unwrap_or_else(PoisonError::into_inner);
    let shown = documents.iter().map(|(url, answer)| match answer {
        Ok(body) => format!("\n{url}: {}", String::from_utf8_lossy(body)),
        Err(kind) => format!("\n{url}: {kind:?}"),
    });
    shown.collect()
}

fn answers(input: &mut Input<'_>) -> Documents {
    let mut documents = Documents::new();
    for url in METADATA {
        let answer = match input.below(8) {
            0 => Err(input.pick(&[FetchErrorKind::Status, FetchErrorKind::Transport, FetchErrorKind::TooLarge])),
            _ => Ok(metadata(input)),
        };
        documents.insert(url, answer);
    }
    for url in SETS {
        let answer = if input.once_in(8) { Err(FetchErrorKind::Transport) } else { Ok(set(input)) };
        documents.insert(url, answer);
    }
    documents
}

fn metadata(input: &mut Input<'_>) -> Vec<u8> {
    let issuer = input.pick(&[
        ISSUER,
        ISSUER,
        ISSUER,
        "https://id.example/tenant/",
        "https://id.example",
        "https://ID.example/tenant",
        "",
        "https://id.example/tenant\0",
    ]);
    let mut members = Vec::new();
    if !input.once_in(16) {
        members.push(("issuer".to_owned(), json::quote(input, issuer)));
    }
    if !input.once_in(16) {
        let uri = input.pick(&[SETS[0], SETS[0], SETS[1], "http://id.example/keys", "keys", "file:///keys", ""]);
        members.push(("jwks_uri".to_owned(), json::quote(input, uri)));
    }
    if input.once_in(4) {
        members.reverse();
    }
    written(input, &members)
}

fn set(input: &mut Input<'_>) -> Vec<u8> {
    let mut keys = Vec::new();
    for _ in 0..input.below(3) + 1 {
        keys.push(match input.below(8) {
            0 => json::write_value(input, &NAMES),
            byte => SIGNERS[byte % 2].jwk.clone(),
        });
    }
    written(input, &[("keys".to_owned(), format!("[{}]", keys.join(",")))])
}

fn written(input: &mut Input<'_>, members: &[(String, String)]) -> Vec<u8> {
    let mut nothing = Input::new(&[]);
    let more = input.once_in(4);
    let mut text = write_object(if more { &mut *input } else { &mut nothing }, &NAMES, members).into_bytes();
    if input.once_in(16) {
        input.edit(&mut text, b"\"{}[],:/ex\0\xff");
    }
    text
}

/// Returns whether the model cannot decide about a document: JSON that `serde_json` can skip and not hold, such as the number
/// `1e999`, or a set with another key, whose use depends on more than its name.
fn is_beyond_model(body: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(body) else { return false };
    let is_ours = |key: &Key| SIGNERS.iter().any(|signer| signer.is(key));
    (serde_json::from_str::<IgnoredAny>(text).is_ok() && Json::read(text).is_none())
        || KeySet::from_jwks(text).is_ok_and(|set| !set.keys().iter().all(is_ours))
}

/// Returns which of the two keys the documents lead to, or `None` if they lead to no key at all.
fn usable(documents: &Documents) -> Option<Vec<bool>> {
    let metadata = METADATA.iter().map(|url| &documents[url]).find(|answer| **answer != Err(FetchErrorKind::Status))?;
    let text = std::str::from_utf8(metadata.as_ref().ok()?).ok()?;
    let json = Json::read(text).filter(|json| json.names_are_unique() && json.depth() <= 32)?;
    if json.get("issuer").and_then(Json::text) != Some(ISSUER) {
        return None;
    }
    let uri = json.get("jwks_uri").and_then(Json::text)?;
    let set = documents.get(uri)?.as_ref().ok()?;
    // The target `jwk` checks how sets are read.
    let set = KeySet::from_jwks(std::str::from_utf8(set).ok()?).ok()?;
    let known: Vec<bool> = SIGNERS.iter().map(|signer| set.keys().iter().any(|key| signer.is(key))).collect();
    (!set.keys().is_empty()).then_some(known)
}
