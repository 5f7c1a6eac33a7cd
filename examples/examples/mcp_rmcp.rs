//! Shows the official Rust SDK of the Model Context Protocol behind the layer. Each caller sees only the tools that it may call.
//!
//! `MCP_ISSUER` is your authorization server; its access tokens must follow RFC 9068.
//! ```sh
//! export MCP_ISSUER=https://id.example
//! cargo run -p jwt-examples --example mcp_rmcp &
//! ```
//! The SDK checks no tokens: the layer does, and passes the verified token on to the tools. Without a token, a client is answered
//! 401 with the address of the server's metadata (RFC 9728):
//! ```sh
//! curl -i http://127.0.0.1:3000/mcp -d '{}'
//! ```
//! A client never learns about tools that it may not call, so it can't ask for more scopes either. If that's what you want, see
//! `examples/mcp.rs`, which lists all of them and answers 403.

use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use jwt_tower::JwtLayer;
use jwt_tower::jwt_core::authorize::{Policy as _, Requirement, scopes};
use jwt_tower::jwt_core::gate::{ProtectedResource, RequestState};
use jwt_tower::jwt_core::{BuildError, TrustedIssuer, Verified, Verifier};
use rmcp::model::{
    CacheScope, CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, JsonObject, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool,
};
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler};
use serde_json::json;

jwt_tower::jwt_core::policy! {
    ReadNotes = scopes(["notes:read"]);
    WriteNotes = scopes(["notes:read", "notes:write"]);
}

/// A tool and the requirement that guards it.
struct NoteTool {
    name: &'static str,
    description: &'static str,
    requirement: fn() -> &'static dyn Requirement,
    call: fn(&Verified) -> String,
}

const TOOLS: [NoteTool; 2] = [
    NoteTool {
        name: "read",
        description: "Reads the note",
        requirement: ReadNotes::requirement,
        call: |caller| format!("a note for {}", caller.registered().subject().unwrap_or("somebody")),
    },
    NoteTool {
        name: "write",
        description: "Writes the note",
        requirement: WriteNotes::requirement,
        call: |_| "written".to_owned(),
    },
];

/// The tools whose requirement the caller meets.
fn tools_of(
    context: &RequestContext<RoleServer>,
) -> Result<(&Verified, impl Iterator<Item = &'static NoteTool>), ErrorData> {
    let state = context.extensions.get::<Parts>().and_then(|parts| parts.extensions.get::<RequestState>());
    let caller = state.and_then(RequestState::verified);
    let caller = caller.ok_or_else(|| ErrorData::internal_error("is `JwtLayer` enabled?", None))?;
    Ok((caller, TOOLS.iter().filter(|tool| (tool.requirement)().check(caller).is_ok())))
}

struct Notes;

impl ServerHandler for Notes {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _page: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let (_, tools) = tools_of(&context)?;
        let schema: Arc<JsonObject> = Arc::new(json!({"type": "object"}).as_object().cloned().unwrap_or_default());
        let tools = tools.map(|tool| Tool::new(tool.name, tool.description, Arc::clone(&schema)));
        // The list is only for this caller: no cache may give it to another.
        Ok(ListToolsResult::with_all_items(tools.collect()).with_cache_scope(CacheScope::Private).with_ttl_ms(0))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let (caller, mut tools) = tools_of(&context)?;
        let tool = tools.find(|tool| tool.name == request.name);
        let tool = tool.ok_or_else(|| ErrorData::invalid_params("no such tool", None))?;
        Ok(CallToolResult::success(vec![ContentBlock::text((tool.call)(caller))]).into())
    }
}

/// Accepts tokens from `issuer` for `resource`, the address of this server.
pub(crate) fn app(issuer: &str, resource: &str) -> Result<Router, BuildError> {
    let verifier = Verifier::builder()
        .issuer(TrustedIssuer::discover(issuer).access_token_profile())
        .resource(ProtectedResource::new(resource).name("Notes").scopes(["notes:read", "notes:write"]))
        .build()?;
    // By default the SDK accepts only requests that name this machine as host, but from pages of any origin.
    let config = StreamableHttpServerConfig::default()
        .with_allowed_origins(["http://localhost:*", "http://127.0.0.1:*"])
        // Without sessions, no session can be taken over.
        .with_legacy_session_mode(false)
        .with_json_response(true);
    let service = StreamableHttpService::new(|| Ok(Notes), Arc::new(NeverSessionManager::default()), config);
    Ok(Router::new().route_service("/mcp", service).layer(JwtLayer::new(verifier)))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer =
        std::env::var("MCP_ISSUER").map_err(|_| "set MCP_ISSUER to the address of your authorization server")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    axum::serve(listener, app(&issuer, "http://127.0.0.1:3000/mcp")?).await?;
    Ok(())
}
