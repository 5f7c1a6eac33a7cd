//! The application's own user behind a token.

use jwt_core::ErrorKind;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::directory::Directory;
use jwt_tests::forge::NOW;
use jwt_tests::stage::{application, good};

/// A directory that answers at once, and one that lets wait.
fn directories() -> [Directory; 2] {
    [Directory::default(), Directory::default().waiting()]
}

#[actix_web::test]
async fn a_handler_gets_whom_the_application_knows_by_the_token() {
    for directory in directories() {
        let application = application().directory(&directory);
        for (forge, expected) in [
            (good(), Answer::text("Ada Lovelace")),
            (good().claim("sub", "user-1906"), Answer::text("Grace Hopper")),
            (good().claim("sub", "left-in-spring"), Answer::refused(ErrorKind::UnknownPrincipal)),
            (good().without("sub"), Answer::refused(ErrorKind::UnknownPrincipal)),
            (good().claim("sub", "directory-down"), Answer::unavailable(ErrorKind::PrincipalUnavailable, 5)),
        ] {
            for route in ["/principal", "/principal-twice", "/optional-principal"] {
                let answer = application.send(&Ask::get(route).bearer(&forge.sign())).await;
                assert_eq!(answer, expected, "{route} {:?}", forge.claims);
            }
        }
    }
}

#[actix_web::test]
async fn a_principal_is_loaded_once_and_only_for_tokens_that_passed() {
    for directory in directories() {
        let application = application().directory(&directory);
        let before = directory.loads();
        for forge in [good().claim("exp", 1), good().claim("nbf", NOW + 3600), good().claim("aud", "x")] {
            assert_eq!(application.send(&Ask::get("/principal").bearer(&forge.sign())).await.status, 401);
        }
        assert_eq!(application.send(&Ask::get("/principal")).await, Answer::missing());
        assert_eq!(application.send(&Ask::get("/optional-principal")).await, Answer::text("nobody"));
        assert_eq!(directory.loads(), before);
        // Once in each adapter, however often the handler asks.
        assert_eq!(application.send(&Ask::get("/principal-twice").bearer(&good().sign())).await.status, 200);
        assert_eq!(directory.loads(), before + 2);
    }
}

#[actix_web::test]
async fn whom_the_application_does_not_know_no_handler_behind_the_layer_serves() {
    for directory in directories() {
        let application = application().directory(&directory);
        let ask = |subject: &str| Ask::get("/principal-unasked").bearer(&good().claim("sub", subject).sign());
        assert_eq!(application.send(&ask("user-1815")).await, Answer::text("everyone"));
        assert_eq!(application.send(&ask("nobody")).await, Answer::refused(ErrorKind::UnknownPrincipal));
        let answer = application.send(&ask("directory-down")).await;
        assert_eq!(answer, Answer::unavailable(ErrorKind::PrincipalUnavailable, 5));
    }
}

#[actix_web::test]
async fn principals_of_several_types_stand_side_by_side() {
    for directory in directories() {
        let application = application().directory(&directory);
        let answer = application.send(&Ask::get("/principal-and-tenant").bearer(&good().sign())).await;
        assert_eq!(answer, Answer::text("Ada Lovelace of 7"));
    }
}

#[actix_web::test]
async fn a_principal_without_its_layer_is_a_fault_of_the_programme() {
    let token = good().sign();
    for ask in [
        Ask::get("/principal-unloaded").bearer(&token),
        Ask::get("/optional-principal-unloaded").bearer(&token),
        Ask::get("/bare-principal").bearer(&token),
        Ask::get("/bare-principal"),
        Ask::get("/bare-principal-layer").bearer(&token),
        Ask::get("/bare-principal-layer"),
    ] {
        assert_eq!(application().send(&ask).await, Answer::misuse(), "{ask:?}");
    }
    assert_eq!(application().send(&Ask::get("/optional-principal-unloaded")).await, Answer::text("nobody"));
}

#[actix_web::test]
async fn a_principal_of_one_token_is_never_that_of_another() {
    for directory in directories() {
        let application = application().directory(&directory);
        let inner = good().claim("sub", "user-1906").sign();
        let ask = Ask::get("/principal-of-another").bearer(&good().sign()).header("cookie", format!("inner={inner}"));
        assert_eq!(application.send(&ask).await, Answer::misuse());
    }
}
