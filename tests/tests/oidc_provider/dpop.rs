//! DPoP clients of other people, with tokens of a real provider.

use std::future::IntoFuture as _;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;

use actix_web::{App, HttpServer, web};
use axum::Router;
use axum::routing::get;
use jwt_core::proof::Dpop;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;
use tokio::time::timeout;

use super::{PATIENCE, Provider, User};

/// Runs the clients against both frameworks, with or without nonces of the services.
async fn clients(provider: &Provider, nonces: bool) -> Vec<Value> {
    let resource = provider.resource("ES256");
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let listeners = [listen(), listen()];
    let bases = [0, 1].map(|at| format!("http://{}", listeners[at].local_addr().expect("bound")));
    // Each server has its own public URL, so it has its own verifier.
    let [for_axum, for_actix] = [0, 1].map(|at| {
        let dpop = Dpop::new(bases[at].as_str());
        let dpop = if nonces { dpop.nonces([7; 32]) } else { dpop };
        let issuer = provider.trusted(&resource).access_token_profile().dpop_required();
        jwt_core::Verifier::builder().issuer(issuer).dpop(dpop).build().expect("a verifier")
    });
    let [first, second] = listeners;
    first.set_nonblocking(true).expect("a socket");
    let listener = tokio::net::TcpListener::from_std(first).expect("a socket");
    let app = Router::new()
        .route("/me", get(async |jwt_tower::Claims(user): jwt_tower::Claims<User>| axum::Json(user)))
        .layer(jwt_tower::JwtLayer::new(for_axum));
    let axum = tokio::spawn(axum::serve(listener, app).into_future());
    let middleware = jwt_actix::JwtMiddleware::new(for_actix);
    let me = async |jwt_actix::Claims(user): jwt_actix::Claims<User>| web::Json(user);
    let server = HttpServer::new(move || {
        App::new().service(web::resource("/me").wrap(middleware.clone()).route(web::get().to(me)))
    });
    let server = server.workers(1).disable_signals().listen(second).expect("a socket").run();
    let actix = server.handle();
    tokio::spawn(server);

    let mut command = Command::new("node");
    command.arg("dpop.mjs").current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/node")).kill_on_drop(true);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node");
    let about = json!({
        "issuer": provider.text("issuer"),
        "client_id": provider.text("client_id"),
        "client_secret": provider.text("client_secret"),
        "resource": resource,
        "scope": provider.text("scope"),
        "services": bases.map(|base| format!("{base}/me")),
    });
    child.stdin.take().expect("piped").write_all(format!("{about}\n").as_bytes()).await.expect("the client listens");
    let output = timeout(PATIENCE, child.wait_with_output()).await.expect("an end").expect("an exit");
    axum.abort();
    actix.stop(false).await;
    serde_json::from_slice(&output.stdout).expect("the clients ran: is `npm ci` done in tests/node?")
}

#[tokio::test]
#[ignore = "needs node: see CONTRIBUTING.md"]
async fn dpop_clients_get_through_and_a_stolen_token_is_worthless() {
    let provider = Provider::start().await;
    for nonces in [false, true] {
        let results = clients(&provider, nonces).await;
        assert_eq!(results.len(), 2 * (2 * 2 + 1));
        for result in results {
            match result["client"].as_str().expect("a name") {
                "thief" => {
                    assert_eq!(
                        (&result["bearer"], &result["other_key"]["status"]),
                        (&json!(401), &json!(401)),
                        "{result}"
                    );
                }
                "dpop" => {
                    let asked = if nonces { 401 } else { 200 };
                    assert_eq!((&result["asked"], &result["accepted"]), (&json!(asked), &json!(200)), "{result}");
                    assert_eq!(result["repeated"], 401, "a proof is good once: {result}");
                    assert_eq!(result["body"]["name"], "Ada", "{result}");
                    let challenge = result["challenge"].as_str().unwrap_or_default();
                    assert_eq!(challenge.contains("use_dpop_nonce"), nonces, "{result}");
                }
                _ => {
                    // The first request of a client may learn the nonce, and the second one has it.
                    let attempts = if nonces { 2 } else { 1 };
                    assert_eq!(result["first"], json!({"attempts": attempts, "status": 200}), "{result}");
                    assert_eq!(result["second"], json!({"attempts": 1, "status": 200}), "{result}");
                }
            }
        }
    }
    provider.stop().await;
}
