//! Shows a server of the Model Context Protocol whose tools need a token, and how clients find out where to get one.
//!
//! `MCP_ISSUER` is your authorization server; its access tokens must follow RFC 9068.
//! ```sh
//! export MCP_ISSUER=https://id.example
//! cargo run -p jwt-examples --example mcp &
//! ```
//! Without a token, a client is answered 401 with the address of the server's metadata (RFC 9728). The metadata, answered 200,
//! names the authorization server:
//! ```sh
//! curl -i http://127.0.0.1:3000/mcp -d '{}'
//! curl -i http://127.0.0.1:3000/.well-known/oauth-protected-resource/mcp
//! ```

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use jwt_tower::jwt_core::authorize::{Policy as _, scopes};
use jwt_tower::jwt_core::gate::ProtectedResource;
use jwt_tower::jwt_core::{BuildError, TrustedIssuer, Verifier};
use jwt_tower::{JwtLayer, Rejection, Verified};
use serde_json::{Value, json};

jwt_tower::jwt_core::policy! {
    ReadNotes = scopes(["notes:read"]);
    // MCP clients request exactly the scopes that a 403 names, so it must name all of them.
    WriteNotes = scopes(["notes:read", "notes:write"]).naming_all();
}

/// Accepts tokens from `issuer` for `resource`, the address of this server.
pub(crate) fn app(issuer: &str, resource: &str) -> Result<Router, BuildError> {
    let verifier = Verifier::builder()
        .issuer(TrustedIssuer::discover(issuer).access_token_profile())
        .resource(ProtectedResource::new(resource).name("Notes").scopes(["notes:read"]))
        .build()?;
    Ok(Router::new().route("/mcp", post(message)).layer(JwtLayer::new(verifier)))
}

#[derive(serde::Deserialize)]
struct Message {
    id: Option<Value>,
    method: String,
    #[serde(default)]
    params: Value,
}

/// Handles a message of the protocol's "streamable HTTP" transport: each one is a JSON-RPC request, answered with JSON.
async fn message(verified: Verified, Json(message): Json<Message>) -> Result<Response, Rejection> {
    let Some(id) = message.id else { return Ok(StatusCode::ACCEPTED.into_response()) };
    let outcome = match &*message.method {
        "initialize" => Ok(json!({
            "protocolVersion": message.params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "notes", "version": "1"},
        })),
        "ping" => Ok(json!({})),
        "tools/list" => Ok(json!({"tools": [
            {"name": "read", "description": "Reads the note", "inputSchema": {"type": "object"}},
            {"name": "write", "description": "Writes the note", "inputSchema": {"type": "object"}},
        ]})),
        "tools/call" => call(&verified, &message.params).await?,
        _ => Err(json!({"code": -32601, "message": "no such method"})),
    };
    let mut answer = json!({"jsonrpc": "2.0", "id": id});
    match outcome {
        Ok(result) => answer["result"] = result,
        Err(error) => answer["error"] = error,
    }
    Ok(Json(answer).into_response())
}

/// Calls a tool. Each has its own requirement; if the token doesn't meet it, the client is answered 403 with the scopes it needs.
async fn call(verified: &Verified, params: &Value) -> Result<Result<Value, Value>, Rejection> {
    let text = match params["name"].as_str() {
        Some("read") => {
            verified.require(ReadNotes::requirement()).await?;
            format!("a note for {}", verified.registered().subject().unwrap_or("somebody"))
        }
        Some("write") => {
            verified.require(WriteNotes::requirement()).await?;
            "written".to_owned()
        }
        _ => return Ok(Err(json!({"code": -32602, "message": "no such tool"}))),
    };
    Ok(Ok(json!({"content": [{"type": "text", "text": text}]})))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer =
        std::env::var("MCP_ISSUER").map_err(|_| "set MCP_ISSUER to the address of your authorization server")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app(&issuer, "http://127.0.0.1:3000/mcp")?).await?;
    Ok(())
}
