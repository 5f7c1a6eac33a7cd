//! Tokens that this crate issues, verified by libraries of other languages from their registries.
//!
//! The libraries get the issuer's name, the audience and the address of the published keys, as other services would.

mod issuers;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use issuers::{Issuers, SUBJECT};

const PATIENCE: Duration = Duration::from_secs(120);

/// The outcomes of a library: for each issuer and token, the subject or the error.
type Outcomes = BTreeMap<String, BTreeMap<String, String>>;

/// The errors of a library, so that no token is refused for another reason than its flaw.
struct Library {
    name: &'static str,
    /// The algorithms that it accepts, if not all, and the error for the others.
    only: Option<(&'static [&'static str], &'static str)>,
    bad_signature: &'static [&'static str],
    expired: &'static str,
    wrong_audience: &'static str,
    wrong_issuer: &'static str,
    /// The error for a token that does not follow RFC 9068, if the library checks that.
    not_rfc_9068: Option<&'static str>,
}

const LIBRARIES: [Library; 5] = [
    Library {
        name: "PyJWT",
        only: None,
        bad_signature: &["InvalidSignatureError"],
        expired: "ExpiredSignatureError",
        wrong_audience: "InvalidAudienceError",
        wrong_issuer: "InvalidIssuerError",
        not_rfc_9068: None,
    },
    Library {
        name: "joserfc",
        only: None,
        bad_signature: &["BadSignatureError"],
        expired: "ExpiredTokenError",
        wrong_audience: "InvalidClaimError",
        wrong_issuer: "InvalidClaimError",
        not_rfc_9068: None,
    },
    Library {
        name: "Authlib",
        // Its validator passes no algorithms on, so they are the default ones of joserfc.
        only: Some((&["HS256", "RS256", "ES256"], "UnsupportedAlgorithmError")),
        bad_signature: &["BadSignatureError"],
        expired: "ExpiredTokenError",
        wrong_audience: "InvalidClaimError",
        wrong_issuer: "InvalidClaimError",
        not_rfc_9068: Some("InvalidClaimError"),
    },
    Library {
        name: "jose",
        only: None,
        bad_signature: &["ERR_JWS_SIGNATURE_VERIFICATION_FAILED"],
        expired: "ERR_JWT_EXPIRED",
        wrong_audience: "ERR_JWT_CLAIM_VALIDATION_FAILED",
        wrong_issuer: "ERR_JWT_CLAIM_VALIDATION_FAILED",
        not_rfc_9068: None,
    },
    Library {
        name: "express-oauth2-jwt-bearer",
        only: None,
        bad_signature: &["signature verification failed"],
        expired: r#""exp" claim timestamp check failed"#,
        wrong_audience: "Unexpected 'aud' value",
        wrong_issuer: "Unexpected 'iss' value",
        not_rfc_9068: Some("Unexpected 'typ' value"),
    },
];

impl Library {
    /// The error for every token of this algorithm, if the library does not accept it.
    fn refusal_of(&self, algorithm: &str) -> Option<&'static str> {
        self.only.filter(|(only, _)| !only.contains(&algorithm)).map(|(_, error)| error)
    }
}

/// Runs a program that verifies the tokens of these issuers.
async fn run(mut command: Command, hint: &str, issuers: &Value) -> BTreeMap<String, Outcomes> {
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = pipes.spawn().unwrap_or_else(|error| panic!("{hint}: {error}"));
    let mut input = child.stdin.take().expect("piped");
    input.write_all(issuers.to_string().as_bytes()).await.unwrap_or_else(|error| panic!("{hint}: {error}"));
    drop(input);
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("an end").expect("an output");
    assert!(output.status.success(), "{hint} {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("outcomes")
}

/// The outcomes of every library.
async fn verified(issuers: &Value) -> BTreeMap<String, Outcomes> {
    let folder = |name: &str| format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
    let mut script = Command::new(folder("python/venv/bin/python"));
    script.arg(folder("python/verify.py"));
    let mut outcomes = run(script, "is the environment in tests/python made, as CONTRIBUTING.md says?", issuers).await;
    let mut script = Command::new("node");
    script.arg(folder("node/verify.mjs"));
    outcomes.extend(run(script, "is `npm ci` done in tests/node?", issuers).await);
    assert_eq!(outcomes.len(), LIBRARIES.len());
    outcomes
}

#[tokio::test]
#[ignore = "needs node and python: see CONTRIBUTING.md"]
async fn every_library_accepts_good_tokens_of_every_algorithm_and_refuses_others_for_their_flaw() {
    let issuers = Issuers::start().await;
    let about = issuers.of_every_algorithm();
    let outcomes = verified(&about).await;
    for library in &LIBRARIES {
        for issuer in about.as_array().expect("a list") {
            let name = issuer["name"].as_str().expect("a name");
            let outcomes = &outcomes[library.name][name];
            for (case, seen) in outcomes {
                if let Some(error) = library.refusal_of(name) {
                    assert_eq!(seen, error, "{} {name} {case}", library.name);
                    continue;
                }
                let expected = match case.as_str() {
                    "good" | "several audiences" | "with other claims" => &[SUBJECT],
                    "changed claims" | "changed signature" | "another key" => library.bad_signature,
                    "expired" => &[library.expired],
                    "wrong audience" => &[library.wrong_audience],
                    "wrong issuer" => &[library.wrong_issuer],
                    "without client" => &[library.not_rfc_9068.unwrap_or(SUBJECT)],
                    other => panic!("{other}"),
                };
                assert!(expected.contains(&seen.as_str()), "{} {name} {case}: {seen}", library.name);
            }
            assert_eq!(outcomes.len(), 10, "{} {name}", library.name);
        }
    }
}

#[tokio::test]
#[ignore = "needs node and python: see CONTRIBUTING.md"]
async fn tokens_from_before_and_after_a_rotation_are_accepted_with_the_one_published_set() {
    let issuers = Issuers::start().await;
    let outcomes = verified(&issuers.rotated()).await;
    for library in &LIBRARIES {
        let outcomes = &outcomes[library.name]["rotated"];
        for algorithm in ["ES256", "RS256", "EdDSA"] {
            assert_eq!(outcomes[algorithm], library.refusal_of(algorithm).unwrap_or(SUBJECT), "{}", library.name);
        }
    }
}

#[tokio::test]
#[ignore = "needs node and python: see CONTRIBUTING.md"]
async fn an_ml_dsa_key_in_the_published_set_does_not_disturb_the_others() {
    let issuers = Issuers::start().await;
    let outcomes = verified(&issuers.post_quantum()).await;
    for library in &LIBRARIES {
        for set in ["whole", "classic"] {
            assert_eq!(outcomes[library.name][set]["good"], SUBJECT, "{} {set}", library.name);
        }
    }
}
