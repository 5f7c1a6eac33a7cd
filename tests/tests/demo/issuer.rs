use serde_json::json;

use crate::{answer, ask, claims, client, json, start, text};

#[tokio::test]
async fn the_token_endpoint_follows_rfc_6749() {
    let demo = start().await;
    let endpoint = format!("{}/dev-issuer/token", demo.axum_url());
    let post = |form: &str| {
        let form = form.to_owned();
        let request = client().post(&endpoint).header("content-type", "application/x-www-form-urlencoded").body(form);
        answer(request)
    };
    let granted = post("grant_type=client_credentials&scope=reports%3Aread&name=Ada+L&lifetime=120").await;
    assert_eq!((granted.status, granted.header("cache-control")), (200, Some("no-store")));
    let body = json(&granted);
    let token = body["access_token"].as_str().unwrap();
    assert_eq!(
        body,
        json!({"access_token": token, "token_type": "Bearer", "expires_in": 120, "scope": "reports:read"})
    );
    assert_eq!(claims(token)["name"], "Ada L");
    assert_eq!(ask(&demo, "/reports", Some(token)).await.status, 200);

    for (lifetime, good_for) in [("99999999", 86_400), ("-99999999", -86_400), ("-3600", -3600), ("", 600)] {
        let lifetime = if lifetime.is_empty() { String::new() } else { format!("&lifetime={lifetime}") };
        let body = json(&post(&format!("grant_type=client_credentials{lifetime}")).await);
        assert_eq!((body["expires_in"].as_i64(), body.get("scope")), (Some(good_for.max(0)), None), "{lifetime}");
        let token = body["access_token"].as_str().unwrap();
        let status = if good_for > 0 { 200 } else { 401 };
        assert_eq!(ask(&demo, "/me", Some(token)).await.status, status, "{lifetime}");
    }

    for (form, error) in [
        ("", "invalid_request"),
        ("scope=a", "invalid_request"),
        ("grant_type=password", "unsupported_grant_type"),
        ("grant_type=client_credentials&grant_type=client_credentials", "invalid_request"),
        ("grant_type=client_credentials&lifetime=soon", "invalid_request"),
        ("grant_type=client_credentials&scope=a++b", "invalid_scope"),
        ("grant_type=client_credentials&scope=%22", "invalid_scope"),
        (&format!("grant_type=client_credentials&name={}", "a".repeat(5000)), "invalid_request"),
    ] {
        let refused = post(form).await;
        assert_eq!((refused.status, refused.header("cache-control")), (400, Some("no-store")), "{form}");
        assert_eq!(json(&refused)["error"], error, "{form}");
    }
    demo.stop().await;
}

#[tokio::test]
async fn the_embedded_issuer_publishes_metadata_and_public_key_only_to_this_machine() {
    let demo = start().await;
    let issuer = format!("{}/dev-issuer", demo.axum_url());
    let discovery = format!("{issuer}/.well-known/openid-configuration");
    let metadata = answer(client().get(&discovery)).await;
    assert_eq!(json(&metadata)["issuer"], issuer);
    let keys = answer(client().get(json(&metadata)["jwks_uri"].as_str().unwrap())).await;
    assert_eq!(keys.header("cache-control"), Some("public, max-age=300"));
    let key = &json(&keys)["keys"][0];
    assert_eq!((&key["kty"], &key["alg"], key.get("d")), (&json!("EC"), &json!("ES256"), None));

    for host in ["id.example", "id.example:80", "127.0.0.1.id.example", "", "[::1]:3000"] {
        for request in [
            client().get(&discovery),
            client().get(format!("{issuer}/jwks")),
            client().post(format!("{issuer}/token")).body("grant_type=client_credentials"),
        ] {
            let refused = answer(request.header("host", host)).await;
            assert_eq!(refused.status, 403, "{host}");
            assert!(!text(&refused).contains("ey"), "{host}");
        }
    }
    demo.stop().await;
}
