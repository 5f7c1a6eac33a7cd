//! Tokens that the issuer calls `at+jwt` follow RFC 9068; all others have another `typ`.

use jwt_core::BuildErrorKind;
use jwt_core::issue::{AccessToken, MemorySessions, Sessions, TokenIssuer, TokenIssuerBuilder};
use jwt_core::{ErrorKind, TrustedIssuer, Verifier};
use jwt_tests::forge::{AUDIENCE, ISSUER};
use jwt_tests::issuing::Shop;
use jwt_tests::setup::key;

fn builder(shop: &Shop) -> TokenIssuerBuilder {
    TokenIssuer::builder(ISSUER, shop.ring.clone()).audience(AUDIENCE)
}

fn token(access: AccessToken) -> String {
    access.issue().expect("a token").token
}

/// The verifier of another service, which only has the public key.
fn other_service(shop: &Shop, settings: impl FnOnce(TrustedIssuer) -> TrustedIssuer) -> Verifier {
    let issuer = settings(TrustedIssuer::new(ISSUER).key(key().verification_key()).audience(AUDIENCE));
    Verifier::builder().issuer(issuer).clock(shop.clock.clone()).build().expect("a verifier")
}

async fn outcome(verifier: &Verifier, token: &str) -> Result<Option<String>, ErrorKind> {
    let verified = verifier.verify(token).await.map_err(|error| error.kind())?;
    Ok(verified.token_type().map(str::to_owned))
}

#[tokio::test]
async fn a_token_with_a_client_is_accepted_by_the_profile_and_one_without_does_not_claim_to_follow_it() {
    let shop = Shop::usual();
    let profile = other_service(&shop, TrustedIssuer::access_token_profile);
    let lenient = other_service(&shop, |issuer| issuer);
    let with_client = builder(&shop).client_id("web").build().expect("an issuer");
    let of_rfc_9068 = [
        token(shop.tokens.access("joe").client_id("app")),
        token(with_client.access("joe")),
        token(with_client.access("joe").client_id("app").scope(["a"]).csrf().fresh()),
    ];
    for token in of_rfc_9068 {
        assert_eq!(outcome(&profile, &token).await, Ok(Some("at+jwt".to_owned())));
        assert_eq!(outcome(&shop.verifier, &token).await, Ok(Some("at+jwt".to_owned())));
    }
    let other = token(shop.tokens.access("joe"));
    assert_eq!(outcome(&profile, &other).await, Err(ErrorKind::WrongType));
    assert_eq!(outcome(&lenient, &other).await, Ok(Some("JWT".to_owned())));
    assert_eq!(outcome(&shop.verifier, &other).await, Ok(Some("JWT".to_owned())));
}

#[tokio::test]
async fn the_access_tokens_of_a_session_follow_the_profile_after_each_refresh() {
    let shop = Shop::usual();
    let profile = other_service(&shop, TrustedIssuer::access_token_profile);
    let issuer = builder(&shop).client_id("web").build().expect("an issuer");
    let sessions = Sessions::builder(issuer, MemorySessions::new()).build().expect("sessions");
    let mut pair = sessions.login("joe").start().await.expect("a session");
    for _ in 0..3 {
        assert_eq!(outcome(&profile, &pair.access.token).await, Ok(Some("at+jwt".to_owned())));
        assert_eq!(outcome(&profile, &pair.refresh.token).await, Err(ErrorKind::WrongType));
        let refresh = sessions.verify(&pair.refresh.token).await.expect("a good token");
        pair = sessions.refresh(&refresh).await.expect("a pair");
    }
}

#[tokio::test]
async fn the_type_of_every_token_can_be_chosen() {
    let shop = Shop::usual();
    for typ in ["JWT", "jwt", "at+jwt", "application/at+jwt", "shop+jwt"] {
        let issuer = builder(&shop).client_id("web").token_type(typ).build().expect("an issuer");
        let token = token(issuer.access("joe"));
        let only = other_service(&shop, |issuer| issuer.token_types([typ]));
        let trusted = Verifier::builder().issuer(issuer.trusted()).clock(shop.clock.clone());
        let trusted = trusted.build().expect("a verifier");
        assert_eq!(outcome(&only, &token).await, Ok(Some(typ.to_owned())));
        assert_eq!(outcome(&trusted, &token).await, Ok(Some(typ.to_owned())));
        let another = builder(&shop).client_id("web").token_type("other+jwt").build().expect("an issuer");
        let another = another.access("joe").issue().expect("a token").token;
        assert_eq!(outcome(&trusted, &another).await, Err(ErrorKind::WrongType), "{typ}");
    }
    // A verifier that accepts nothing but `JWT`.
    let issuer = builder(&shop).client_id("web").token_type("JWT").build().expect("an issuer");
    let only = other_service(&shop, |issuer| issuer.token_types(["JWT"]));
    assert_eq!(outcome(&only, &token(issuer.access("joe"))).await, Ok(Some("JWT".to_owned())));
}

#[test]
fn a_token_is_not_called_an_rfc_9068_one_if_it_has_no_client() {
    let shop = Shop::usual();
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        let issuer = builder(&shop).token_type(typ).build().expect("an issuer");
        let error = issuer.access("joe").issue().expect_err("no client");
        assert_eq!((error.kind(), error.setting()), (BuildErrorKind::Undecided, "client_id"), "{typ}");
        assert!(issuer.access("joe").client_id("app").issue().is_ok(), "{typ}");
    }
    let issuer = builder(&shop).token_type("JWT").build().expect("an issuer");
    assert!(issuer.access("joe").issue().is_ok());
}
