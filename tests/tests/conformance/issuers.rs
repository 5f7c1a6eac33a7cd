//! Several issuers: each speaks only for its own users.

use jwt_core::authorize::{any, of_issuer, roles, scopes};
use jwt_core::crypto::SigningKey;
use jwt_core::{Algorithm, ErrorKind, TrustedIssuer};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::directory::Directory;
use jwt_tests::forge::{AUDIENCE, Forge, ISSUER};
use jwt_tests::setup::{behind, builder, good, stranger};

const PARTNER: &str = "https://id.partner.example";

/// An application that also trusts a partner, and the partner's key.
fn with_partner() -> (Application, SigningKey) {
    let key = stranger(Algorithm::ES256).with_kid("p-1");
    let partner = TrustedIssuer::new(PARTNER).audience(AUDIENCE).key(key.verification_key());
    (behind(builder().issuer(partner)), key)
}

#[actix_web::test]
async fn the_same_subject_from_two_issuers_is_two_users() {
    let (application, key) = with_partner();
    let partner = Forge::new(&key).claim("iss", PARTNER);
    assert_eq!(partner.claims["sub"], good().claims["sub"]);
    for directory in [Directory::default(), Directory::default().waiting()] {
        let application = application.clone().directory(&directory);
        for route in ["/principal", "/optional-principal"] {
            let ours = application.send(&Ask::get(route).bearer(&good().sign())).await;
            assert_eq!(ours, Answer::text("Ada Lovelace"), "{route}");
            let theirs = application.send(&Ask::get(route).bearer(&partner.clone().sign())).await;
            assert_eq!(theirs, Answer::refused(ErrorKind::UnknownPrincipal), "{route}");
        }
    }
}

#[actix_web::test]
async fn a_role_counts_only_if_its_issuer_may_grant_it() {
    let (application, key) = with_partner();
    let ours = good().claim("roles", vec!["admin"]).sign();
    let theirs = Forge::new(&key).claim("iss", PARTNER).claim("roles", vec!["admin"]).sign();
    let other_role = good().claim("roles", vec!["user"]).sign();
    let (met, unmet) = (Answer::text("Ada"), Answer::not_allowed(ErrorKind::RequirementNotMet));
    let admin = || roles("/roles", ["admin"]);
    let applications = [
        (application.clone().requiring(admin()), met.clone(), met.clone()),
        (application.clone().requiring(of_issuer(ISSUER, admin())), met.clone(), unmet.clone()),
        (application.clone().requiring(of_issuer(PARTNER, ())), unmet.clone(), met.clone()),
        (
            application.requiring(any((of_issuer(ISSUER, admin()), of_issuer(PARTNER, scopes(["reports:read"]))))),
            met.clone(),
            met,
        ),
    ];
    for route in ["/allowed", "/scoped/allowed", "/optional-allowed"] {
        for (number, (application, to_ours, to_theirs)) in applications.iter().enumerate() {
            let answer = application.send(&Ask::get(route).bearer(&ours)).await;
            assert_eq!(&answer, to_ours, "ours to {number} on {route}");
            let answer = application.send(&Ask::get(route).bearer(&theirs)).await;
            assert_eq!(&answer, to_theirs, "theirs to {number} on {route}");
        }
        let answer = applications[1].0.send(&Ask::get(route).bearer(&other_role)).await;
        assert_eq!(answer, Answer::not_allowed(ErrorKind::InsufficientRole), "{route}");
    }
}
