//! The checks of a DPoP proof (RFC 9449 section 4.3), each with a proof that fails only that one.

use jwt_core::proof::Dpop;
use jwt_core::{Algorithm, ErrorKind};
use jwt_tests::adapter::{Adapter, Application};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{Forge, NOW};
use jwt_tests::proof::{BASE, Device, token_hash};
use jwt_tests::setup::{behind, issuer, key_of, trusting};
use serde_json::{Value, json};

fn application() -> Application {
    behind(trusting(issuer().dpop_required()).dpop(Dpop::new(BASE)))
}

/// Sends the proof, and afterwards a good one with the same `jti`: a refused proof uses up no `jti`.
async fn refused(application: &Application, device: &Device, token: &str, proof: &Forge, kind: ErrorKind, case: &str) {
    let answer = application.send(&Ask::get("/user").dpop(token, &proof.sign())).await;
    assert_eq!(answer.code, Some(kind.code()), "{case}");
    assert_eq!(answer.status, 401, "{case}");
    let Some(id) = proof.claims.get("jti").filter(|id| id.as_str().is_some_and(|id| (1..=512).contains(&id.len())))
    else {
        return;
    };
    // Only one adapter can use it.
    let again = device.proof("GET", "/user", token).claim("jti", id.clone()).sign();
    let answer = Adapter::Axum.send(application, &Ask::get("/user").dpop(token, &again)).await;
    assert_eq!(answer, Answer::text("Ada"), "{case}: the `jti` was used up");
}

#[actix_web::test]
async fn each_check_refuses_a_proof_that_fails_it() {
    let (application, device) = (application(), Device::default());
    let token = device.good().sign();
    let good = || device.proof("GET", "/user", &token);
    let private: Value = serde_json::from_str(&device.key.export_private_jwk().expect("a private key")).expect("JSON");
    let mut half_private = good().header["jwk"].clone();
    half_private["d"] = json!("x");
    for (case, proof) in [
        ("typ missing", good().without_header("typ")),
        ("typ of a token", good().header("typ", "JWT")),
        ("typ of another number", good().header("typ", 5)),
        ("alg none", good().header("alg", "none")),
        ("alg missing", good().without_header("alg")),
        ("alg of a MAC", good().header("alg", "HS256")),
        ("alg of another family", good().header("alg", "RS256")),
        ("alg of another curve", good().header("alg", "ES384")),
        ("crit", good().header("crit", json!(["x"]))),
        ("b64", good().header("b64", false)),
        ("jwk missing", good().without_header("jwk")),
        ("jwk as text", good().header("jwk", "x")),
        ("jwk empty", good().header("jwk", json!({}))),
        ("jwk private", good().header("jwk", private)),
        ("jwk with a private member", good().header("jwk", half_private)),
        (
            "jwk symmetric",
            good().header("jwk", json!({"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"})),
        ),
        ("jwk for encryption", {
            let mut jwk = good().header["jwk"].clone();
            jwk["use"] = json!("enc");
            good().header("jwk", jwk)
        }),
        ("jti missing", good().without("jti")),
        ("jti empty", good().claim("jti", "")),
        ("jti a number", good().claim("jti", 5)),
        ("htm missing", good().without("htm")),
        ("htm of another method", good().claim("htm", "POST")),
        ("htm in lower case", good().claim("htm", "get")),
        ("htm null", good().claim("htm", Value::Null)),
        ("htu missing", good().without("htu")),
        ("htu of another path", good().claim("htu", format!("{BASE}/me"))),
        ("htu of another host", good().claim("htu", "https://other.example/user")),
        ("htu of another scheme", good().claim("htu", "http://api.example/user")),
        ("htu of another port", good().claim("htu", "https://api.example:8443/user")),
        ("htu with a query", good().claim("htu", format!("{BASE}/user?a=b"))),
        ("htu with a fragment", good().claim("htu", format!("{BASE}/user#a"))),
        ("htu relative", good().claim("htu", "/user")),
        ("htu a list", good().claim("htu", json!([format!("{BASE}/user")]))),
        ("iat missing", good().without("iat")),
        ("iat as text", good().claim("iat", NOW.to_string())),
        ("iat null", good().claim("iat", Value::Null)),
        ("iat too far ahead", good().claim("iat", NOW + 11)),
        ("iat too old", good().claim("iat", NOW - 61)),
        ("iat too old by a fraction", good().claim("iat", NOW as f64 - 60.5)),
        ("iat before 1970", good().claim("iat", -5)),
        ("expired", good().claim("exp", NOW - 11)),
        ("not yet valid", good().claim("nbf", NOW + 11)),
        ("ath missing", good().without("ath")),
        ("ath of another token", good().claim("ath", token_hash("another"))),
        ("ath padded", good().claim("ath", format!("{}=", token_hash(&token)))),
        ("ath is the token", good().claim("ath", token.as_str())),
        ("nonce of the wrong type", good().claim("nonce", 5)),
    ] {
        refused(&application, &device, &token, &proof, ErrorKind::InvalidProof, case).await;
    }
    let (input, _) =
        good().sign().rsplit_once('.').map(|(input, end)| (input.to_owned(), end.to_owned())).expect("segments");
    for (case, proof) in [
        ("no proof at all", String::new()),
        ("not a JWS", "x".to_owned()),
        ("two segments", input.clone()),
        ("no signature", format!("{input}.")),
        ("a signature of zeros", format!("{input}.{}", "A".repeat(86))),
        ("padding", format!("{}=", good().sign())),
        ("white space", format!("{} x", good().sign())),
        ("two in one header", format!("{}, {}", good().sign(), good().sign())),
        ("too long", format!("{input}.{}", "A".repeat(17 * 1024))),
        ("a payload that isn't JSON", good().sign_payload("x")),
        (
            "a name twice",
            good().sign_payload(format!(
                r#"{{"jti":"a","jti":"a","htm":"GET","htu":"{BASE}/user","iat":{NOW},"ath":"{}"}}"#,
                token_hash(&token)
            )),
        ),
    ] {
        let answer = application.send(&Ask::get("/user").dpop(&token, &proof)).await;
        assert_eq!((answer.status, answer.code), (401, Some("invalid_dpop_proof")), "{case}");
    }
}

