//! Section G: key sets and discovery, as far as they can be tested without a network.

use actix_web::rt::spawn;
use jwt_core::BuildErrorKind;
use jwt_core::{ErrorKind, TrustedIssuer};
use jwt_tests::adapter::Adapter;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::{AUDIENCE, ISSUER};
use jwt_tests::remote::{JWKS, Remote};
use jwt_tests::setup::{behind, good, key, trusting};

#[test]
fn g01_an_address_without_tls_is_refused_except_on_this_machine() {
    let build = |issuer: TrustedIssuer| trusting(issuer.audience(AUDIENCE)).fetch(Remote::failing().fetch()).build();
    for url in [
        "http://id.example/jwks",
        "http://169.254.169.254/latest",
        "http://10.0.0.1/jwks",
        "http://127.0.0.1.evil.example/jwks",
        "http://localhost.evil.example/jwks",
        "http://127.0.0.1@evil.example/jwks",
        "ftp://id.example/jwks",
        "file:///etc/jwks",
    ] {
        for issuer in [TrustedIssuer::jwks(ISSUER, url), TrustedIssuer::discover(url)] {
            assert_eq!(build(issuer).expect_err(url).kind(), BuildErrorKind::InsecureUrl, "{url}");
        }
    }
    for url in
        ["https://id.example/jwks", "http://127.0.0.1:8080/jwks", "http://[::1]:8080/jwks", "http://localhost/jwks"]
    {
        assert!(build(TrustedIssuer::jwks(ISSUER, url)).is_ok(), "{url}");
    }
}

#[actix_web::test]
async fn g07_keys_that_were_never_fetched_are_an_outage() {
    for issuer in [TrustedIssuer::jwks(ISSUER, JWKS), TrustedIssuer::discover(ISSUER)] {
        let remote = Remote::failing();
        let application = behind(trusting(issuer.audience(AUDIENCE)).fetch(remote.fetch()));
        let answer = application.send(&Ask::get("/me").bearer(&good().sign())).await;
        assert_eq!(answer, Answer::unavailable(ErrorKind::KeysUnavailable, 1));
        assert_eq!(remote.asked().len(), 1);
    }
}

#[actix_web::test]
async fn g09_many_requests_at_once_cause_one_fetch() {
    for adapter in Adapter::ALL {
        let remote = Remote::serving(&[&key()]).hold();
        let issuer = TrustedIssuer::jwks(ISSUER, JWKS).audience(AUDIENCE);
        let application = behind(trusting(issuer).fetch(remote.fetch()));
        let requests: Vec<_> = (0..200)
            .map(|_| {
                let application = application.clone();
                spawn(async move { adapter.send(&application, &Ask::get("/user").bearer(&good().sign())).await })
            })
            .collect();
        remote.until_asked(1).await;
        remote.release();
        for request in requests {
            assert_eq!(request.await.expect("no panic"), Answer::text("Ada"), "{adapter:?}");
        }
        assert_eq!(remote.asked(), [JWKS], "{adapter:?}");
    }
}
