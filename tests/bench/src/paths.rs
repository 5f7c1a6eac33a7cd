//! The paths whose instructions and allocations are counted.

use std::hint::black_box;

use jwt_core::Algorithm;
use jwt_core::verify::TokenCacheSettings;

use crate::proof;
use crate::race::Contender;
use crate::stand::{ALGORITHMS, Stand};
use crate::verify::{share, verify};

/// How many proofs there are. A path runs less often.
const PROOFS: usize = 64;

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
    for algorithm in [Algorithm::ES256, Algorithm::Ed25519] {
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
