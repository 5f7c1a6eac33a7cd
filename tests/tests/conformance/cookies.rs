//! Setting and deleting cookies.

use std::collections::BTreeSet;

use jwt_core::authorize::check_async;
use jwt_core::http::Cookies;
use jwt_core::http::TokenSources;
use jwt_core::{BoxError, ErrorKind, VerifierBuilder};
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::setup::{application, behind, builder, good};

const CLEARED: &str = "__Host-access=; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=0; \
                       Expires=Thu, 01 Jan 1970 00:00:00 GMT";

fn with_cookies() -> Application {
    behind(builder().sources(Cookies::new().sources()))
}

fn get(route: &str, token: &str) -> Ask {
    Ask::get(route).header("cookie", format!("__Host-access={token}"))
}

fn cleared(answer: Answer) -> Answer {
    answer.with_header("set-cookie", CLEARED)
}

#[actix_web::test]
async fn any_response_can_set_and_delete_cookies() {
    let expected = Answer::text("welcome")
        .with_header("set-cookie", "__Host-access=a.b.c; HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=900")
        .with_header("set-cookie", "__Host-refresh=d.e.f; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=900")
        .with_header("cache-control", "no-store");
    assert_eq!(application().send(&Ask::get("/cookies")).await, expected);
    let gone = "Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    // The handler's own `Cache-Control` stays.
    let expected = Answer::text("bye")
        .with_header("set-cookie", CLEARED)
        .with_header("set-cookie", &format!("__Host-refresh=; HttpOnly; SameSite=Strict; Secure; Path=/; {gone}"))
        .with_header("set-cookie", &format!("__Host-csrf=; SameSite=Strict; Secure; Path=/; {gone}"))
        .with_header("cache-control", "private");
    assert_eq!(application().send(&Ask::get("/no-cookies")).await, expected);
}

#[actix_web::test]
async fn a_token_in_the_cookie_reaches_the_handler() {
    assert_eq!(with_cookies().send(&get("/user", &good().sign())).await, Answer::text("Ada"));
}

#[actix_web::test]
async fn a_refused_token_is_deleted_with_its_cookie() {
    let application = with_cookies();
    for (token, kind) in [
        (good().claim("exp", 1).without("iat").sign(), ErrorKind::Expired),
        (good().claim("aud", "other").sign(), ErrorKind::WrongAudience),
        ("a.b".to_owned(), ErrorKind::MalformedToken),
    ] {
        for route in ["/user", "/optional"] {
            assert_eq!(application.send(&get(route, &token)).await, cleared(Answer::refused(kind)), "{route}");
        }
    }
    for token in ["a%2Cb", "\u{e9}"] {
        let malformed = Answer::malformed(ErrorKind::MalformedCredentials);
        assert_eq!(application.send(&get("/user", token)).await, cleared(malformed), "{token}");
    }
}

#[actix_web::test]
async fn two_cookies_with_the_same_name_are_deleted_so_that_the_browser_recovers() {
    let token = good().sign();
    let twice = |name: &str| Ask::get("/user").header("cookie", format!("{name}={token}; {name}=planted"));
    let malformed = || Answer::malformed(ErrorKind::MultipleCredentials);
    let host = "app.shop.example:8443";
    let copies = |answer: Answer, name: &str, conditions: [&str; 2], paths: &[&str], domains: &[&str]| {
        let mut answer = answer;
        for conditions in conditions {
            for path in paths {
                for domain in domains {
                    let gone = format!("{name}=; Path={path}{conditions}; Max-Age=0{domain}");
                    answer = answer.with_header("set-cookie", &gone);
                }
            }
        }
        answer
    };
    let known = ["; SameSite=Lax; Secure", "; SameSite=Lax; Secure; Partitioned"];
    let answer = with_cookies().send(&twice("__Host-access").header("host", host)).await;
    assert_eq!(answer, copies(cleared(malformed()), "__Host-access", known, &["/"], &[""]));
    let (paths, domains) = (["/", "/user"], ["", "; Domain=app.shop.example", "; Domain=shop.example"]);
    let cookies = Cookies::builder().access_name("session").build().expect("legal");
    let answer = behind(builder().sources(cookies.sources())).send(&twice("session").header("host", host)).await;
    let own = malformed().with_header("set-cookie", &CLEARED.replace("__Host-access", "session"));
    assert_eq!(answer, copies(own, "session", known, &paths, &domains));
    // A plain cookie's attributes are not known, so only its name, path and domain are repeated.
    let plain = behind(builder().sources(TokenSources::new().cookie("session")));
    let answer = plain.send(&twice("session").header("host", host)).await;
    assert_eq!(answer, copies(malformed(), "session", ["", "; Secure; Partitioned"], &paths, &domains));
    // A cookie and a token in another place are the client's mistake, so the cookie isn't deleted.
    let both = get("/user", &token).bearer(&token);
    assert_eq!(with_cookies().send(&both).await, malformed());
}

