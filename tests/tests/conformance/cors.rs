//! Rejections inside the CORS middleware of each framework: a browser must be able to read them. The frameworks word
//! their own headers differently, so the responses are checked one by one.

use jwt_core::http::problem_json;
use jwt_core::proof::Dpop;
use jwt_tests::adapter::Adapter;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::forge::Forge;
use jwt_tests::proof::{BASE, Device};
use jwt_tests::setup::{application, behind, builder, good, issuer, trusting};

const ORIGIN: &str = "https://app.example";

#[actix_web::test]
async fn rejections_keep_the_headers_that_let_a_browser_read_them() {
    let application = application().cors(ORIGIN);
    let token = good().sign();
    for adapter in Adapter::ALL {
        for (ask, status) in [
            (Ask::get("/me").bearer(&token), 200),
            (Ask::get("/me"), 401),
            (Ask::get("/me").bearer("a"), 401),
            (Ask::get("/me").bearer("a").bearer("b"), 400),
            (Ask::get("/number").bearer(&token), 401),
            (Ask::get("/reports").bearer(&good().without("scope").sign()), 403),
            (Ask::get("/bare"), 500),
        ] {
            let answer = adapter.send(&application, &ask.header("origin", ORIGIN)).await;
            assert_eq!(answer.status, status, "{adapter:?}");
            assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "{adapter:?} {answer:?}");
        }
    }
}

#[actix_web::test]
async fn a_browser_can_read_the_bodies_of_rejections() {
    let application = behind(builder().renderer(problem_json())).cors(ORIGIN);
    for adapter in Adapter::ALL {
        for route in ["/me", "/optional-me", "/reports"] {
            let answer = adapter.send(&application, &Ask::get(route).header("origin", ORIGIN)).await;
            assert_eq!((answer.status, answer.body.is_empty()), (401, false), "{adapter:?} {route}");
            assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "{adapter:?} {answer:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"api\""), "{adapter:?} {answer:?}");
        }
    }
}

#[actix_web::test]
async fn a_preflight_needs_no_token_if_cors_is_outside() {
    for headers in ["authorization", "authorization,dpop"] {
        let preflight = Ask::new("OPTIONS", "/me")
            .header("origin", ORIGIN)
            .header("access-control-request-method", "GET")
            .header("access-control-request-headers", headers);
        for adapter in Adapter::ALL {
            let answer = adapter.send(&application().cors(ORIGIN), &preflight).await;
            assert_eq!((answer.status, answer.code), (200, None), "{adapter:?}");
            assert_eq!(names(&answer, "access-control-allow-headers"), ["authorization", "dpop"], "{adapter:?}");
        }
    }
}

/// The settings of both middlewares are those of the guide, in `proof.md`.
#[actix_web::test]
async fn a_page_of_another_origin_learns_the_nonce_and_the_challenge() {
    let dpop = Dpop::new(BASE).nonces([7; 32]);
    let application = behind(trusting(issuer().dpop_required()).dpop(dpop)).cors(ORIGIN);
    let device = Device::default();
    let token = device.good().sign();
    for adapter in Adapter::ALL {
        let send = async |proof: Forge| {
            let ask = Ask::get("/user").dpop(&token, &proof.sign()).header("origin", ORIGIN);
            adapter.send(&application, &ask).await
        };
        let proof = || device.proof("GET", "/user", &token);
        let answer = send(proof()).await;
        assert_eq!((answer.status, answer.code), (401, Some("use_dpop_nonce")), "{adapter:?}");
        assert_eq!(answer.header("access-control-allow-origin"), Some(ORIGIN), "{adapter:?}");
        let exposed = names(&answer, "access-control-expose-headers");
        assert_eq!(exposed, ["dpop-nonce", "www-authenticate"], "{adapter:?}");
        assert!(answer.header("www-authenticate").is_some_and(|value| value.contains("use_dpop_nonce")), "{answer:?}");
        let nonce = answer.header("dpop-nonce").expect("a nonce");
        assert_eq!(send(proof().claim("nonce", nonce)).await.status, 200, "{adapter:?}");
    }
}

/// The names in a list header, in lower case and in their order. Each framework has its own.
fn names(answer: &Answer, header: &str) -> Vec<String> {
    let value = answer.header(header).unwrap_or_default().to_ascii_lowercase();
    let mut names: Vec<String> = value.split(',').map(|name| name.trim().to_owned()).collect();
    names.sort_unstable();
    names
}
