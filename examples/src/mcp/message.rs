use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// The current revision: every request says which revision it follows, and there's no handshake.
const CURRENT: &str = "2026-07-28";

/// Older revisions that are still in use, newest first. They begin with the method `initialize`.
const OLDER: [&str; 2] = ["2025-11-25", "2025-06-18"];

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const SERVER: &str = "io.modelcontextprotocol/serverInfo";

const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const PARSE_ERROR: i32 = -32700;
const HEADER_MISMATCH: i32 = -32020;
const UNSUPPORTED_VERSION: i32 = -32022;

/// The result of a request, or the code and the text of an error.
pub type Outcome = Result<Value, (i32, &'static str)>;

/// A request of the transport "streamable HTTP": JSON-RPC, and answered with JSON.
///
/// As an extractor it answers everything else itself: notifications, messages that it can't read, and requests whose revision
/// the server doesn't implement or whose headers say something else than their body.
#[derive(Clone, Debug)]
pub struct Message {
    id: Value,
    method: String,
    params: Value,
    /// Whether it follows the current revision.
    current: bool,
}

#[derive(serde::Deserialize)]
struct Body {
    id: Option<Value>,
    method: String,
    #[serde(default)]
    params: Value,
}

impl<S: Send + Sync> FromRequest<S> for Message {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let headers = request.headers().clone();
        let body = Bytes::from_request(request, state).await.map_err(IntoResponse::into_response)?;
        let refuse = |(code, text)| error(StatusCode::BAD_REQUEST, &Value::Null, code, text, None);
        let body: Value = serde_json::from_slice(&body).map_err(|_| refuse((PARSE_ERROR, "the body is not JSON")))?;
        let body = serde_json::from_value(body).map_err(|_| refuse((INVALID_REQUEST, "not a JSON-RPC request")))?;
        let Body { id: Some(id), method, params } = body else { return Err(StatusCode::ACCEPTED.into_response()) };
        let mut message = Self { id, method, params, current: true };
        match message.check(&headers) {
            Ok(current) => message.current = current,
            Err((code, text)) => {
                let requested = &message.params["_meta"][VERSION];
                let data = json!({ "supported": supported(), "requested": requested });
                let data = (code == UNSUPPORTED_VERSION).then_some(data);
                return Err(error(StatusCode::BAD_REQUEST, &message.id, code, text, data));
            }
        }
        Ok(message)
    }
}

impl Message {
    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns a parameter, or null.
    #[must_use]
    pub fn param(&self, name: &str) -> &Value {
        &self.params[name]
    }

    /// Answers with the outcome of the request.
    #[must_use]
    pub fn answer(&self, outcome: Outcome) -> Response {
        match outcome {
            Ok(result) => self.result(result),
            Err((code, text)) => error(StatusCode::OK, &self.id, code, text, None),
        }
    }

    /// Answers a request for the list of tools.
    #[must_use]
    pub fn tools(&self, tools: &Value) -> Response {
        let mut result = json!({ "tools": tools });
        if self.current {
            // The client may keep the list for a minute, but must not share it.
            result["ttlMs"] = 60_000.into();
            result["cacheScope"] = "private".into();
        }
        self.result(result)
    }

    /// Answers the requests that have nothing to do with tools, and those with a method that doesn't exist.
    #[must_use]
    pub fn other(&self, name: &str) -> Response {
        let about = json!({ "name": name, "version": env!("CARGO_PKG_VERSION") });
        let capabilities = json!({ "tools": {} });
        match (self.current, self.method()) {
            (true, "server/discover") => self.result(json!({
                "supportedVersions": supported(), "capabilities": capabilities, "_meta": { SERVER: about },
                "ttlMs": 60_000, "cacheScope": "private",
            })),
            (false, "initialize") => {
                let asked = self.param("protocolVersion").as_str().unwrap_or_default();
                // A client that can't use this revision disconnects.
                let version = OLDER.into_iter().find(|older| *older == asked).unwrap_or(OLDER[0]);
                self.result(json!({ "protocolVersion": version, "capabilities": capabilities, "serverInfo": about }))
            }
            (false, "ping") => self.result(json!({})),
            (current, _) => {
                let status = if current { StatusCode::NOT_FOUND } else { StatusCode::OK };
                error(status, &self.id, METHOD_NOT_FOUND, "no such method", None)
            }
        }
    }

    fn result(&self, mut result: Value) -> Response {
        if self.current {
            result["resultType"] = "complete".into();
        }
        Json(json!({ "jsonrpc": "2.0", "id": self.id, "result": result })).into_response()
    }

    /// Checks the revision and the headers. Returns whether the request follows the current revision.
    fn check(&self, headers: &HeaderMap) -> Result<bool, (i32, &'static str)> {
        let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let in_header = header("mcp-protocol-version");
        let meta = &self.params["_meta"];
        let Some(version) = meta[VERSION].as_str() else {
            if in_header.is_none_or(|version| OLDER.contains(&version)) {
                return Ok(false);
            }
            return Err((INVALID_PARAMS, "`_meta` does not say which revision of the protocol this is"));
        };
        if !meta[CAPABILITIES].is_object() {
            return Err((INVALID_PARAMS, "`_meta` does not say what the client can do"));
        }
        // Proxies decide by the headers, so they must say the same as the body.
        if in_header != Some(version) {
            return Err((HEADER_MISMATCH, "`MCP-Protocol-Version` is not the revision of the body"));
        }
        if version != CURRENT {
            return Err((UNSUPPORTED_VERSION, "this revision of the protocol is not implemented"));
        }
        if header("mcp-method") != Some(self.method()) {
            return Err((HEADER_MISMATCH, "`Mcp-Method` is not the method of the body"));
        }
        if self.method() == "tools/call" && header("mcp-name") != self.param("name").as_str() {
            return Err((HEADER_MISMATCH, "`Mcp-Name` is not the name in the body"));
        }
        Ok(true)
    }
}

fn supported() -> Vec<&'static str> {
    std::iter::once(CURRENT).chain(OLDER).collect()
}

fn error(status: StatusCode, id: &Value, code: i32, text: &str, data: Option<Value>) -> Response {
    let mut error = Map::new();
    error.insert("code".to_owned(), code.into());
    error.insert("message".to_owned(), text.into());
    if let Some(data) = data {
        error.insert("data".to_owned(), data);
    }
    (status, Json(json!({ "jsonrpc": "2.0", "id": id, "error": error }))).into_response()
}
