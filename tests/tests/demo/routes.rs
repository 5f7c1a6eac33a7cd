use crate::{ada, ask, claims, json, start, text, token};

const MISSING: &str = r#"Bearer realm="api""#;
const MISSING_SCOPE: &str = r#"Bearer realm="api", scope="reports:read""#;
const INVALID: &str = r#"Bearer realm="api", error="invalid_token""#;
const SCOPE: &str = r#"Bearer realm="api", error="insufficient_scope", scope="reports:read""#;

#[tokio::test]
async fn both_servers_give_every_route_the_same_answer_to_every_kind_of_token() {
    let demo = start().await;
    let good = token(&demo, &ada().scope("reports:read profile"));
    let plain = token(&demo, &ada());
    let expired = token(&demo, &ada().scope("reports:read").lifetime(-3600));
    let tampered = good.replacen(".ey", ".fy", 1);
    assert_ne!(good, tampered);

    let (missing, invalid, scope) = (Err((401, MISSING)), Err((401, INVALID)), Err((403, SCOPE)));
    let (me, reports, public) = (Ok(r#""name":"Ada""#), Ok(r#"{"id":1,"title":"Visitors in March"}"#), Ok("everyone"));
    let (guest, hello) = (Ok("Hello, guest!"), Ok("Hello, Ada!"));
    let tokens = [None, Some(&good), Some(&plain), Some(&expired), Some(&tampered)];
    for (path, expected) in [
        ("/me", [missing, me, me, invalid, invalid]),
        ("/reports", [Err((401, MISSING_SCOPE)), reports, scope, invalid, invalid]),
        ("/public", [public, public, public, public, public]),
        ("/optional", [guest, hello, hello, invalid, invalid]),
    ] {
        for (token, expected) in tokens.iter().zip(expected) {
            let answer = ask(&demo, path, token.map(String::as_str)).await;
            match expected {
                Ok(body) => {
                    assert_eq!((answer.status, answer.header("www-authenticate")), (200, None), "{path} {answer:?}");
                    assert!(text(&answer).contains(body), "{path} {answer:?}");
                }
                Err((status, challenge)) => {
                    let seen = (answer.status, answer.header("www-authenticate"), text(&answer));
                    assert_eq!(seen, (status, Some(challenge), ""), "{path}");
                }
            }
        }
    }
    for token in tokens {
        assert_eq!(ask(&demo, "/nowhere", token.map(String::as_str)).await.status, 404);
    }
    demo.stop().await;
}

#[tokio::test]
async fn me_returns_the_claims_of_the_token() {
    let demo = start().await;
    let token = token(&demo, &ada().scope("profile").lifetime(60));
    let answer = ask(&demo, "/me", Some(&token)).await;
    let claims = claims(&token);
    assert_eq!(json(&answer), claims);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    for claim in ["iss", "aud", "sub", "client_id", "iat", "nbf", "exp", "jti"] {
        assert!(!claims[claim].is_null(), "{claim}");
    }
    demo.stop().await;
}
