//! Protected resource metadata, which tells clients where to get tokens for a resource. RFC 9728.

use std::sync::Arc;

use serde::Serialize;

use super::{Answer, Endpoint};
use crate::step::Step;

/// A protected resource, and the metadata that tells clients where to get tokens for it. RFC 9728.
///
/// ```
/// use jwt_core::gate::ProtectedResource;
/// use jwt_core::keys::Key;
/// use jwt_core::{Algorithm, TrustedIssuer, Verifier};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let key = Key::from_secret(Algorithm::HS256, [7; 32])?;
/// let verifier = Verifier::builder()
///     .issuer(TrustedIssuer::new("https://id.example").key(key))
///     .resource(ProtectedResource::new("https://api.example/reports").scopes(["reports:read"]))
///     .build()?;
///
/// let metadata = verifier.resource_metadata().expect("a resource is configured");
/// assert_eq!(metadata.url(), "https://api.example/.well-known/oauth-protected-resource/reports");
/// # Ok(())
/// # }
/// ```
///
/// `resource(..)` does three things:
///
/// - tokens must have the resource as their audience, unless their issuer has another audience configured;
/// - every challenge names the URL of the metadata;
/// - a layer or middleware around the whole application answers requests for the metadata, which need no token. One inside a
///   router or a scope does not see these requests: axum's `route_layer`, layers of nested routers and single routes, and
///   actix-web's `wrap` of a scope or resource. In these cases mount [`ResourceMetadata::endpoint`].
///
/// If an application has several resources, call `resource(..)` for each. The path of a request then decides which audience its
/// token must have, and which metadata its challenge names: [`VerifierBuilder::resource`](crate::VerifierBuilder::resource).
///
/// The resource's name is a URL. It's also the audience of its tokens, and clients ask for it (RFC 8707). It must be `https`, or
/// `http` on a loopback host, without query or fragment, and with a path that needs no escapes.
#[derive(Clone, Debug, Default, Serialize)]
#[must_use]
pub struct ProtectedResource {
    resource: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    authorization_servers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes_supported: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    bearer_methods_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_documentation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_policy_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resource_tos_uri: Option<String>,
    #[serde(flatten)]
    binding: Binding,
}

/// How tokens for a resource are bound to their sender. RFC 9728 section 2.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Binding {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) dpop_signing_alg_values_supported: Vec<&'static str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) dpop_bound_access_tokens_required: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) tls_client_certificate_bound_access_tokens: bool,
}

impl ProtectedResource {
    /// Creates a resource from its URL, for example `https://api.example`.
    pub fn new(resource: impl Into<String>) -> Self {
        Self { resource: resource.into(), ..Self::default() }
    }

    /// Sets the servers that issue tokens for it. Default: the issuers that the verifier trusts by name.
    pub fn authorization_servers<N: Into<String>>(mut self, issuers: impl IntoIterator<Item = N>) -> Self {
        self.authorization_servers = issuers.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the scopes that a client may ask for. Default: no scopes are published.
    pub fn scopes<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.scopes_supported = names.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the name to show to people. Default: no name.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.resource_name = Some(name.into());
        self
    }

    /// Sets the URL of the documentation for developers. Default: no URL.
    pub fn documentation(mut self, url: impl Into<String>) -> Self {
        self.resource_documentation = Some(url.into());
        self
    }

    /// Sets the URL of the rules for how clients may use the data. Default: no URL.
    pub fn policy(mut self, url: impl Into<String>) -> Self {
        self.resource_policy_uri = Some(url.into());
        self
    }

    /// Sets the URL of the terms of service. Default: no URL.
    pub fn terms(mut self, url: impl Into<String>) -> Self {
        self.resource_tos_uri = Some(url.into());
        self
    }

    /// Sets the `https` URL of the resource's own keys, which sign its responses. Default: no URL.
    pub fn jwks_uri(mut self, url: impl Into<String>) -> Self {
        self.jwks_uri = Some(url.into());
        self
    }

    pub(crate) fn resource(&self) -> &str {
        &self.resource
    }

    /// Returns origin and path, which has no slash at its end. The name must be valid.
    pub(crate) fn split(&self) -> (&str, &str) {
        let (origin, path) = split(&self.resource).unwrap_or_default();
        (origin, path.trim_end_matches('/'))
    }