/// The names of the cookies that a response removes.
fn removed(answer: &Answer) -> BTreeSet<String> {
    let values = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    values.map(|(_, value)| String::from_utf8_lossy(value).split('=').next().unwrap_or_default().to_owned()).collect()
}

/// After a cookie got another name, a browser sends the old one beside the new one.
#[actix_web::test]
async fn of_cookies_with_different_names_only_the_one_that_no_other_host_can_set_is_kept() {
    let token = good().sign();
    for (names, expected) in [
        (["__Host-access", "session"], &["session"][..]),
        (["session", "__Host-access"], &["session"]),
        (["session", "__Secure-access"], &["__Secure-access", "session"]),
        (["__Host-access", "__Host-session"], &["__Host-access", "__Host-session"]),
    ] {
        let sources = names.iter().fold(TokenSources::new(), |sources, name| sources.cookie(*name));
        let application = behind(builder().sources(sources));
        let ask = Ask::get("/user").header("cookie", names.map(|name| format!("{name}={token}")).join("; "));
        let answer = application.send(&ask).await;
        assert_eq!((answer.status, answer.code), (400, Some("multiple_credentials")), "{names:?}");
        assert_eq!(removed(&answer).iter().collect::<Vec<_>>(), expected);
        // With a token in the header, it's the client's mistake.
        assert_eq!(application.send(&ask.bearer(&token)).await, Answer::malformed(ErrorKind::MultipleCredentials));
    }
}

#[actix_web::test]
async fn a_host_cookie_counts_before_a_planted_one_without_the_prefix() {
    let sources = || TokenSources::new().cookie("__Host-session").cookie("session");
    let application = behind(builder().sources(sources()));
    let (token, planted) = (good().sign(), good().claim("name", "Eve").sign());
    for cookies in [
        format!("__Host-session={token}; session={planted}"),
        format!("session={planted}; __Host-session={token}; session=x"),
    ] {
        assert_eq!(application.send(&Ask::get("/user").header("cookie", cookies)).await, Answer::text("Ada"));
    }
    let both = Ask::get("/user").header("cookie", format!("__Host-session={token}; session={planted}"));
    let malformed = Answer::malformed(ErrorKind::MultipleCredentials);
    assert_eq!(application.send(&both.bearer(&token)).await, malformed);
}

#[actix_web::test]
async fn a_token_refused_after_waiting_is_deleted_with_its_cookie() {
    let later = |builder: VerifierBuilder, outcome: fn() -> Result<bool, BoxError>| {
        let waiting = builder.require_token(check_async("later", move |_| async move {
            tokio::task::yield_now().await;
            outcome()
        }));
        behind(waiting.sources(Cookies::new().sources()))
    };
    let ask = get("/user", &good().sign());
    let refused = later(builder(), || Ok(false)).send(&ask).await;
    assert_eq!(refused, cleared(Answer::refused(ErrorKind::RuleRefused)));
    // An outage says nothing about the token.
    let unavailable = later(builder(), || Err("down".into())).send(&ask).await;
    assert_eq!(unavailable, Answer::unavailable(ErrorKind::RuleUnavailable, 5));
}

#[actix_web::test]
async fn a_cookie_stays_if_its_token_is_not_the_reason_for_the_rejection() {
    let (application, bad) = (with_cookies(), good().claim("aud", "other").sign());
    let bearer = Ask::get("/user").bearer(&bad);
    assert_eq!(application.send(&bearer).await, Answer::refused(ErrorKind::WrongAudience));
    let both = get("/user", &bad).bearer(&bad);
    assert_eq!(application.send(&both).await, Answer::malformed(ErrorKind::MultipleCredentials));
    let other = Ask::get("/user").bearer(&bad).header("cookie", "theme=dark");
    assert_eq!(application.send(&other).await, Answer::refused(ErrorKind::WrongAudience));
    // The token is valid, but not enough for this handler.
    let mismatch = application.send(&get("/number", &good().sign())).await;
    assert_eq!(mismatch, Answer::refused(ErrorKind::ClaimsMismatch));
    let forbidden = application.send(&get("/reports", &good().without("scope").sign())).await;
    assert_eq!(forbidden, Answer::forbidden("reports:read"));
    let cross =
        Ask::post("/me").header("cookie", format!("__Host-access={bad}")).header("sec-fetch-site", "cross-site");
    assert_eq!(application.send(&cross).await, Answer::csrf());
}

#[actix_web::test]
async fn a_cookie_stays_if_configured_and_if_its_attributes_are_unknown() {
    let bad = get("/user", "a.b");
    let kept = Cookies::builder().keep_refused().build().expect("legal").sources();
    for sources in [kept, TokenSources::new().cookie("__Host-access")] {
        let answer = behind(builder().sources(sources)).send(&bad).await;
        assert_eq!(answer, Answer::refused(ErrorKind::MalformedToken));
    }
}
