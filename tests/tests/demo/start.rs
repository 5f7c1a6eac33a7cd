use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use jwt_core::Algorithm;
use jwt_core::crypto::SigningKey;
use jwt_examples::demo::{Demo, DemoError, Options};
use jwt_tests::forge::Forge;
use serde_json::json;
use tokio::net::TcpSocket;
use tokio::process::Command;
use tokio::time::{sleep, timeout};

use crate::cors::allowed_origin;
use crate::{ada, answer, ask, client, json, start, text, token};

#[tokio::test]
async fn a_port_in_use_is_an_error_that_names_port_and_option_and_stopping_frees_it() {
    let demo = start().await;
    let port = |url: &str| url.rsplit(':').next().unwrap().parse::<u16>().unwrap();
    let (axum, actix) = (port(demo.axum_url()), port(demo.actix_url()));
    let mut options = Options::on_free_ports();
    for (option, port) in [("--axum-port", axum), ("--actix-port", actix)] {
        (options.axum_port, options.actix_port) = if option == "--axum-port" { (port, 0) } else { (0, port) };
        let error = Demo::start(options.clone()).await.unwrap_err().to_string();
        assert_eq!(error, format!("port {port} is taken: choose another with {option} (0 takes a free one)"));
    }
    demo.stop().await;
    (options.axum_port, options.actix_port) = (axum, actix);
    Demo::start(options).await.expect("the ports are free again").stop().await;
}

#[tokio::test]
async fn an_untrustworthy_issuer_is_an_error_that_says_why() {
    for (issuer, audience, reason) in [
        ("http://id.example", "api", "neither https nor on a loopback host"),
        ("id.example", "api", "not a usable URL"),
        ("https://id.example", "", "is empty"),
    ] {
        let error = Demo::start(Options::on_free_ports().provider(issuer, audience)).await.unwrap_err();
        assert!(matches!(error, DemoError::Issuer { .. }));
        assert!(error.to_string().contains(issuer) && error.to_string().contains(reason), "{error}");
    }
}

#[tokio::test]
async fn while_its_provider_is_unreachable_the_demo_answers_503_and_then_recovers() {
    // The port is bound, but does not listen: connections are refused, and no other process gets the port.
    let reserved = TcpSocket::new_v4().unwrap();
    reserved.set_reuseaddr(true).unwrap();
    reserved.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let address = reserved.local_addr().unwrap();

    let options = Options::on_free_ports().provider(format!("http://{address}/dev-issuer"), "https://api.example");
    let demo = Demo::start(options).await.expect("the demo starts without its provider");
    assert!(demo.issuer().is_none() && demo.fetch_keys().await.is_err());
    let issuer = format!("{}/dev-issuer", demo.axum_url());
    for path in ["/.well-known/openid-configuration", "/jwks", "/token"] {
        assert_eq!(answer(client().get(format!("{issuer}{path}"))).await.status, 404, "{path}");
    }
    let settings = json(&answer(client().get(format!("{}/demo.json", demo.axum_url()))).await);
    assert_eq!((&settings["embedded"], &settings["issuer"]), (&json!(false), &json!(demo.provider().issuer)));
    assert!(demo.calls().unwrap().iter().any(|call| call.command.contains("$TOKEN")));
    assert!(!demo.guide().unwrap().contains("eyJ"));

    // Without keys, nothing is known about the signature, so any will do.
    let key = SigningKey::generate(Algorithm::ES256).unwrap();
    let token = Forge::new(&key).claim("iss", demo.provider().issuer.as_str()).sign();
    for server in [demo.axum_url(), demo.actix_url()] {
        let get = client().get(format!("{server}/me")).bearer_auth(&token).header("origin", demo.axum_url());
        let response = get.send().await.unwrap();
        assert_eq!((response.status().as_u16(), allowed_origin(&response)), (503, Some(demo.axum_url())));
        let seconds: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=30).contains(&seconds), "{seconds}");
        assert!(!response.headers().contains_key("www-authenticate"));
    }
    // Responses that need no key need no provider either.
    assert_eq!(ask(&demo, "/me", None).await.status, 401);
    assert_eq!(text(&ask(&demo, "/optional", None).await), "Hello, guest!");

    // Another demo takes the provider's place.
    drop(reserved);
    let mut options = Options::on_free_ports();
    options.axum_port = address.port();
    let provider = Demo::start(options).await.expect("the port is still free");
    let token = self::token(&provider, &ada());
    let recovered = async {
        // Real time must pass here, because the demo uses the system clock.
        while demo.fetch_keys().await.is_err() {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(10), recovered).await.expect("recovery within the back-off");
    assert_eq!(ask(&demo, "/me", Some(&token)).await.status, 200);
    demo.stop().await;
    provider.stop().await;
}

#[tokio::test]
async fn the_guide_explains_the_issuer_and_contains_every_call() {
    let demo = start().await;
    let guide = demo.guide().unwrap();
    assert!(guide.contains("FOR DEVELOPMENT ONLY") && guide.contains(demo.axum_url()), "{guide}");
    let lines = |text: &str| text.lines().filter(|line| line.starts_with("curl ")).count();
    assert_eq!(lines(&guide), demo.calls().unwrap().len());
    demo.stop().await;
}

#[tokio::test]
#[ignore = "needs curl: see CONTRIBUTING.md"]
async fn each_printed_command_gets_the_announced_answer() {
    let demo = start().await;
    let calls = demo.calls().unwrap();
    let announced: Vec<u16> = calls.iter().map(|call| call.status).collect();
    assert_eq!(announced, [200, 200, 401, 401, 403]);
    for call in calls {
        let command = format!("{} --silent --show-error --noproxy '*' --max-time 20", call.command);
        let output = Command::new("sh").arg("-c").arg(command).output().await.expect("a shell");
        let (seen, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(seen.starts_with(&format!("HTTP/1.1 {} ", call.status)), "{}: {seen}{errors}", call.about);
        assert_eq!(seen.contains(r#""name":"Ada""#), call.status == 200, "{}: {seen}", call.about);
        assert_eq!(seen.contains("www-authenticate: Bearer "), call.status != 200, "{}: {seen}", call.about);
    }
    demo.stop().await;
}