    /// Builds the published document, or returns the setting that is invalid.
    pub(crate) fn publish(
        mut self,
        issuers: impl Iterator<Item = String>,
        bearer_methods: &[&'static str],
        binding: Binding,
    ) -> Result<ResourceMetadata, InvalidResource> {
        let (origin, path) = split(&self.resource)?;
        // RFC 9728 section 2: "The URL MUST use the https scheme".
        if self.jwks_uri.as_ref().is_some_and(|url| !url.starts_with("https://")) {
            return Err(InvalidResource::Insecure("jwks_uri"));
        }
        if self.authorization_servers.is_empty() {
            self.authorization_servers = issuers.collect();
        }
        self.bearer_methods_supported = bearer_methods.to_vec();
        self.binding = binding;
        // RFC 9728 section 3.1: the well-known part goes between host and path, and the slash after a bare host is dropped.
        let path = format!("/.well-known/oauth-protected-resource{}", if path == "/" { "" } else { path });
        let document = Document {
            url: format!("{origin}{path}"),
            path,
            // The fields are strings only, so this cannot fail.
            body: serde_json::to_string(&self).unwrap_or_default(),
        };
        Ok(ResourceMetadata(Arc::new(document)))
    }
}

/// The setting that makes a resource invalid.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InvalidResource {
    /// Not a URL that can name a resource.
    Invalid(&'static str),
    /// `http` instead of `https`.
    Insecure(&'static str),
}

/// Splits a resource's URL into origin and path.
fn split(resource: &str) -> Result<(&str, &str), InvalidResource> {
    let invalid = InvalidResource::Invalid("resource");
    let (scheme, rest) = resource.split_once("://").ok_or(InvalidResource::Invalid("resource"))?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // Characters that need no escapes in a URL, in a challenge, and in a framework's route patterns.
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/@,;=+!$&'()".contains(&byte);
    if authority.is_empty() || !authority.bytes().all(is_host) || !path.bytes().all(is_path) || path.contains("//") {
        return Err(invalid);
    }
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let is_address = |host: &str| host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    match scheme {
        _ if host.is_empty() => Err(invalid),
        "https" => Ok(resource.split_at(resource.len() - path.len())),
        "http" if host == "localhost" || is_address(host) => Ok(resource.split_at(resource.len() - path.len())),
        "http" => Err(InvalidResource::Insecure("resource")),
        _ => Err(invalid),
    }
}

/// The published metadata of a [`ProtectedResource`]. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ResourceMetadata(Arc<Document>);

#[derive(Debug)]
struct Document {
    url: String,
    path: String,
    body: String,
}

impl ResourceMetadata {
    /// Returns the URL of the metadata, which challenges name as `resource_metadata`. RFC 9728 section 5.1.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.0.url
    }

    /// Returns the path of that URL.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// Returns the metadata as JSON. RFC 9728 section 3.2.
    #[must_use]
    pub fn json(&self) -> &str {
        &self.0.body
    }

    /// Returns an endpoint that answers requests for the metadata. Mount it at the [path](Self::path) if no layer sees these
    /// requests, and outside any layer that requires tokens: `route_service(path, jwt_tower::endpoint(..))` with axum,
    /// `route(path, jwt_actix::endpoint(..))` with actix-web.
    ///
    /// ```
    /// # use jwt_core::gate::ProtectedResource;
    /// # use jwt_core::{Algorithm, TrustedIssuer, Verifier, keys::Key};
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let issuer = TrustedIssuer::new("https://id.example").key(Key::from_secret(Algorithm::HS256, [7; 32])?);
    /// # let resource = ProtectedResource::new("https://api.example/reports");
    /// # let verifier = Verifier::builder().issuer(issuer).resource(resource).build()?;
    /// let metadata = verifier.resource_metadata().expect("a resource is configured");
    /// let (path, endpoint) = (metadata.path(), metadata.endpoint());
    /// assert_eq!(path, "/.well-known/oauth-protected-resource/reports");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn endpoint(&self) -> Endpoint {
        let metadata = self.clone();
        Endpoint::new(&["GET", "HEAD", "OPTIONS"], move |request| Step::Ready(metadata.answer(request.method())))
    }

