//! Section L: configuration and language pitfalls.

use std::time::Duration;

use jwt_core::BuildErrorKind;
use jwt_core::crypto::Backend;
use jwt_core::jsonwebtoken_12::DecodingKey;
use jwt_core::jsonwebtoken_12::crypto::{CryptoProvider, KeyUtils};
use jwt_core::keys::Key;
use jwt_core::testing::ManualClock;
use jwt_core::{Algorithm, ErrorKind};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{Forge, NOW};
use jwt_tests::setup::{application, behind, builder, good, issuer, key_of, keyless, trusting};
use serde_json::json;

use crate::target::Target;

#[actix_web::test]
async fn l01_two_back_ends_in_one_program_do_not_conflict() {
    for backend in [Backend::aws_lc_rs(), Backend::rust_crypto()] {
        for &algorithm in Algorithm::ALL {
            let key = key_of(algorithm);
            let target = Target(behind(trusting(keyless().key(key.verification_key())).crypto(backend)));
            target.accepts(&Forge::new(&key).sign(), &format!("{algorithm} {backend:?}")).await;
        }
    }
    Target::usual().accepts(&good().sign(), "no back end is configured").await;
}

#[actix_web::test]
async fn l02_the_process_wide_crypto_provider_is_neither_set_nor_read() {
    static THEIRS: CryptoProvider = CryptoProvider {
        signer_factory: |_, _| panic!("asked to sign"),
        verifier_factory: |_, _| panic!("asked to verify"),
        key_utils: KeyUtils::new_unimplemented(),
    };
    Target::usual().accepts(&good().sign(), "before").await;
    assert!(THEIRS.install_default().is_ok(), "no provider was installed before");
    let theirs = DecodingKey::from_secret(&[7; 32]).expect("not empty");
    let key = Key::try_from((Algorithm::HS256, &theirs)).expect("long enough");
    let target = Target::trusting(issuer().key(key));
    target.accepts(&good().sign(), "after").await;
}

#[actix_web::test]
async fn l03_the_time_comes_from_the_configured_clock() {
    let clock = ManualClock::at(NOW);
    let target = Target(behind(builder().clock(clock.clone())));
    let token = good().sign();
    target.accepts(&token, "now").await;
    clock.advance(Duration::from_secs(359));
    target.accepts(&token, "the last second").await;
    clock.advance(Duration::from_secs(1));
    target.refuses(&token, ErrorKind::Expired, "a second later").await;
    clock.set(Duration::from_secs(NOW - 61));
    target.refuses(&token, ErrorKind::NotYetValid, "before").await;
    clock.set(Duration::ZERO);
    target.refuses(&token, ErrorKind::NotYetValid, "1970").await;
    clock.set(Duration::MAX);
    target.refuses(&token, ErrorKind::Expired, "the end of time").await;
}

#[actix_web::test]
async fn l04_a_leeway_above_minutes_is_refused_and_nothing_overflows() {
    for leeway in
        [Duration::from_millis(300_001), Duration::from_secs(3600), Duration::from_secs(u64::MAX), Duration::MAX]
    {
        let error = builder().leeway(leeway).build().expect_err("too much");
        assert_eq!((error.kind(), error.setting()), (BuildErrorKind::OutOfRange, "leeway"));
    }
    for endless in [Duration::from_secs(u64::MAX), Duration::MAX] {
        let issuer = issuer().max_age(endless).max_lifetime(endless);
        let target = Target(behind(trusting(issuer).leeway(Duration::from_secs(300))));
        target.accepts(&good().sign(), "without a limit").await;
        target
            .accepts(&good().claim("iat", -253_402_300_799_i64).claim("exp", 253_402_300_799_i64).sign(), "far")
            .await;
        target.refuses(&good().claim("exp", -253_402_300_799_i64).sign(), ErrorKind::Expired, "long ago").await;
    }
}