#[actix_web::test]
async fn a_proof_by_another_key_is_refused_even_with_that_keys_header() {
    let (application, device, thief) = (application(), Device::default(), Device::default());
    let token = device.good().sign();
    let proof = thief.proof("GET", "/user", &token);
    refused(&application, &device, &token, &proof, ErrorKind::WrongProofKey, "the thief's key").await;
    // The thief's signature under the client's key: before that is remembered, and afterwards.
    for case in ["the client's header", "a remembered header"] {
        let mut forged = thief.proof("GET", "/user", &token);
        forged.header = device.proof("GET", "/user", &token).header;
        refused(&application, &device, &token, &forged, ErrorKind::InvalidProof, case).await;
    }
}

/// The header of an accepted proof is remembered with its key. One that differs in a byte is checked like any other.
#[actix_web::test]
async fn a_remembered_header_is_compared_to_the_last_byte() {
    for algorithm in [Algorithm::ES256, Algorithm::MlDsa44] {
        let (application, device, other) = (application(), Device::new(algorithm), Device::new(algorithm));
        let token = device.good().sign();
        let good = || device.proof("GET", "/user", &token);
        let with_jwk = |name: &str, value: Value| {
            let mut jwk = good().header["jwk"].clone();
            jwk[name] = value;
            good().header("jwk", jwk)
        };
        let accepted = || async {
            assert_eq!(
                application.send_new(|| Ask::get("/user").dpop(&token, &good().sign())).await,
                Answer::text("Ada")
            );
        };
        // All of them are signed by the client's key.
        for (case, proof, kind) in [
            ("a type of the same length", good().header("typ", "dpop+jwu"), ErrorKind::InvalidProof),
            ("an algorithm of the same length", good().header("alg", "ES384"), ErrorKind::InvalidProof),
            ("a private member", with_jwk("d", json!("x")), ErrorKind::InvalidProof),
            ("a private member of AKP", with_jwk("priv", json!("x")), ErrorKind::InvalidProof),
            (
                "another key",
                good().header("jwk", other.proof("GET", "/", "").header["jwk"].clone()),
                ErrorKind::WrongProofKey,
            ),
            ("no key", good().without_header("jwk"), ErrorKind::InvalidProof),
            ("a critical member", good().header("crit", json!(["x"])), ErrorKind::InvalidProof),
        ] {
            accepted().await;
            refused(&application, &device, &token, &proof, kind, &format!("{algorithm}: {case}")).await;
        }
        let header = good().sign().find('.').expect("segments");
        for at in (0..header).step_by(header / 40).chain([header - 1, header]) {
            accepted().await;
            let mut changed = good().sign().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("text");
            let answer = application.send(&Ask::get("/user").dpop(&token, &changed)).await;
            let codes = [ErrorKind::InvalidProof.code(), ErrorKind::WrongProofKey.code()];
            assert!(answer.status == 401 && answer.code.is_some_and(|code| codes.contains(&code)), "{algorithm} {at}");
        }
        // A header that is written differently is another one, and means the same.
        for _ in 0..2 {
            let ask = || Ask::get("/user").dpop(&token, &good().header("x", "y").sign());
            assert_eq!(application.send_new(ask).await, Answer::text("Ada"), "{algorithm}");
        }
        accepted().await;
    }
}

