//! Vectors of the RFCs and of Project Wycheproof's `json_web_signature_test.json`, read from a folder beside the
//! repository.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::crypto::{Backend, PreparedKey};
use jwt_core::keys::{Key, KeySource, KeyTable, Lookup, Wanted};
use jwt_core::testing::BareRequest;
use jwt_core::testing::ManualClock;
use jwt_core::verify::Authenticator;
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer, Verifier};
use serde_json::{Map, Value};

const HMAC: [Algorithm; 3] = [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];

/// Reads a file of vectors from the folder that `JWT_VECTORS` names, or from `../shared/vectors` beside the repository.
fn vectors(path: &str) -> Value {
    let folder = std::env::var_os("JWT_VECTORS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/vectors"), PathBuf::from);
    let file = folder.join(path);
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn backends() -> [Backend; 2] {
    [Backend::aws_lc_rs(), Backend::rust_crypto()]
}

fn text<'v>(value: &'v Value, member: &str) -> &'v str {
    value[member].as_str().unwrap_or_else(|| panic!("no text `{member}` in {value}"))
}

fn list<'v>(value: &'v Value, member: &str) -> &'v [Value] {
    value[member].as_array().map_or(&[], Vec::as_slice)
}

/// The key as a verifier would get it: the RFCs print private keys, and only their public members are used.
fn public_key(jwk: &Value) -> Result<Key, jwt_core::keys::KeyError> {
    let mut jwk = jwk.clone();
    if let Some(members) = jwk.as_object_mut() {
        members.retain(|name, _| !["d", "p", "q", "dp", "dq", "qi", "oth"].contains(&name.as_str()));
    }
    let json = jwk.to_string();
    if jwk["kty"] == "oct" { Key::from_symmetric_jwk(&json) } else { Key::from_jwk(&json) }
}

/// An issuer with the settings of a vector. Everything that the vector leaves open isn't checked.
fn issuer(vector: &Value) -> TrustedIssuer {
    let policy = &vector["policy"];
    let mut issuer = match policy["iss"].as_str() {
        Some(name) => TrustedIssuer::new(name),
        None => TrustedIssuer::dangerous_any_issuer(),
    };
    issuer = match list(policy, "aud") {
        [] => issuer.dangerous_any_audience(),
        names => names.iter().fold(issuer, |issuer, name| issuer.audience(name.as_str().expect("text"))),
    };
    if let [_, ..] = list(policy, "typ") {
        issuer = issuer.token_types(list(policy, "typ").iter().map(|name| name.as_str().expect("text")));
    }
    if vector["key"]["kty"] == "oct" {
        issuer = issuer.algorithms(HMAC);
    }
    issuer.key(public_key(&vector["key"]).unwrap_or_else(|error| panic!("{}: {error}", vector["id"])))
}

/// The status and challenge of a request with the token, or `None` if it's accepted.
fn answer(verifier: &Verifier, token: &str) -> Option<(u16, String)> {
    let request = BareRequest::new("GET", "/").header("authorization", format!("Bearer {token}"));
    let answer = jwt_tests::gate::enter(&Authenticator::from(verifier.clone()), &request).err()?;
    Some((answer.status, answer.headers.into_iter().map(|(_, value)| value).collect()))
}

