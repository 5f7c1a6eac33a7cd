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
//! The protocol itself is in `jwt_examples::mcp`: the revision 2026-07-28, and the older ones that clients still use. With the
//! official Rust SDK, `examples/mcp_rmcp.rs` needs less.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::post;
use jwt_examples::mcp::{Hosts, Message, Outcome, allow_hosts};
use jwt_tower::jwt_core::authorize::{Policy as _, scopes};
use jwt_tower::jwt_core::gate::ProtectedResource;
use jwt_tower::jwt_core::{BuildError, TrustedIssuer, Verifier};
use jwt_tower::{JwtLayer, Rejection, Verified};
use serde_json::json;

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
    Ok(Router::new()
        .route("/mcp", post(message))
        // The 401 names the scope, because MCP clients request the scope that it names.
        .layer(JwtLayer::new(verifier).require(ReadNotes::requirement()))
        .layer(from_fn_with_state(Hosts::of(resource), allow_hosts)))
}

/// Handles a request.
async fn message(verified: Verified, message: Message) -> Result<Response, Rejection> {
    Ok(match message.method() {
        "tools/list" => message.tools(&json!([
            {"name": "read", "description": "Reads the note", "inputSchema": {"type": "object"}},
            {"name": "write", "description": "Writes the note", "inputSchema": {"type": "object"}},
        ])),
        "tools/call" => message.answer(call(&verified, &message).await?),
        _ => message.other("notes"),
    })
}

/// Calls a tool. If the token doesn't meet its requirement, the client is answered 403 with the scopes it needs.
async fn call(verified: &Verified, message: &Message) -> Result<Outcome, Rejection> {
    let text = match message.param("name").as_str() {
        // The layer requires the scope that reading needs.
        Some("read") => format!("a note for {}", verified.registered().subject().unwrap_or("somebody")),
        Some("write") => {
            verified.require(WriteNotes::requirement()).await?;
            "written".to_owned()
        }
        _ => return Ok(Err((-32602, "no such tool"))),
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