#[actix_web::test]
async fn what_the_rfc_leaves_open_is_accepted() {
    let (application, device) = (application(), Device::default());
    let token = device.good().sign();
    let good = || device.proof("GET", "/user", &token);
    for (case, proof) in [
        ("typ with its prefix", &(|| good().header("typ", "application/dpop+jwt")) as &dyn Fn() -> Forge),
        ("typ in upper case", &|| good().header("typ", "DPOP+JWT")),
        ("other members", &|| good().header("kid", "a").header("x", 1).claim("x", json!({"y": 1}))),
        ("a nonce that nobody asked for", &|| good().claim("nonce", "n")),
        ("htu in another form", &|| good().claim("htu", "HTTPS://API.example:443/./us%65r")),
        ("jwk with other members", &|| {
            let mut jwk = good().header["jwk"].clone();
            jwk["kid"] = json!("a");
            jwk["key_ops"] = json!(["verify"]);
            jwk["ext"] = json!(true);
            good().header("jwk", jwk)
        }),
    ] {
        let answer = application.send_new(|| Ask::get("/user?page=2").dpop(&token, &proof().sign())).await;
        assert_eq!(answer, Answer::text("Ada"), "{case}");
    }
}

/// Sends a changed proof, each time by another client. Returns the code of the refusal, if there is one.
async fn outcome(application: &Application, change: impl Fn(Forge) -> Forge) -> Option<&'static str> {
    let ask = || {
        let device = Device::default();
        let token = device.good().sign();
        Ask::get("/user").dpop(&token, &change(device.proof("GET", "/user", &token)).sign())
    };
    application.send_new(ask).await.code
}

#[actix_web::test]
async fn the_clock_of_a_client_may_be_wrong_by_seconds_and_may_show_fractions() {
    let application = application();
    for iat in [NOW + 10, NOW + 3, NOW - 10, NOW - 60] {
        assert_eq!(outcome(&application, |proof| proof.claim("iat", iat)).await, None, "{iat}");
    }
    for (iat, expected) in [(9.75, None), (10.25, Some("invalid_dpop_proof")), (-10.25, None), (-59.75, None)] {
        let iat = NOW as f64 + iat;
        assert_eq!(outcome(&application, |proof| proof.claim("iat", iat)).await, expected, "{iat}");
    }
}

#[actix_web::test]
async fn a_proof_needs_no_exp_and_one_that_is_there_counts() {
    let application = application();
    assert_eq!(outcome(&application, |proof| proof.without("exp").without("nbf")).await, None);
    for (exp, expected) in [(NOW + 60, None), (NOW - 9, None), (NOW - 10, Some("invalid_dpop_proof"))] {
        assert_eq!(outcome(&application, |proof| proof.claim("exp", exp)).await, expected, "{exp}");
    }
}