#[test]
#[ignore = "needs the vectors: see CONTRIBUTING.md"]
fn the_tokens_of_the_rfcs_are_answered_as_the_rfcs_say() {
    let vectors = vectors("rfc/bearer_vectors.json");
    // Counts of accepted, accepted only with leeway, and rejected vectors: each by two back ends.
    let mut outcomes = [0; 3];
    for (vector, backend) in
        vectors.as_array().expect("an array").iter().flat_map(|vector| backends().map(|backend| (vector, backend)))
    {
        let case = format!("{} with {}", vector["id"], backend.name());
        let accepted_with = |leeway: u64| {
            let verifier = Verifier::builder()
                .issuer(issuer(vector))
                .clock(ManualClock::at(vector["now"].as_u64().expect("a time")))
                .leeway(Duration::from_secs(leeway))
                .crypto(backend)
                .build()
                .unwrap_or_else(|error| panic!("{case}: {error}"));
            match answer(&verifier, text(vector, "token")) {
                None => true,
                Some((status, challenge)) => {
                    let error = |code: &str| challenge.contains(&format!("error=\"{code}\""));
                    let (invalid_token, invalid_request) = (error("invalid_token"), error("invalid_request"));
                    match vector["error"].as_str() {
                        // Its payload is not encoded and contains a "$", which no credentials may contain. RFC 6750
                        // sections 2.1 and 3.1 call that a malformed request rather than an invalid token.
                        _ if vector["id"] == "rfc7797-4.2-b64false" => {
                            assert_eq!((status, invalid_request), (400, true), "{case}: {challenge}");
                        }
                        Some("invalid_token") | None => {
                            assert_eq!((status, invalid_token), (401, true), "{case}: {challenge}");
                        }
                        Some("invalid_request_or_token") => {
                            let fits = (status == 400 && invalid_request) || (status == 401 && invalid_token);
                            assert!(fits, "{case}: {status} {challenge}");
                        }
                        Some(other) => panic!("{case}: unknown error {other}"),
                    }
                    false
                }
            }
        };
        let (strict, lenient) = (accepted_with(0), accepted_with(60));
        let (outcome, fits) = match text(vector, "bearer") {
            "accept" => (0, strict && lenient),
            "accept_with_leeway_60" => (1, !strict && lenient),
            "reject_even_with_leeway_60" => (2, !strict && !lenient),
            "reject" => (2, !strict),
            other => panic!("{case}: unknown outcome {other}"),
        };
        assert!(fits, "{case}: accepted {strict}, with leeway {lenient}");
        outcomes[outcome] += 1;
    }
    assert_eq!(outcomes, [6, 2, 86]);
}

#[test]
#[ignore = "needs the vectors: see CONTRIBUTING.md"]
fn the_signatures_of_the_rfcs_verify() {
    let vectors = vectors("rfc/bearer_vectors.json");
    let mut counted = 0;
    for vector in vectors.as_array().expect("an array") {
        let expected = match vector["signature"].as_str() {
            Some("valid") => true,
            Some("invalid") => false,
            _ => continue,
        };
        if text(vector, "token").starts_with('{') {
            continue;
        }
        let key = public_key(&vector["key"]).expect("a vetted key");
        for backend in backends() {
            let verified = is_signed(text(vector, "token"), &key, backend);
            assert_eq!(verified, expected, "{} with {}", vector["id"], backend.name());
        }
        counted += 1;
    }
    assert_eq!(counted, 23);
}

#[test]
#[ignore = "needs the vectors: see CONTRIBUTING.md"]
fn thumbprints_are_those_of_the_rfcs() {
    let vectors = vectors("rfc/thumbprints.json");
    let vectors = vectors.as_array().expect("an array");
    for vector in vectors {
        let key = public_key(&vector["jwk"]).expect("a vetted key");
        for backend in backends() {
            let thumbprint = backend.thumbprint(&key);
            assert_eq!(thumbprint.as_deref(), vector["thumbprint"].as_str(), "{} {}", vector["id"], backend.name());
        }
    }
    assert_eq!(vectors.len(), 3);
}

#[test]
#[ignore = "needs the vectors: see CONTRIBUTING.md"]
fn a_proof_of_possession_is_not_accepted_as_a_bearer_token() {
    let vectors = vectors("rfc/dpop.json");
    let proofs = list(&vectors, "proofs");
    for (proof, backend) in proofs.iter().flat_map(|proof| backends().map(|backend| (proof, backend))) {
        let key = public_key(&proof["header"]["jwk"]).expect("a vetted key");
        assert!(is_signed(text(proof, "proof"), &key, backend), "the proof's key verifies it");
        // The right key, with every optional check turned off.
        let issuer = TrustedIssuer::dangerous_any_issuer().dangerous_any_audience().dangerous_without_expiry().key(key);
        let verifier = Verifier::builder()
            .issuer(issuer)
            .clock(ManualClock::at(proof["claims"]["iat"].as_u64().expect("a time")))
            .crypto(backend)
            .build()
            .expect("a verifier");
        let error = verify(&verifier, text(proof, "proof")).expect_err("a proof");
        assert_eq!(error, ErrorKind::WrongType);
        let opaque = text(&vectors["resource_request"], "access_token");
        assert_eq!(answer(&verifier, opaque).map(|(status, _)| status), Some(401));
    }
    assert_eq!(proofs.len(), 3);
}

