//! The demo from outside: both servers on real sockets, the commands that it prints, and its page in a browser.

mod cors;
mod dpop;
mod issuer;
mod mutual_tls;
mod page;
mod routes;
mod start;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_examples::demo::{Demo, Options, TokenRequest};
use jwt_tests::answer::Answer;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

async fn start() -> Demo {
    Demo::start(Options::on_free_ports()).await.expect("free ports")
}

fn client() -> Client {
    Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().expect("a client")
}

fn token(demo: &Demo, request: &TokenRequest) -> String {
    demo.issuer().expect("the embedded issuer").token(request).expect("a token")
}

fn ada() -> TokenRequest {
    TokenRequest::new().name("Ada")
}

/// Sends the same request to both servers and compares everything that the application decides about the responses.
async fn ask(demo: &Demo, path: &str, token: Option<&str>) -> Answer {
    let client = client();
    let mut answers = Vec::new();
    for server in [demo.axum_url(), demo.actix_url()] {
        let request = client.get(format!("{server}{path}"));
        let request = token.iter().fold(request, |request, token| request.bearer_auth(token));
        answers.push(answer(request).await);
    }
    assert_eq!(answers[0], answers[1], "axum, left, and actix-web, right, to {path}");
    answers.remove(0)
}

async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    // Each CORS middleware writes `Vary` in its own way.
    let of_interest = ["cache-control", "content-type", "retry-after", "www-authenticate"];
    let headers = response.headers().iter().filter(|(name, _)| of_interest.contains(&name.as_str()));
    let headers: Vec<_> = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    let body = response.bytes().await.expect("a body");
    Answer::new(status, headers, body.to_vec(), None)
}

fn text(answer: &Answer) -> &str {
    std::str::from_utf8(&answer.body).expect("text")
}

fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("JSON")
}

/// The claims of a token, without verification.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three segments");
    let payload = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&payload).expect("JSON")
}
