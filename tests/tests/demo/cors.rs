use reqwest::{Method, Response};

use crate::{ada, client, start, token};

pub(crate) fn allowed_origin(response: &Response) -> Option<&str> {
    response.headers().get("access-control-allow-origin").map(|value| value.to_str().expect("text"))
}

#[tokio::test]
async fn the_page_may_call_both_servers_and_read_rejections_but_other_pages_may_not() {
    let demo = start().await;
    let unscoped = token(&demo, &ada());
    let by_name = demo.axum_url().replace("127.0.0.1", "localhost");
    for server in [demo.axum_url(), demo.actix_url()] {
        for (origin, allowed) in [
            (demo.axum_url(), true),
            (by_name.as_str(), true),
            (demo.actix_url(), false),
            ("https://id.example", false),
            ("null", false),
        ] {
            let expected = allowed.then_some(origin);
            // A browser sends no token with a preflight.
            let preflight = client().request(Method::OPTIONS, format!("{server}/me")).header("origin", origin);
            let preflight = preflight.header("access-control-request-method", "GET");
            let preflight = preflight.header("access-control-request-headers", "authorization").send().await.unwrap();
            assert_eq!(allowed_origin(&preflight), expected, "{server} {origin}");
            if allowed {
                assert!(preflight.status().is_success(), "{server} {origin}");
                let headers = names(&preflight, "access-control-allow-headers");
                assert_eq!(headers, ["authorization", "dpop"], "{server} {origin}");
                assert_eq!(names(&preflight, "access-control-allow-methods"), ["GET"], "{server} {origin}");
            }
            for (path, status) in [("/me", 200), ("/reports", 403), ("/public", 200)] {
                let get = client().get(format!("{server}{path}")).header("origin", origin).bearer_auth(&unscoped);
                let response = get.send().await.unwrap();
                assert_eq!((response.status().as_u16(), allowed_origin(&response)), (status, expected), "{path}");
            }
            let refused = client().get(format!("{server}/me")).header("origin", origin).send().await.unwrap();
            assert_eq!((refused.status().as_u16(), allowed_origin(&refused)), (401, expected));
            if allowed {
                let exposed = names(&refused, "access-control-expose-headers");
                assert_eq!(exposed, ["dpop-nonce", "www-authenticate"], "{server} {origin}");
            }
        }
    }
    demo.stop().await;
}

/// The names in a list header, in their order. Each framework has its own.
fn names(response: &Response, header: &str) -> Vec<String> {
    let value = response.headers()[header].to_str().expect("text");
    let mut names: Vec<String> = value.split(',').map(|name| name.trim().to_owned()).collect();
    names.sort_unstable();
    names
}
