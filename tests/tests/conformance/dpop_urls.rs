//! The URL in a DPoP proof is compared with the one that clients use, not with the one that the service sees.

use std::net::IpAddr;

use jwt_core::proof::Dpop;
use jwt_tests::adapter::Application;
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::proof::Device;
use jwt_tests::setup::{behind, issuer, trusting};

const PROXY: [u8; 4] = [10, 0, 0, 7];

fn application(dpop: Dpop) -> Application {
    behind(trusting(issuer().dpop_required()).dpop(dpop))
}

async fn status(application: &Application, target: &str, url: &str, change: impl Fn(Ask) -> Ask) -> u16 {
    let device = Device::default();
    let token = device.good().sign();
    let proof = || device.proof("GET", "", &token).claim("htu", url).sign();
    let answer = application.send_new(|| change(Ask::get(target).dpop(&token, &proof()))).await;
    assert!(answer == Answer::text("Ada") || answer.code == Some("invalid_dpop_proof"), "{answer:?}");
    answer.status
}

#[actix_web::test]
async fn the_request_is_below_the_public_url() {
    for (base, target, url, expected) in [
        ("https://api.example", "/user", "https://api.example/user", 200),
        ("https://api.example/", "/user?a=b", "https://api.example/user", 200),
        ("https://api.example/v1", "/user", "https://api.example/v1/user", 200),
        ("https://api.example/v1/", "/user", "https://api.example/v1/user", 200),
        ("https://api.example/v1", "/user", "https://api.example/user", 401),
        ("https://api.example", "/user", "https://api.example/us%65r", 200),
        ("HTTPS://api.EXAMPLE:443", "/user", "https://api.example/user", 200),
        ("http://localhost:3000", "/user", "http://localhost:3000/user", 200),
        ("http://localhost:3000", "/user", "http://localhost/user", 401),
        ("https://api.example", "/user", "https://api.example/user/", 401),
        ("https://api.example", "/user", "https://api.example/x/../user", 200),
    ] {
        let application = application(Dpop::new(base));
        assert_eq!(status(&application, target, url, |ask| ask).await, expected, "{base} {target} {url}");
    }
}

/// axum removes the prefix of a nested router before its layers run.
#[actix_web::test]
async fn a_nested_router_changes_nothing() {
    let application = application(Dpop::new("https://api.example"));
    for (target, url, expected) in [
        ("/scoped/allowed", "https://api.example/scoped/allowed", 200),
        ("/scoped/allowed", "https://api.example/allowed", 401),
        // The layer is inside of both routers.
        ("/outer/inner/user?a=b", "https://api.example/outer/inner/user", 200),
        ("/outer/inner/user", "https://api.example/inner/user", 401),
        ("/outer/inner/user", "https://api.example/user", 401),
    ] {
        assert_eq!(status(&application, target, url, |ask| ask).await, expected, "{target} {url}");
    }
}

#[actix_web::test]
async fn forwarded_headers_count_only_without_a_fixed_url_and_from_a_trusted_proxy() {
    let fixed = || application(Dpop::new("https://api.example"));
    let proxied = || application(Dpop::behind_proxies(["10.0.0.0/24", "::1"]));
    let forwarded = |ask: Ask| ask.header("forwarded", "for=192.0.2.1;proto=https;host=api.example");
    let x_forwarded = |ask: Ask| ask.header("x-forwarded-proto", "https").header("x-forwarded-host", "api.example");
    let url = "https://api.example/user";
    let peers: [(Option<IpAddr>, u16); 3] =
        [(Some(PROXY.into()), 200), (Some([192, 0, 2, 1].into()), 401), (None, 401)];
    for (peer, expected) in peers {
        for change in [&forwarded as &dyn Fn(Ask) -> Ask, &x_forwarded] {
            let from = |ask: Ask| match peer {
                Some(peer) => change(ask).from(peer),
                None => change(ask),
            };
            assert_eq!(status(&proxied(), "/user", url, from).await, expected, "{peer:?}");
        }
    }
    let evil = |ask: Ask| ask.header("forwarded", "proto=https;host=evil.example").from(PROXY);
    assert_eq!(status(&fixed(), "/user", "https://evil.example/user", evil).await, 401, "a fixed URL is the only one");
    assert_eq!(status(&fixed(), "/user", url, evil).await, 200);
    let host = |ask: Ask| ask.header("host", "api.example").header("x-forwarded-proto", "https").from(PROXY);
    assert_eq!(status(&proxied(), "/user", url, host).await, 200, "the proxy passes the host on");
    let nothing = |ask: Ask| ask.header("host", "api.example").from(PROXY);
    assert_eq!(status(&proxied(), "/user", url, nothing).await, 401, "the scheme is unknown");
}