#[actix_web::test]
async fn l05_any_claim_can_be_required() {
    for name in ["jti ", "JTI", "tenant", "https://claims.example/roles", "a.b", "\u{e9}"] {
        let target = Target::trusting(issuer().require_claims([name]));
        target.refuses(&good().sign(), ErrorKind::MissingClaim, name).await;
        target.refuses(&good().claim(name, "").sign(), ErrorKind::MissingClaim, name).await;
        target.accepts(&good().claim(name, "x").sign(), name).await;
    }
    let error = trusting(issuer().require_claims([""])).build().expect_err("no name");
    assert_eq!((error.kind(), error.setting()), (BuildErrorKind::Empty, "require_claims"));
}

#[actix_web::test]
async fn l07_a_claims_type_is_deserialized_only_from_an_object() {
    #[derive(serde::Deserialize)]
    struct Positional(#[expect(dead_code, reason = "only its form matters")] String);

    let verifier = builder().build().expect("a verifier");
    let array = good().sign_payload(json!(["Ada"]).to_string());
    assert_eq!(verifier.verify(&array).await.expect_err("an array").kind(), ErrorKind::MalformedClaims);
    let answer = application().send(&Ask::get("/user").bearer(&array)).await;
    assert_eq!(answer, Answer::refused(ErrorKind::MalformedClaims));
    let verified = verifier.verify(&good().sign()).await.expect("good");
    for outcome in [
        verified.claims::<Positional>().map(drop),
        verified.claims::<(String, u64)>().map(drop),
        verified.claims::<Vec<String>>().map(drop),
        verified.claims::<String>().map(drop),
        verified.claims::<()>().map(drop),
    ] {
        assert_eq!(outcome.expect_err("no object").kind(), ErrorKind::ClaimsMismatch);
    }
}

#[actix_web::test]
async fn l08_both_adapters_answer_every_route_alike() {
    let token = good().sign();
    let asks = |route: &str| {
        [
            Ask::get(route),
            Ask::get(route).bearer(&token),
            Ask::get(route).bearer(&good().claim("exp", 1).sign()),
            Ask::get(route).bearer(&good().claim("name", 5).sign()),
            Ask::get(route).bearer(&good().without("scope").sign()),
            Ask::get(route).bearer(""),
            Ask::get(route).bearer("a.b.c"),
            Ask::get(route).bearer(&token).bearer(&token),
            Ask::get(route).header("authorization", b"Bearer \xff"),
            Ask::get(format!("{route}?access_token={token}")),
        ]
    };
    for route in [
        "/me",
        "/user",
        "/both",
        "/number",
        "/verified",
        "/no-store",
        "/reports",
        "/optional",
        "/optional-me",
        "/optional-reports",
        "/lenient",
        "/public",
        "/bare",
        "/bare-optional",
        "/bare-verified",
        "/bare-require",
    ] {
        for ask in asks(route) {
            // `send` compares the two responses.
            application().send(&ask).await;
        }
    }
}

#[actix_web::test]
async fn l09_without_its_layer_a_handler_rejects_every_request() {
    for route in ["/bare", "/bare-optional", "/bare-shared", "/bare-verified", "/bare-require"] {
        for ask in [Ask::get(route), Ask::get(route).bearer(&good().sign()), Ask::get(route).bearer("a")] {
            assert_eq!(application().send(&ask).await, Answer::misuse(), "{route}");
        }
    }
}

#[test]
fn l10_the_jsonwebtoken_version_has_no_known_vulnerability() {
    let lock = include_str!("../../../Cargo.lock");
    let versions: Vec<(u32, u32)> = lock
        .split("name = \"jsonwebtoken\"\nversion = \"")
        .skip(1)
        .filter_map(|rest| {
            let mut numbers = rest.split(['.', '"']).map(str::parse);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        })
        .collect();
    assert!(!versions.is_empty() && versions.iter().all(|&version| version >= (11, 1)), "{versions:?}");
}
