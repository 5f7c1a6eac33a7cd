//! The demo with `--dpop`: its issuer binds tokens, and a stolen one is worthless.

use jwt_core::testing::{ManualClock, TestClient};
use jwt_core::{Clock as _, SystemClock};
use jwt_examples::demo::{Demo, DpopMode, Options};

use crate::{ada, answer, claims, client, json, token};

async fn start(mode: DpopMode) -> Demo {
    Demo::start(Options::on_free_ports().dpop(mode)).await.expect("free ports")
}

/// The headers of a printed command.
fn headers(command: &str) -> Vec<(String, String)> {
    let quoted = command.split(" -H '").skip(1).map(|rest| rest.trim_end().trim_end_matches('\''));
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
    quoted.filter_map(header).collect()
}

#[tokio::test]
async fn each_printed_command_has_the_status_that_it_says() {
    for mode in [DpopMode::Allowed, DpopMode::Required] {
        let demo = start(mode).await;
        let calls = demo.calls().expect("a key that signs");
        assert_eq!(calls.len(), 6);
        for call in calls {
            let url = call.command.split_whitespace().nth(2).expect("an address");
            let request = headers(&call.command)
                .into_iter()
                .fold(client().get(url), |request, (name, value)| request.header(name, value));
            assert_eq!(answer(request).await.status, call.status, "{mode:?}: {}", call.about);
        }
        demo.stop().await;
    }
}

#[tokio::test]
async fn the_issuer_binds_a_token_to_the_key_of_the_clients_proof() {
    let demo = start(DpopMode::Required).await;
    let endpoint = format!("{}/dev-issuer/token", demo.axum_url());
    let now = SystemClock.now().as_secs();
    let own = TestClient::new(ManualClock::at(now));
    let ask = |proof: &str| {
        let request = client().post(&endpoint).header("content-type", "application/x-www-form-urlencoded");
        answer(request.header("dpop", proof).body("grant_type=client_credentials&name=Ada"))
    };
    let refused = ask("a.b.c").await;
    assert_eq!((refused.status, &json(&refused)["error"]), (400, &"invalid_dpop_proof".into()));
    let granted = json(&ask(&own.proof("POST", &endpoint, "")).await);
    assert_eq!(granted["token_type"], "DPoP");
    let bound = granted["access_token"].as_str().expect("a token");
    assert_eq!(claims(bound)["cnf"]["jkt"].as_str().map(str::len), Some(43));
    for server in [demo.axum_url(), demo.actix_url()] {
        let url = format!("{server}/me");
        let send = |proof: String| {
            answer(client().get(&url).header("authorization", format!("DPoP {bound}")).header("dpop", proof))
        };
        assert_eq!(send(own.proof("GET", &url, bound)).await.status, 200);
        let thief = TestClient::new(ManualClock::at(now));
        assert_eq!(send(thief.proof("GET", &url, bound)).await.status, 401);
        assert_eq!(answer(client().get(&url).bearer_auth(bound)).await.status, 401);
        assert_eq!(answer(client().get(&url).bearer_auth(token(&demo, &ada()))).await.status, 401, "not bound");
    }
    demo.stop().await;
}