#[actix_web::test]
async fn a_jti_has_at_most_512_bytes() {
    let application = application();
    for (jti, expected) in [("j".repeat(512), None), ("j".repeat(513), Some("invalid_dpop_proof"))] {
        assert_eq!(outcome(&application, |proof| proof.claim("jti", jti.as_str())).await, expected, "{}", jti.len());
    }
    let two_bytes = "\u{e9}".repeat(257);
    let code = outcome(&application, |proof| proof.claim("jti", two_bytes.as_str())).await;
    assert_eq!(code, Some("invalid_dpop_proof"), "bytes, not characters");
}

#[actix_web::test]
async fn a_request_with_two_proofs_is_refused_and_uses_up_neither() {
    let (application, device) = (application(), Device::default());
    let token = device.good().sign();
    let one = device.proof("GET", "/user", &token).sign();
    for other in [one.clone(), device.proof("GET", "/user", &token).sign(), String::new()] {
        for (first, second) in [(&one, &other), (&other, &one)] {
            let ask = Ask::get("/user").dpop(&token, first).header("dpop", second);
            assert_eq!(application.send(&ask).await.code, Some("invalid_dpop_proof"), "{second}");
        }
        if !other.is_empty() && other != one {
            let ask = Ask::get("/user").dpop(&token, &other);
            assert_eq!(Adapter::Actix.send(&application, &ask).await, Answer::text("Ada"));
        }
    }
    assert_eq!(Adapter::Axum.send(&application, &Ask::get("/user").dpop(&token, &one)).await, Answer::text("Ada"));
}

#[actix_web::test]
async fn a_proof_for_another_token_uses_up_no_jti() {
    let (application, device) = (application(), Device::default());
    let (token, other) = (device.good().sign(), device.good().claim("jti", "another").sign());
    let stolen = device.proof("GET", "/user", &other).claim("jti", "once");
    for _ in 0..2 {
        let answer = application.send(&Ask::get("/user").dpop(&token, &stolen.sign())).await;
        assert_eq!(answer.code, Some("invalid_dpop_proof"));
    }
    let answer = Adapter::Axum.send(&application, &Ask::get("/user").dpop(&other, &stolen.sign())).await;
    assert_eq!(answer, Answer::text("Ada"), "the request that the proof is for");
}

#[actix_web::test]
async fn a_proof_is_for_its_method() {
    let (application, device) = (application(), Device::default());
    let token = device.good().sign();
    for (claimed, expected) in [("POST", 200), ("GET", 401)] {
        let answer = application
            .send_new(|| Ask::post("/echo").body("x").dpop(&token, &device.proof(claimed, "/echo", &token).sign()))
            .await;
        assert_eq!(answer.status, expected, "{claimed}");
    }
}

#[actix_web::test]
async fn proofs_of_every_algorithm_are_accepted() {
    let application = application();
    for &algorithm in Algorithm::ALL.iter().filter(|algorithm| !algorithm.is_symmetric()) {
        let device = Device { key: key_of(algorithm) };
        for round in 0..2 {
            assert_eq!(application.send_new(|| device.get("/user")).await, Answer::text("Ada"), "{algorithm} {round}");
        }
    }
}

/// `priv` is the private member of ML-DSA keys, and `d` that of all others.
#[actix_web::test]
async fn the_private_member_of_an_akp_key_is_seen() {
    let (application, device) = (application(), Device { key: key_of(Algorithm::MlDsa44) });
    let token = device.good().sign();
    let private: Value = serde_json::from_str(&device.key.export_private_jwk().expect("a private key")).expect("JSON");
    assert!(private.get("priv").is_some());
    let proof = device.proof("GET", "/user", &token).header("jwk", private);
    refused(&application, &device, &token, &proof, ErrorKind::InvalidProof, "priv").await;
}

#[actix_web::test]
async fn only_allowed_algorithms_are_accepted() {
    let dpop = Dpop::new(BASE).algorithms([Algorithm::ES256]);
    let application = behind(trusting(issuer().dpop_required()).dpop(dpop));
    assert_eq!(application.send_new(|| Device::default().get("/user")).await, Answer::text("Ada"));
    let answer = application.send_new(|| Device::new(Algorithm::Ed25519).get("/user")).await;
    assert_eq!(answer.code, Some("invalid_dpop_proof"));
    assert_eq!(
        answer.header("www-authenticate"),
        Some(r#"DPoP realm="api", error="invalid_dpop_proof", algs="ES256""#)
    );
}
