//! Revisions, hosts and tools, with tokens of different scopes.

use reqwest::header::{HOST, ORIGIN};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::{Server, by_hand, with_sdk};

fn post(server: &Server) -> RequestBuilder {
    let client = Client::builder().no_proxy().build().expect("a client");
    client.post(&server.url).header("accept", "application/json, text/event-stream")
}

/// Sends a request of a revision that begins with `initialize`.
async fn older(server: &Server, method: &str, params: Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let answer = post(server).header("content-type", "application/json").body(body).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
    serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
}

/// Sends a request of the revision 2026-07-28, or of another one that is stateless.
async fn stateless(server: &Server, revision: &str, method: &str, mut params: Value) -> (u16, Value) {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": revision, "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut request = post(server).header("content-type", "application/json");
    if let Some(name) = params["name"].as_str() {
        request = request.header("mcp-name", name);
    }
    let request = request.header("mcp-protocol-version", revision).header("mcp-method", method);
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let answer = request.body(body).send().await.expect("an answer");
    let status = answer.status().as_u16();
    (status, serde_json::from_str(&answer.text().await.expect("a body")).unwrap_or_default())
}

fn initialize(revision: &str) -> Value {
    json!({"protocolVersion": revision, "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}})
}

#[tokio::test]
async fn a_revision_is_agreed_on_only_if_the_server_implements_it() {
    let server = Server::start(by_hand::app, "notes:read").await;
    for (asked, agreed) in [
        ("2025-11-25", "2025-11-25"),
        ("2025-06-18", "2025-06-18"),
        ("2024-11-05", "2025-11-25"),
        ("2099-01-01", "2025-11-25"),
        ("2026-07-28", "2025-11-25"),
        ("", "2025-11-25"),
    ] {
        let answer = older(&server, "initialize", initialize(asked)).await;
        assert_eq!(answer["result"]["protocolVersion"], agreed, "{asked}");
    }
    let (status, answer) = stateless(&server, "2026-07-28", "server/discover", json!({})).await;
    let supported = json!(["2026-07-28", "2025-11-25", "2025-06-18"]);
    assert_eq!((status, &answer["result"]["supportedVersions"]), (200, &supported));
    let (status, answer) = stateless(&server, "2099-01-01", "server/discover", json!({})).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!(-32022)));
    assert_eq!(answer["error"]["data"], json!({"supported": supported, "requested": "2099-01-01"}));
}

#[tokio::test]
async fn another_host_or_the_page_of_another_origin_is_refused() {
    let server = Server::start(by_hand::app, "notes:read").await;
    let port = server.url.trim_end_matches("/mcp").rsplit(':').next().expect("a port").to_owned();
    let own = format!("127.0.0.1:{port}");
    for (host, origin, status) in [
        (own.clone(), None, 200),
        (format!("localhost:{port}"), None, 200),
        (format!("LOCALHOST:{port}"), Some(format!("http://localhost:{port}")), 200),
        (format!("[::1]:{port}"), Some(format!("http://{own}")), 200),
        ("evil.example".to_owned(), None, 403),
        (format!("evil.example:{port}"), None, 403),
        (format!("localhost.evil.example:{port}"), None, 403),
        ("127.0.0.1:1".to_owned(), None, 403),
        (own.clone(), Some("http://evil.example".to_owned()), 403),
        (own.clone(), Some(format!("http://{own}.evil.example")), 403),
        (own.clone(), Some("null".to_owned()), 403),
        (own.clone(), Some(String::new()), 403),
    ] {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "ping"}).to_string();
        let mut request = post(&server).header("content-type", "application/json").header(HOST, &host).body(body);
        if let Some(origin) = &origin {
            request = request.header(ORIGIN, origin);
        }
        assert_eq!(request.send().await.expect("an answer").status().as_u16(), status, "{host} {origin:?}");
    }
}