fn verify(verifier: &Verifier, token: &str) -> Result<(), ErrorKind> {
    let outcome = verifier.verify_step(token, None).ready().expect("a key that's available isn't waited for");
    outcome.map(drop).map_err(|error| error.kind())
}

/// The corrected result of a vector.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Label {
    Accept,
    Reject,
    Skip,
}

#[test]
#[ignore = "needs the vectors: see CONTRIBUTING.md"]
fn the_wycheproof_web_signatures_are_verified_as_labelled() {
    let overrides = vectors("wycheproof/overrides.json");
    let corrected = |id: &Value| {
        let corrections = list(&overrides, "json_web_signature_test.json");
        let correction = corrections.iter().find(|correction| list(correction, "tcIds").contains(id));
        correction.map(|correction| match text(correction, "use") {
            "skip" => Label::Skip,
            // A "policy" vector has a key that names another algorithm than its token: such a key isn't used.
            "expect_reject" | "policy" => Label::Reject,
            other => panic!("unknown correction {other}"),
        })
    };
    let vectors = vectors("wycheproof/json_web_signature_test.json");
    let mut counted = [0; 3];
    for group in list(&vectors, "testGroups") {
        let jwk = if group["public"].is_object() { &group["public"] } else { &group["private"] };
        // A key that fails the checks verifies nothing.
        let key = public_key(jwk);
        for test in list(group, "tests") {
            let label = match test["result"].as_str() {
                Some("valid") => Label::Accept,
                Some("invalid") => Label::Reject,
                other => panic!("unknown label {other:?}"),
            };
            let label = corrected(&test["tcId"]).unwrap_or(label);
            counted[label as usize] += 1;
            for backend in backends() {
                let accepted = key.as_ref().is_ok_and(|key| is_signed(text(test, "jws"), key, backend));
                let case = format!("{} {} with {}", test["tcId"], test["comment"], backend.name());
                assert!(label == Label::Skip || accepted == (label == Label::Accept), "{case}: {accepted}");
            }
        }
    }
    // Accepted, rejected, skipped.
    assert_eq!(counted, [40, 359, 2]);
}

/// Whether a key signed a JWS, by the letter of RFC 7515 section 5.2, with any payload.
fn is_signed(jws: &str, key: &Key, backend: Backend) -> bool {
    try_signed(jws, key, backend).unwrap_or(false)
}

fn try_signed(jws: &str, key: &Key, backend: Backend) -> Option<bool> {
    let [header, payload, signature] = jws.split('.').collect::<Vec<_>>().try_into().ok()?;
    let decode = |segment: &str| URL_SAFE_NO_PAD.decode(segment).ok();
    let members: Map<String, Value> = serde_json::from_slice(&decode(header)?).ok()?;
    decode(payload)?;
    if members.contains_key("crit") || members.contains_key("b64") {
        return None;
    }
    let algorithm = members.get("alg")?.as_str()?.parse().ok()?;
    let prepared: Arc<PreparedKey> =
        match KeyTable::prepare(backend, [key], &[algorithm]).find_key(&Wanted::new(None, algorithm)) {
            Lookup::Ready(prepared) => prepared,
            _ => return None,
        };
    let input = &jws[..header.len() + 1 + payload.len()];
    Some(prepared.algorithm() == algorithm && prepared.verify(input.as_bytes(), &decode(signature)?))
}
