//! A request with a known token and a DPoP proof. Each proof is accepted once, so there are many of them.

use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::crypto::{Backend, SigningKey};
use jwt_core::gate::{Gate as _, RequestState};
use jwt_core::proof::Dpop;
use jwt_core::testing::BareRequest;
use jwt_core::verify::Authenticator;
use jwt_core::{Algorithm, TrustedIssuer, Verifier};
use serde_json::json;

use crate::race::{Contender, TURN, race};
use crate::report::Report;
use crate::stand::{AUDIENCE, ISSUER, Stand};

/// The algorithms of the measured proofs.
pub const ALGORITHMS: [Algorithm; 3] = [Algorithm::ES256, Algorithm::Ed25519, Algorithm::MlDsa44];

/// Adds the cost of a request with a proof to the report.
pub fn section(report: &mut Report, rounds: usize) {
    report.section("A request with a known token and a DPoP proof");
    report.text("Beside the one signature verification that a proof needs. Each proof is new, and is recorded in the replay log.");
    report.table(&["algorithm", "", "ns", "of the signature", "over the signature, ns"]);
    for algorithm in ALGORITHMS {
        let results = race(contenders(algorithm, rounds), rounds, TURN);
        for result in &results {
            report.row(&[
                algorithm.name(),
                &result.name,
                &format!("{:.0}", result.nanos),
                &format!("{:.3}", result.ratio_to(&results[0])),
                &format!("{:.0}", result.over(&results[0])),
            ]);
        }
    }
}

/// Returns the signature of a proof and a request with one, for a race of this many rounds.
fn contenders(algorithm: Algorithm, rounds: usize) -> Vec<Contender> {
    // The fastest takes 20 µs, and a turn a millisecond.
    let (mut run, floor) = path(algorithm, 100 * rounds + 1_000);
    let run = Contender::each("a request with a proof", move || assert!(run(), "there are enough proofs"));
    vec![Contender::each("the signature", floor), run]
}

/// Returns the verification of the next proof in a request, and that of its signature only. Each can run `proofs` times.
pub fn path(algorithm: Algorithm, proofs: usize) -> (Box<dyn FnMut() -> bool>, Box<dyn FnMut()>) {
    let issuer = SigningKey::generate(Algorithm::ES256).expect("a key").with_kid("k");
    let device = SigningKey::generate(algorithm).expect("a key");
    let backend = Backend::compiled_in().expect("a back end");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a clock").as_secs();
    let sign = |key: &SigningKey, header: serde_json::Value, claims: serde_json::Value| {
        let encode = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", encode(header), encode(claims));
        let signature = key.sign(input.as_bytes()).expect("the key signs");
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    let claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "9f3a7c1e-5b1d-4f0e-8e0a-000000000000", "iat": now - 10, "exp": now + 3600,
        "scope": "openid profile email reports:read", "name": "Ada Lovelace", "email": "ada@example.org",
        "cnf": {"jkt": backend.thumbprint(&device.verification_key())},
    });
    let token = sign(&issuer, json!({"alg": "ES256", "typ": "at+jwt", "kid": "k"}), claims);
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
    let header = json!({"typ": "dpop+jwt", "alg": algorithm.name(), "jwk": device.public_jwk()});
    let proof = |number| {
        let claims = json!({
            "jti": format!("0b8f6a52-93ac-4f25-a1b5-{number:012}"), "htm": "GET",
            "htu": "https://api.example/reports", "iat": now, "ath": URL_SAFE_NO_PAD.encode(hash),
        });
        sign(&device, header.clone(), claims)
    };
    let proofs: Vec<String> = (0..proofs).map(proof).collect();
    let trusted = TrustedIssuer::new(ISSUER).audience(AUDIENCE).key(issuer.verification_key()).dpop_required();
    let verifier = Verifier::builder().issuer(trusted).dpop(Dpop::new(AUDIENCE)).build().expect("a verifier");
    let gate = Authenticator::from(verifier);
    let requests: Vec<BareRequest> = proofs
        .iter()
        .map(|proof| {
            let request = BareRequest::new("GET", "/reports?page=2").header("authorization", format!("DPoP {token}"));
            request.header("dpop", proof.as_str())
        })
        .collect();
    let next = Cell::new(0);
    let run = Box::new(move || {
        let request = &requests[next.replace(next.get() + 1)];
        gate.enter(request, &RequestState::missing("bench")).ready().is_some_and(|entered| entered.is_ok())
    });
    let floor = Stand::of_key(&device).floor_of_each(proofs.iter().map(String::as_str));
    (run, floor)
}
