//! Section J, continued: stolen and misused refresh tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_core::issue::{MemorySessions, TokenPair};
use jwt_core::revocation::{MemoryRevocations, RevocationSettings};
use jwt_core::testing::ManualClock;
use jwt_core::{ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, ISSUER, NOW, sign_raw};
use jwt_tests::issuing::Shop;
use jwt_tests::setup::{KID, key};
use serde_json::{Value, json};

fn revocations() -> MemoryRevocations {
    MemoryRevocations::with_settings(RevocationSettings::new().clock(ManualClock::at(NOW)))
}

async fn login(shop: &Shop) -> TokenPair {
    shop.sessions.login("joe").scope(["a"]).start().await.expect("a session")
}

async fn refresh(shop: &Shop, token: &str) -> Result<TokenPair, ErrorKind> {
    let token = shop.sessions.verify(token).await.map_err(|error| error.kind())?;
    shop.sessions.refresh(&token).await.map_err(|error| error.kind())
}

fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

/// RFC 9700 section 4.14.2: no matter whether the thief or the owner comes second, the session ends for both, with all its tokens.
#[actix_web::test]
async fn j07_a_stolen_refresh_token_ends_the_session_for_both() {
    let list = revocations();
    let shop = Shop::with(MemorySessions::new(), |sessions| sessions.revocations(list.clone()));
    let application = Application::new(
        Verifier::builder()
            .issuer(shop.tokens.trusted())
            .clock(shop.clock.clone())
            .revocations(list)
            .build()
            .expect("a verifier"),
    );
    let stolen = login(&shop).await;
    let first = refresh(&shop, &stolen.refresh.token).await.expect("a pair");
    let first = refresh(&shop, &first.refresh.token).await.expect("a pair");
    let second = refresh(&shop, &stolen.refresh.token).await;
    assert_eq!(second.map(|_| ()), Err(ErrorKind::RefreshReused));
    assert_eq!(refresh(&shop, &first.refresh.token).await.map(|_| ()), Err(ErrorKind::SessionEnded));
    for access in [&stolen.access.token, &first.access.token] {
        let answer = application.send(&Ask::get("/me").bearer(access)).await;
        assert_eq!(answer, Answer::refused(ErrorKind::Revoked));
    }
    // The owner logs in again, and the thief has nothing.
    let again = login(&shop).await;
    assert_eq!(application.send(&Ask::get("/me").bearer(&again.access.token)).await.status, 200);
    assert!(refresh(&shop, &again.refresh.token).await.is_ok());
}

/// A token that was exchanged last may be repeated. The thief gets a copy of the owner's next token, and no parallel chain:
/// when both have used their copies, the session ends.
#[actix_web::test]
async fn j07_a_thief_who_repeats_the_last_exchange_is_detected_at_the_next_refresh() {
    for thief_first in [true, false] {
        let shop = Shop::usual();
        let stolen = login(&shop).await.refresh.token;
        let owner = refresh(&shop, &stolen).await.expect("a pair").refresh;
        shop.wait(3_600);
        let thief = refresh(&shop, &stolen).await.expect("a pair").refresh;
        assert_eq!(claims(&owner.token)["rotations"], claims(&thief.token)["rotations"]);
        assert_ne!(owner.jwt_id, thief.jwt_id);
        let (one, other) = if thief_first { (thief, owner) } else { (owner, thief) };
        let next = refresh(&shop, &one.token).await.expect("a pair");
        shop.wait(10);
        assert_eq!(refresh(&shop, &other.token).await.map(|_| ()), Err(ErrorKind::RefreshReused));
        assert_eq!(refresh(&shop, &next.refresh.token).await.map(|_| ()), Err(ErrorKind::SessionEnded));
    }
}

/// Only the issuer can make a newer token, so no client can pretend that the store has lost writes.
#[actix_web::test]
async fn j07_a_forged_number_of_rotations_is_refused() {
    let shop = Shop::usual();
    let pair = login(&shop).await;
    let mut forged = claims(&pair.refresh.token);
    forged["rotations"] = 7.into();
    let mut parts: Vec<&str> = pair.refresh.token.split('.').collect();
    let payload = URL_SAFE_NO_PAD.encode(forged.to_string());
    parts[1] = &payload;
    assert_eq!(refresh(&shop, &parts.join(".")).await.map(|_| ()), Err(ErrorKind::BadSignature));
    // Even with a good signature, a token without the number, or with another type of value, is refused.
    for wrong in [json!(null), json!("1"), json!(-1), json!(1.5), json!([1])] {
        forged["rotations"] = wrong.clone();
        let header = json!({"alg": "ES256", "kid": KID, "typ": "refresh+jwt"});
        let token = sign_raw(&key(), header.to_string(), forged.to_string());
        assert_eq!(refresh(&shop, &token).await.map(|_| ()), Err(ErrorKind::MissingClaim), "{wrong}");
    }
}

