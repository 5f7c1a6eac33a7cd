//! Principals: the application's own users.

use jwt_core::ErrorKind;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::directory::Directory;
use jwt_tests::forge::NOW;
use jwt_tests::setup::{application, good};

/// A directory that answers at once, and one that makes its callers wait.
fn directories() -> [Directory; 2] {
    [Directory::default(), Directory::default().waiting()]
}

#[actix_web::test]
async fn a_handler_gets_the_user_of_the_token() {
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
async fn a_principal_is_loaded_once_and_only_for_accepted_tokens() {
    for directory in directories() {
        let application = application().directory(&directory);
        let before = directory.loads();
        for forge in [good().claim("exp", 1), good().claim("nbf", NOW + 3600), good().claim("aud", "x")] {
            assert_eq!(application.send(&Ask::get("/principal").bearer(&forge.sign())).await.status, 401);
        }
        assert_eq!(application.send(&Ask::get("/principal")).await, Answer::missing());
        assert_eq!(application.send(&Ask::get("/optional-principal")).await, Answer::text("nobody"));
        assert_eq!(directory.loads(), before);
        // Once in each adapter, no matter how often the handler extracts it.
        assert_eq!(application.send(&Ask::get("/principal-twice").bearer(&good().sign())).await.status, 200);
        assert_eq!(directory.loads(), before + 2);
    }
}

#[actix_web::test]
async fn an_unknown_user_reaches_no_handler_behind_the_layer() {
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
async fn a_request_can_have_principals_of_several_types() {
    for directory in directories() {
        let application = application().directory(&directory);
        let answer = application.send(&Ask::get("/principal-and-tenant").bearer(&good().sign())).await;
        assert_eq!(answer, Answer::text("Ada Lovelace of 7"));
    }
}

#[actix_web::test]
async fn a_principal_without_its_layer_is_an_error_of_the_program() {
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
async fn a_principal_is_never_used_with_another_token() {
    for directory in directories() {
        let application = application().directory(&directory);
        let inner = good().claim("sub", "user-1906").sign();
        let ask = Ask::get("/principal-of-another").bearer(&good().sign()).header("cookie", format!("inner={inner}"));
        assert_eq!(application.send(&ask).await, Answer::misuse());
    }
}