    /// Returns the answer to a request with this method. The document is public, so pages of every origin may read it.
    ///
    /// A layer that sees requests for the [path](Self::path) already answers them. Otherwise use [`endpoint`](Self::endpoint).
    #[must_use]
    pub fn answer(&self, method: &str) -> Answer {
        const METHODS: &str = "GET, HEAD, OPTIONS";
        let answer = |status| Answer::new(status).header("access-control-allow-origin", "*");
        match method {
            "GET" | "HEAD" => answer(200)
                .header("cache-control", "public, max-age=3600")
                .body("application/json", self.0.body.as_bytes()),
            // Browsers send a preflight if a client sends custom headers.
            "OPTIONS" => answer(204)
                .header("access-control-allow-headers", "*")
                .header("access-control-allow-methods", "GET")
                .header("allow", METHODS),
            _ => answer(405).header("allow", METHODS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published(resource: ProtectedResource) -> ResourceMetadata {
        let issuers = ["https://id.example".to_owned()];
        resource.publish(issuers.into_iter(), &["header"], Binding::default()).expect("a resource")
    }

    #[test]
    fn the_well_known_part_is_between_host_and_path() {
        for (resource, url) in [
            ("https://api.example", "https://api.example/.well-known/oauth-protected-resource"),
            ("https://api.example/", "https://api.example/.well-known/oauth-protected-resource"),
            ("https://api.example:8443/mcp", "https://api.example:8443/.well-known/oauth-protected-resource/mcp"),
            ("https://api.example/a/b/", "https://api.example/.well-known/oauth-protected-resource/a/b/"),
            ("http://127.0.0.1:3000/mcp", "http://127.0.0.1:3000/.well-known/oauth-protected-resource/mcp"),
            ("http://[::1]:3000", "http://[::1]:3000/.well-known/oauth-protected-resource"),
            ("http://localhost/a", "http://localhost/.well-known/oauth-protected-resource/a"),
        ] {
            let metadata = published(ProtectedResource::new(resource));
            assert_eq!(metadata.url(), url);
            assert!(url.ends_with(metadata.path()) && metadata.path().starts_with("/.well-known/"));
        }
    }

    #[test]
    fn a_url_that_cannot_name_a_resource_is_refused() {
        let wrong = |resource: ProtectedResource| {
            resource.publish([].into_iter(), &[], Binding::default()).expect_err("no resource")
        };
        for resource in [
            "",
            "api.example",
            "https://",
            "https:///a",
            "https://:443",
            "https://api.example/?a=b",
            "https://api.example/#a",
            "https://api.example#a",
            "https://user@api.example",
            "https://api.example/{id}",
            "https://api.example/*rest",
            "https://api.example/:id",
            "https://api.example/a b",
            "https://api.example//a",
            "https://api.example/\"",
            "https://api.example/%41",
            "https://caf\u{e9}.example",
            "ftp://api.example",
        ] {
            assert_eq!(wrong(ProtectedResource::new(resource)), InvalidResource::Invalid("resource"), "{resource}");
        }
        for resource in
            ["http://api.example", "http://localhost.example", "http://127.0.0.1.example", "http://10.0.0.1"]
        {
            assert_eq!(wrong(ProtectedResource::new(resource)), InvalidResource::Insecure("resource"), "{resource}");
        }
        let keys = ProtectedResource::new("https://api.example").jwks_uri("http://api.example/jwks");
        assert_eq!(wrong(keys), InvalidResource::Insecure("jwks_uri"));
    }

    #[test]
    fn the_document_has_only_the_configured_members() {
        let bare = published(ProtectedResource::new("https://api.example"));
        let expected = r#"{"resource":"https://api.example","authorization_servers":["https://id.example"],"bearer_methods_supported":["header"]}"#;
        assert_eq!(bare.json(), expected);
        let full = ProtectedResource::new("https://api.example")
            .authorization_servers(["https://other.example"])
            .jwks_uri("https://api.example/jwks")
            .scopes(["a", "b"])
            .name("Reports")
            .documentation("https://api.example/docs")
            .policy("https://api.example/policy")
            .terms("https://api.example/terms");
        let expected = serde_json::json!({
            "resource": "https://api.example",
            "authorization_servers": ["https://other.example"],
            "jwks_uri": "https://api.example/jwks",
            "scopes_supported": ["a", "b"],
            "bearer_methods_supported": ["header"],
            "resource_name": "Reports",
            "resource_documentation": "https://api.example/docs",
            "resource_policy_uri": "https://api.example/policy",
            "resource_tos_uri": "https://api.example/terms",
        });
        assert_eq!(serde_json::from_str::<serde_json::Value>(published(full).json()).expect("JSON"), expected);
    }
}