#[actix_web::test]
async fn j08_a_refresh_token_is_valid_only_for_its_session_client_and_scopes() {
    let shop = Shop::usual();
    let login = shop.sessions.login("joe").scope(["a", "b"]).client_id("web");
    let pair = login.start().await.expect("a session");
    let token = shop.sessions.verify(&pair.refresh.token).await.expect("good");
    for scope in [["a", "c"], ["admin", "a"], ["A", "b"], ["a b", "a"]] {
        let error = shop.sessions.refresh(&token).scope(scope).await.expect_err("more scopes than granted");
        assert_eq!(error.kind(), ErrorKind::InsufficientScope, "{scope:?}");
    }
    let error = shop.sessions.refresh(&token).client_id("other").await.expect_err("the token of another client");
    assert_eq!(error.kind(), ErrorKind::WrongClaim);
    shop.sessions.logout(&token).await.expect("an answer");
    assert_eq!(
        shop.send(&Ask::post("/refresh").bearer(&pair.refresh.token)).await,
        Answer::refused(ErrorKind::SessionEnded)
    );

    // Without the key, neither the claims nor the session can be changed.
    let pair = self::login(&shop).await;
    let other = shop.sessions.login("ann").start().await.expect("a session");
    let mut forged = claims(&pair.refresh.token);
    forged["sid"] = json!(other.session_id);
    let header = json!({"alg": "ES256", "kid": KID, "typ": "refresh+jwt"}).to_string();
    let signature = pair.refresh.token.rsplit('.').next().expect("a signature").to_owned();
    let by_nobody = sign_raw(&key(), &header, forged.to_string());
    let by_nobody = format!("{}.{signature}", by_nobody.rsplit_once('.').expect("segments").0);
    assert_eq!(shop.send(&Ask::post("/refresh").bearer(&by_nobody)).await, Answer::refused(ErrorKind::BadSignature));
    // Even with the key, a subject cannot reach another subject's session.
    let by_key = sign_raw(&key(), &header, forged.to_string());
    assert_eq!(shop.send(&Ask::post("/refresh").bearer(&by_key)).await, Answer::refused(ErrorKind::SessionEnded));
    assert!(refresh(&shop, &other.refresh.token).await.is_ok());
}

#[actix_web::test]
async fn j09_a_token_of_one_kind_is_never_accepted_as_another() {
    let shop = Shop::usual();
    let pair = login(&shop).await;
    let (access, refresh) = (claims(&pair.access.token), claims(&pair.refresh.token));
    let sign = |typ: Option<&str>, claims: &Value| {
        let mut header = json!({"alg": "ES256", "kid": KID});
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        sign_raw(&key(), header.to_string(), claims.to_string())
    };
    // The usual verifier of its own service refuses it by its type.
    for target in ["/refresh", "/my-refresh"] {
        assert_eq!(
            shop.send(&Ask::post(target).bearer(&pair.access.token)).await,
            Answer::refused(ErrorKind::WrongType)
        );
    }
    assert_eq!(shop.send(&Ask::get("/me").bearer(&pair.refresh.token)).await, Answer::refused(ErrorKind::WrongType));
    // With the other kind's type, it's refused by its audience.
    let as_access = sign(Some("at+jwt"), &refresh);
    assert_eq!(shop.send(&Ask::get("/me").bearer(&as_access)).await, Answer::refused(ErrorKind::WrongAudience));
    let as_refresh = sign(Some("refresh+jwt"), &access);
    assert_eq!(shop.send(&Ask::post("/refresh").bearer(&as_refresh)).await, Answer::refused(ErrorKind::WrongAudience));
    // With the other kind's audience too, it's refused by the claim `token_use`.
    let changed = |mut claims: Value, audience: &str| {
        claims["aud"] = audience.into();
        claims
    };
    let as_access = sign(Some("at+jwt"), &changed(refresh.clone(), AUDIENCE));
    assert_eq!(shop.send(&Ask::get("/me").bearer(&as_access)).await, Answer::refused(ErrorKind::WrongClaim));
    let as_refresh = sign(Some("refresh+jwt"), &changed(access.clone(), &format!("{ISSUER}#refresh")));
    assert_eq!(shop.send(&Ask::post("/refresh").bearer(&as_refresh)).await, Answer::refused(ErrorKind::WrongClaim));
    // A verifier of another service that checks neither the type nor the use.
    let issuer = TrustedIssuer::new(ISSUER).key(key().verification_key()).audience(AUDIENCE).audience(ISSUER);
    let elsewhere = Verifier::builder().issuer(issuer.token_types(["at+jwt", "refresh+jwt", "JWT"]));
    let elsewhere = elsewhere.clock(shop.clock.clone()).build().expect("a verifier");
    let error = elsewhere.verify(&pair.refresh.token).await.expect_err("a refresh token");
    assert_eq!(error.kind(), ErrorKind::WrongAudience);
    // A token without `token_use` is of no kind: nothing is assumed.
    for (typ, mut claims, ask) in [("at+jwt", access, Ask::get("/me")), ("refresh+jwt", refresh, Ask::post("/refresh"))]
    {
        claims.as_object_mut().expect("an object").remove("token_use");
        assert_eq!(shop.send(&ask.bearer(&sign(Some(typ), &claims))).await, Answer::refused(ErrorKind::WrongClaim));
    }
}

/// If the revocation list is full, the logout reports it and can be repeated. It never only seems to succeed, and the session
/// ends in any case.
#[actix_web::test]
async fn a_logout_that_fails_reports_the_failure() {
    let list = MemoryRevocations::with_settings(RevocationSettings::new().capacity(1).clock(ManualClock::at(NOW)));
    let shop = Shop::with(MemorySessions::new(), |sessions| sessions.revocations(list.clone()));
    let (one, other) = (login(&shop).await, login(&shop).await);
    let answer = shop.send_axum(&Ask::post("/logout").bearer(&one.access.token)).await;
    assert_eq!(answer.status, 204);
    for _ in 0..2 {
        let answer = shop.send(&Ask::post("/logout").bearer(&other.access.token)).await;
        assert_eq!(answer, Answer::unavailable(ErrorKind::SessionsUnavailable, 5));
    }
    assert_eq!(refresh(&shop, &other.refresh.token).await.map(|_| ()), Err(ErrorKind::SessionEnded));
}
