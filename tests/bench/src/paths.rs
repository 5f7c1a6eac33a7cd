//! The paths whose instructions and allocations are counted.

use std::hint::black_box;
use std::time::{Duration, SystemTime};

use jwt_core::gate::{Gate as _, RequestState};
use jwt_core::revocation::RevocationSettings;
use jwt_core::store::{RedisRevocations, RedisSettings};
use jwt_core::testing::BareRequest;
use jwt_core::verify::{Authenticator, IssuerResolver, TokenCacheSettings};
use jwt_core::{Algorithm, TrustedIssuer, Verifier};

use crate::proof;
use crate::race::Contender;
use crate::redis_double;
use crate::stand::{ALGORITHMS, AUDIENCE, ISSUER, Stand};
use crate::verify::{share, verify};

/// How many proofs there are. A path runs less often.
const PROOFS: usize = 64;

/// How many revocations a list has. All but a few hundred of them are fingerprints.
const REVOCATIONS: usize = 100_000;
const EXACT: usize = 6_400;

/// How many tokens are looked up in turn. Fingerprints are random, so one token needs more instructions than another.
const REVOCABLE: usize = 10;

/// A path, and the primitive that is subtracted from it if it verifies a signature.
pub struct Path {
    pub name: String,
    pub run: Contender,
    pub floor: Option<Contender>,
}

/// Returns every path, for stands of [`ALGORITHMS`] in their order.
pub fn all(stands: &[Stand]) -> Vec<Path> {
    let mut paths = Vec::new();
    let mut add = |name: String, floor: Option<Box<dyn FnMut()>>, mut once: Box<dyn FnMut() -> bool>| {
        let run = Contender::each("", move || assert!(black_box(once())));
        paths.push(Path { name, run, floor: floor.map(|floor| Contender::each("", floor)) });
    };
    for stand in stands {
        let (verifier, token) = (stand.verifier(), stand.token.clone());
        let floor = Some(stand.floor(&stand.token));
        add(format!("verify {}", stand.algorithm), floor, Box::new(move || verify(&verifier, &token).is_ok()));
    }
    let stand = &stands[ALGORITHMS.iter().position(|algorithm| *algorithm == Algorithm::ES256).expect("ES256")];
    let caching = |settings| stand.builder(0).token_cache(settings).build().expect("a verifier");
    let (verifier, token) = (caching(TokenCacheSettings::new()), stand.token.clone());
    add("known, claims shared".to_owned(), None, Box::new(move || share(&verifier, &token).is_ok()));
    let (verifier, token) = (caching(TokenCacheSettings::new()), stand.token.clone());
    add("known, claims decoded".to_owned(), None, Box::new(move || verify(&verifier, &token).is_ok()));
    let (verifier, token) = (caching(TokenCacheSettings::new().digests()), stand.token.clone());
    add("known by digest".to_owned(), None, Box::new(move || verify(&verifier, &token).is_ok()));
    add("known, of a resolved issuer".to_owned(), None, resolved(stand));
    add("known, not revoked".to_owned(), None, revocable());
    for algorithm in proof::ALGORITHMS {
        let (run, floor) = proof::path(algorithm, PROOFS);
        add(format!("known, with a proof {algorithm}"), Some(floor), run);
    }
    let bad =
        [("garbage", Stand::garbage()), ("an unknown key", stand.unknown_key()), ("no algorithm", stand.unsigned())];
    for (name, token) in bad {
        let verifier = stand.verifier();
        add(format!("refuse {name}"), None, Box::new(move || verify(&verifier, &token).is_err()));
    }
    let (verifier, token) = (stand.verifier(), stand.tampered());
    let floor = stand.failing_floor(&token);
    add("refuse a bad signature".to_owned(), Some(floor), Box::new(move || verify(&verifier, &token).is_err()));
    paths
}

/// Returns known tokens, which a list of fingerprints does not have.
fn revocable() -> Box<dyn FnMut() -> bool> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let until = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock") + Duration::from_hours(1);
    let address = redis_double::start(REVOCATIONS, until.as_secs());
    let memory = RevocationSettings::new().exact_capacity(EXACT).staleness(Duration::from_hours(24));
    let settings = RedisSettings::new().recovery_time(Duration::ZERO).timeout(Duration::from_mins(1));
    let list = runtime.block_on(async {
        let list = RedisRevocations::connect(address, settings.revocations(memory)).expect("an address");
        // Without an answer that the list understands, it would wait forever.
        let synced = tokio::time::timeout(Duration::from_mins(1), list.synced()).await;
        synced.expect("the double answers as a server does");
        list
    });
    assert!(list.is_complete() && list.status().remembered > REVOCATIONS - 100, "{:?}", list.status());
    // Its secret is the same in each process.
    let stand = Stand::new(Algorithm::HS256);
    let verifier = stand.builder(0).token_cache(TokenCacheSettings::new()).revocations(list).build();
    let verifier = verifier.expect("a verifier");
    let tokens: Vec<String> = (0..REVOCABLE).map(|number| stand.good(REVOCATIONS + number, 0)).collect();
    let mut next = (0..REVOCABLE).cycle();
    Box::new(move || next.next().is_some_and(|number| share(&verifier, &tokens[number]).is_ok()))
}

/// Returns requests with a known bearer token of an issuer that a resolver found. They also have a certificate, which only bound
/// tokens need.
fn resolved(stand: &Stand) -> Box<dyn FnMut() -> bool> {
    let key = stand.verification_key();
    let resolver = IssuerResolver::new(
        |name| name == ISSUER,
        move |name| {
            let issuer = TrustedIssuer::new(&*name).audience(AUDIENCE).key(key.clone());
            async move { Ok(Some(issuer.mutual_tls_allowed())) }
        },
    );
    let builder = Verifier::builder().issuer_resolver(resolver).certificate_header("client-cert", ["10.0.0.0/8"]);
    let gate = Authenticator::from(builder.build().expect("a verifier"));
    let request = BareRequest::new("GET", "/reports?page=2").header("authorization", format!("Bearer {}", stand.token));
    let request = request.header("client-cert", format!(":{}:", "MIIB".repeat(250))).peer([10, 0, 0, 7]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let found = runtime.block_on(async { gate.enter(&request, &RequestState::missing("bench")).wait().await });
    let refusal = found.err().and_then(|answer| answer.error);
    assert!(refusal.is_none(), "the issuer is found: {refusal:?}");
    Box::new(move || {
        gate.enter(&request, &RequestState::missing("bench")).ready().is_some_and(|entered| entered.is_ok())
    })
}