#[tokio::test]
async fn a_message_that_says_two_things_is_refused() {
    let server = Server::start(by_hand::app, "notes:read").await;
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {},
    });
    let call = json!({"name": "read", "_meta": meta});
    let usual = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "read")];
    for (changed, value, status) in [
        ("", "", 200),
        ("mcp-protocol-version", "2025-11-25", 400),
        ("mcp-method", "tools/list", 400),
        ("mcp-method", "TOOLS/CALL", 400),
        ("mcp-name", "write", 400),
        ("mcp-name", "", 400),
    ] {
        let mut request = post(&server).header("content-type", "application/json");
        for (name, usual) in usual {
            request = request.header(name, if name == changed { value } else { usual });
        }
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}).to_string();
        let answer = request.body(body).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), status, "{changed}: {value}");
    }
    for body in ["", "{", "[]", "1", r#"{"id": 1}"#, r#"{"id": 1, "method": 1}"#] {
        let answer = post(&server).header("content-type", "application/json").body(body).send().await;
        assert_eq!(answer.expect("an answer").status().as_u16(), 400, "{body}");
    }
}

#[tokio::test]
async fn each_caller_is_shown_and_may_call_the_tools_whose_requirement_it_meets() {
    for (scope, tools) in [
        ("notes:read notes:write", &["read", "write"][..]),
        ("notes:read", &["read"]),
        ("notes:write", &[]),
        ("profile", &[]),
    ] {
        let server = Server::start(with_sdk::app, scope).await;
        let names = |answer: &Value| {
            let tools = answer["result"]["tools"].as_array().expect("a list").iter();
            tools.map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect::<Vec<_>>().join(" ")
        };
        let (status, listed) = stateless(&server, "2026-07-28", "tools/list", json!({})).await;
        assert_eq!((status, names(&listed)), (200, tools.join(" ")), "{scope}");
        assert_eq!(listed["result"]["cacheScope"], "private");
        assert_eq!(names(&older(&server, "tools/list", json!({})).await), names(&listed));
        for name in ["read", "write", "other"] {
            let (_, called) = stateless(&server, "2026-07-28", "tools/call", json!({"name": name})).await;
            let by_older = older(&server, "tools/call", json!({"name": name})).await;
            for answer in [called, by_older] {
                if tools.contains(&name) {
                    assert_eq!(answer["result"]["content"][0]["type"], "text", "{scope} {name}: {answer}");
                } else {
                    assert_eq!(answer["error"]["code"], -32602, "{scope} {name}: {answer}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_tool_that_needs_another_scope_is_answered_403_by_the_server_that_lists_all() {
    let server = Server::start(by_hand::app, "notes:read").await;
    let (status, answer) = stateless(&server, "2026-07-28", "tools/call", json!({"name": "read"})).await;
    assert_eq!((status, &answer["result"]["resultType"]), (200, &json!("complete")));
    let (status, _) = stateless(&server, "2026-07-28", "tools/call", json!({"name": "write"})).await;
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_client_without_a_token_or_scope_is_told_what_to_request() {
    let challenge = |metadata: &str, rest: &str| {
        format!(r#"Bearer realm="api", resource_metadata="{metadata}/.well-known/oauth-protected-resource/mcp"{rest}"#)
    };
    let server = Server::start(by_hand::app, "profile").await;
    let host = server.url.strip_suffix("/mcp").expect("the path");
    let missing = challenge(host, r#", scope="notes:read""#);
    let scope = challenge(host, r#", error="insufficient_scope", scope="notes:read""#);
    for (request, status, expected) in
        [(post(&server).header("authorization", "Basic eDp5"), 401, missing), (post(&server), 403, scope)]
    {
        let answer = request.header("content-type", "application/json").body("{}").send().await.expect("an answer");
        let parts = |challenge: &str| {
            let mut parts: Vec<_> = challenge.split(", ").map(str::to_owned).collect();
            parts.sort();
            parts
        };
        let seen = answer.headers()["www-authenticate"].to_str().expect("text");
        assert_eq!((answer.status().as_u16(), parts(seen)), (status, parts(&expected)));
    }
}
