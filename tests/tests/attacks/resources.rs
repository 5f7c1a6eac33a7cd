//! A token for one protected resource at another one of the same verifier.

use jwt_core::authorize::Routes;
use jwt_core::gate::ProtectedResource;
use jwt_core::{ErrorKind, TrustedIssuer};
use jwt_tests::adapter::Adapter;
use jwt_tests::ask::Ask;
use jwt_tests::forge::ISSUER;
use jwt_tests::setup::{behind, good, key, trusting};

use crate::routes::WAYS;

fn verifier(others: &[&str]) -> jwt_core::VerifierBuilder {
    let issuer = TrustedIssuer::new(ISSUER).key(key().verification_key());
    let builder = trusting(issuer).resource(ProtectedResource::new("https://api.example/admin"));
    others.iter().fold(builder, |builder, other| builder.resource(ProtectedResource::new(*other)))
}

#[actix_web::test]
async fn h16_a_token_for_another_resource_never_reaches_a_handler_by_a_path_that_is_spelt_differently() {
    let routes = || Routes::new().require("/admin", ()).require("/public/{*rest}", ()).require("/public/{rest:.*}", ());
    for other in ["https://api.example", "https://api.example/public"] {
        let application = behind(verifier(&[other])).guarded(routes());
        let stranger = good().claim("aud", other).sign();
        for way in WAYS {
            for adapter in Adapter::ALL {
                let answer = adapter.send(&application, &Ask::get(way).bearer(&stranger)).await;
                assert_ne!(answer.body, b"Ada", "{adapter:?} {other} {way}");
            }
        }
        let own = good().claim("aud", "https://api.example/admin").sign();
        assert_eq!(application.send(&Ask::get("/admin").bearer(&own)).await.body, b"Ada");
        assert_eq!(application.send(&Ask::get("/public/a").bearer(&stranger)).await.status, 200);
    }
}

#[actix_web::test]
async fn i02_a_cached_token_is_not_accepted_at_another_resource() {
    let application = behind(verifier(&["https://api.example/user"]));
    let token = good().claim("aud", "https://api.example/user").sign();
    for _ in 0..3 {
        assert_eq!(application.send(&Ask::get("/user").bearer(&token)).await.status, 200);
        let answer = application.send(&Ask::get("/me").bearer(&token)).await;
        assert_eq!((answer.status, answer.code), (401, Some(ErrorKind::WrongAudience.code())));
    }
}
