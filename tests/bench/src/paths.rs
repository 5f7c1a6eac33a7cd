//! The paths whose instructions and allocations are counted: what the gate watches.

use std::hint::black_box;

use jwt_core::Algorithm;

use crate::race::Contender;
use crate::stand::{ALGORITHMS, Stand};
use crate::verify::{FLOOR, verify};

/// Each path once, with what it is measured above: the primitive, where it verifies a signature.
pub fn all() -> Vec<(String, Contender, Option<Contender>)> {
    let mut paths = Vec::new();
    for algorithm in ALGORITHMS {
        let stand = Stand::new(algorithm);
        let (verifier, token) = (stand.verifier(), stand.token.clone());
        let run = Contender::each("", move || assert!(black_box(verify(&verifier, &token)).is_ok()));
        paths.push((format!("verify {algorithm}"), run, Some(Contender::each(FLOOR, stand.floor(&stand.token)))));
    }
    let stand = Stand::new(Algorithm::RS256);
    for (name, token) in
        [("garbage", Stand::garbage()), ("unknown key", stand.unknown_key()), ("unsigned", stand.unsigned())]
    {
        let verifier = stand.verifier();
        let run = Contender::each("", move || assert!(black_box(verify(&verifier, &token)).is_err()));
        paths.push((format!("refuse {name}"), run, None));
    }
    paths
}
