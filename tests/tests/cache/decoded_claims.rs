//! Claims that the cache keeps decoded: they are shared, counted and dropped.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use jwt_core::verify::TokenCacheSettings;
use jwt_core::{ErrorKind, Verifier};
use jwt_tests::setup::{builder, good};
use serde::Deserialize;

use super::at_once;

static DECODED: AtomicUsize = AtomicUsize::new(0);

struct Counted;

impl<'de> Deserialize<'de> for Counted {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        DECODED.fetch_add(1, Ordering::Relaxed);
        serde::de::IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

#[test]
fn shared_claims_are_decoded_once_for_many_requests() {
    let verifier = builder().build().expect("a verifier");
    let token = good().sign();
    for _ in 0..100 {
        at_once(&verifier, &token).expect("good").shared_claims::<Counted>().expect("claims");
    }
    // Once more, for the processor's own copy of a frequently used token.
    assert_eq!(DECODED.load(Ordering::Relaxed), 2);
    let verified = at_once(&verifier, &token).expect("good");
    let wrong = verified.shared_claims::<Vec<u8>>().map(drop).expect_err("claims are an object");
    assert_eq!(wrong.kind(), ErrorKind::ClaimsMismatch);
    for _ in 0..2 {
        assert_eq!(verified.shared_claims::<serde_json::Value>().expect("claims")["name"], "Ada");
        verified.shared_claims::<std::collections::HashMap<String, serde_json::Value>>().expect("a third type");
    }
}

/// Claims that count the bytes that all of them occupy.
struct Weighed {
    bytes: usize,
}

static WEIGHT: AtomicUsize = AtomicUsize::new(0);

impl<'de> Deserialize<'de> for Weighed {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = heap(&serde_json::Value::deserialize(deserializer)?);
        WEIGHT.fetch_add(bytes, Ordering::Relaxed);
        Ok(Self { bytes })
    }
}

impl Drop for Weighed {
    fn drop(&mut self) {
        WEIGHT.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The heap bytes of a value. A map's node has room for eleven members and may be half full.
fn heap(value: &serde_json::Value) -> usize {
    use serde_json::Value;
    const PLACE: usize = size_of::<Value>();
    match value {
        Value::Array(values) => values.capacity() * PLACE + values.iter().map(heap).sum::<usize>(),
        Value::Object(members) => {
            let node = 11 * (PLACE + size_of::<String>()) + 16;
            let own: usize = members.iter().map(|(name, value)| name.capacity() + heap(value)).sum();
            members.len().div_ceil(5) * node + own
        }
        Value::String(text) => text.capacity(),
        _ => 0,
    }
}

#[test]
fn decoded_claims_count_towards_the_size_of_the_cache() {
    use serde_json::{Value, json};
    const BYTES: usize = 4 << 20;
    let shapes: [fn() -> Value; 4] =
        [|| json!(0), || json!([0]), || json!({"": 0}), || json!({"a": 1, "b": "text", "c": {}, "d": []})];
    for shape in shapes {
        let verifier = builder().token_cache(TokenCacheSettings::new().max_bytes(BYTES)).build().expect("a verifier");
        let data = vec![shape(); 4_000 / shape().to_string().len()];
        for number in 0..500 {
            let token = good().claim("jti", format!("t-{number}")).claim("data", data.clone()).sign();
            at_once(&verifier, &token).expect("good").shared_claims::<Weighed>().expect("claims");
            let (decoded, counted) =
                (WEIGHT.load(Ordering::Relaxed), verifier.token_cache_status().expect("a cache").bytes);
            assert!(decoded <= counted && counted <= BYTES, "{decoded} bytes of claims, {counted} bytes counted");
        }
        assert!(WEIGHT.load(Ordering::Relaxed) > BYTES / 20, "claims are kept while there is space");
        drop(verifier);
        assert_eq!(WEIGHT.load(Ordering::Relaxed), 0);
    }
}

/// Claims that verify a token when they are dropped.
#[derive(Deserialize)]
struct Reentrant {}

static REENTERED: OnceLock<(Verifier, String)> = OnceLock::new();

impl Drop for Reentrant {
    fn drop(&mut self) {
        let (verifier, token) = REENTERED.get().expect("set before any claims are decoded");
        at_once(verifier, token).expect("good");
    }
}

#[test]
fn claims_may_verify_a_token_when_the_cache_drops_them() {
    let verifier = builder().token_cache(TokenCacheSettings::new().max_entries(1)).build().expect("a verifier");
    REENTERED.set((verifier, good().claim("jti", "inner").sign())).expect("set once");
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let (verifier, _) = REENTERED.get().expect("set");
        for number in 0..100 {
            let token = good().claim("jti", format!("t-{number}")).sign();
            // Often enough for this processor to get its own copy of the token.
            for _ in 0..10 {
                at_once(verifier, &token).expect("good").shared_claims::<Reentrant>().expect("claims");
            }
        }
        done.send(()).expect("the test waits for the result");
    });
    // This takes milliseconds. A cache that holds its lock meanwhile never finishes.
    is_done.recv_timeout(Duration::from_secs(60)).expect("the cache holds its lock while it drops claims");
}
