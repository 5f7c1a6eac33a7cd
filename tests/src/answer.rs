//! A response as a client sees it, in a form that can be compared across frameworks.

use std::fmt;

use jwt_core::{Error, ErrorKind};

/// A response as a client sees it, and the code of the error that outer layers can read.
///
/// `Date` is dropped. `Content-Length` is checked against the body and dropped, because the frameworks write it at
/// different times: axum in process, actix-web when it encodes the response. Everything else must be byte-identical.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header lines, sorted.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// The code of the [`Error`] in the response's extensions.
    pub code: Option<&'static str>,
}

impl Answer {
    /// Creates a response in comparable form.
    ///
    /// # Panics
    ///
    /// Panics if `Content-Length` isn't the length of the body.
    #[must_use]
    pub fn new(
        status: u16,
        headers: impl IntoIterator<Item = (String, Vec<u8>)>,
        body: Vec<u8>,
        error: Option<&Error>,
    ) -> Self {
        let mut headers: Vec<(String, Vec<u8>)> = headers.into_iter().filter(|(name, _)| name != "date").collect();
        headers.retain(|(name, value)| {
            let is_length = name == "content-length";
            assert!(!is_length || *value == body.len().to_string().into_bytes(), "content-length of {}", body.len());
            !is_length
        });
        headers.sort();
        Self { status, headers, body, code: error.map(Error::code) }
    }

    /// The response to a request without credentials: a challenge without an error code (RFC 6750 section 3.1).
    #[must_use]
    pub fn missing() -> Self {
        Self::challenge(401, r#"Bearer realm="api""#, ErrorKind::NoCredentials)
    }

    /// The response to a request without credentials for something that requires these scopes.
    #[must_use]
    pub fn missing_for(scope: &str) -> Self {
        Self::challenge(401, &format!(r#"Bearer realm="api", scope="{scope}""#), ErrorKind::NoCredentials)
    }

    /// The response to malformed credentials.
    #[must_use]
    pub fn malformed(kind: ErrorKind) -> Self {
        Self::challenge(400, r#"Bearer realm="api", error="invalid_request""#, kind)
    }

    /// The response to every rejected token, no matter why.
    #[must_use]
    pub fn refused(kind: ErrorKind) -> Self {
        Self::challenge(401, r#"Bearer realm="api", error="invalid_token""#, kind)
    }

    /// The response to a token that lacks scopes.
    #[must_use]
    pub fn forbidden(missing: &str) -> Self {
        let value = format!(r#"Bearer realm="api", error="insufficient_scope", scope="{missing}""#);
        Self::challenge(403, &value, ErrorKind::InsufficientScope)
    }

    /// The response to a token that lacks something other than a scope.
    #[must_use]
    pub fn not_allowed(kind: ErrorKind) -> Self {
        Self::challenge(403, r#"Bearer realm="api", error="insufficient_scope""#, kind)
    }

    /// The response to a request that may come from another site.
    #[must_use]
    pub fn csrf() -> Self {
        Self { status: 403, headers: Vec::new(), body: Vec::new(), code: Some(ErrorKind::CsrfFailed.code()) }
    }

    /// The response to a token whose user must log in again, with these parameters in the challenge.
    #[must_use]
    pub fn login(parameters: &str) -> Self {
        let value = format!(r#"Bearer realm="api", error="insufficient_user_authentication", {parameters}"#);
        Self::challenge(401, &value, ErrorKind::InsufficientAuthentication)
    }

    /// The response while a service that is needed is unavailable.
    #[must_use]
    pub fn unavailable(kind: ErrorKind, retry_after: u64) -> Self {
        let headers = vec![("retry-after".to_owned(), retry_after.to_string().into_bytes())];
        Self { status: 503, headers, body: Vec::new(), code: Some(kind.code()) }
    }

    /// The response to a handler that needs a layer, if no layer ran.
    #[must_use]
    pub fn misuse() -> Self {
        Self::fault(ErrorKind::LayerMissing)
    }

    /// The response if the application is set up wrongly.
    #[must_use]
    pub fn fault(kind: ErrorKind) -> Self {
        Self { status: 500, headers: Vec::new(), body: Vec::new(), code: Some(kind.code()) }
    }

    /// A response that has only a status.
    #[must_use]
    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), code: None }
    }

    /// A handler's response with a plain-text body.
    #[must_use]
    pub fn text(body: &str) -> Self {
        Self::handled("text/plain; charset=utf-8", body.as_bytes().to_vec())
    }

    /// A handler's response with a JSON body.
    #[must_use]
    pub fn json(body: &serde_json::Value) -> Self {
        Self::handled("application/json", body.to_string().into_bytes())
    }

    /// Adds a header line to the expected response.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        self.headers.sort();
        self
    }

    /// Adds a body and its content type to the expected response.
    #[must_use]
    pub fn with_body(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.with_header("content-type", content_type)
    }

    /// Returns the value of a header as a string.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let line = self.headers.iter().find(|(other, _)| other == name);
        line.and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    fn handled(content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.as_bytes().to_vec())];
        Self { status: 200, headers, body, code: None }
    }

    fn challenge(status: u16, value: &str, kind: ErrorKind) -> Self {
        let headers = vec![("www-authenticate".to_owned(), value.as_bytes().to_vec())];
        Self { status, headers, body: Vec::new(), code: Some(kind.code()) }
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({})", self.status, self.code.unwrap_or("no error"))?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {}", value.escape_ascii())?;
        }
        write!(f, "{}", self.body.escape_ascii())
    }
}
