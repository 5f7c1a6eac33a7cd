use jwt_core::Verifier;
use serde_json::Value;

use super::super::CliError;
use super::command::verdict;
use super::finding::{Finding, fail, fine, warn};
use super::response::Response;
use super::{keys, response};

/// The source of an issuer's keys.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) issuer: String,
    pub(super) metadata_url: Option<String>,
    pub(super) jwks_url: Option<String>,
    pub(super) http_hosts: Vec<String>,
}

impl Source {
    pub(super) const fn new(issuer: String, http_hosts: Vec<String>) -> Self {
        Self { issuer, metadata_url: None, jwks_url: None, http_hosts }
    }

    /// The addresses that may have the metadata: OpenID Connect Discovery 1.0 section 4, and RFC 8414 section 3.1.
    fn metadata_urls(&self) -> Vec<String> {
        if let Some(url) = &self.metadata_url {
            return vec![url.clone()];
        }
        let name = self.issuer.trim_end_matches('/');
        let mut urls = vec![format!("{name}/.well-known/openid-configuration")];
        if let Some((scheme, rest)) = name.split_once("://") {
            let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
            urls.push(format!("{scheme}://{host}/.well-known/oauth-authorization-server{path}"));
        }
        urls
    }
}

/// Examines an issuer: first with the library, then its answers.
pub(super) async fn examine(source: &Source, verifier: &Verifier) -> Result<Vec<Finding>, CliError> {
    let client = response::client()?;
    let mut findings = vec![verdict(verifier).await];
    if source.issuer.starts_with("http://") {
        findings.push(warn(
            "tls",
            "plain http: anyone between you and the issuer can replace its keys. Use https outside of development",
        ));
    }
    let mut last = None;
    let jwks_url = match &source.jwks_url {
        Some(url) => Some(url.clone()),
        None => match metadata(&client, source).await {
            Some((response, document)) => {
                findings.extend(about_metadata(&document));
                let url = document["jwks_uri"].as_str().map(str::to_owned);
                last = Some(response);
                url
            }
            None => None,
        },
    };
    if let Some(Ok(response)) = match &jwks_url {
        Some(url) => Some(Response::get(&client, url).await),
        None => None,
    } {
        if response.status == 200 {
            findings.extend(keys::examine(&response.text()));
            findings.push(response.caching());
        }
        last = Some(response);
    }
    // The library's finding is enough if there's no answer at all.
    if let Some(response) = last {
        findings.extend(response.clock());
        findings.extend(response.certificate());
        findings.extend(response.sizes());
    }
    Ok(findings)
}

/// Returns the first metadata document that is one.
async fn metadata(client: &reqwest::Client, source: &Source) -> Option<(Response, Value)> {
    for url in source.metadata_urls() {
        let Ok(response) = Response::get(client, &url).await else { continue };
        if let (200, Ok(document @ Value::Object(_))) = (response.status, serde_json::from_str(&response.text())) {
            return Some((response, document));
        }
    }
    None
}

fn about_metadata(document: &Value) -> Vec<Finding> {
    let list = |name: &str| -> Vec<&str> {
        document[name].as_array().map(|names| names.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
    };
    let algorithms = list("id_token_signing_alg_values_supported");
    let is_symmetric = |name: &&&str| name.starts_with("HS") || **name == "none";
    let mut findings = Vec::new();
    if algorithms.is_empty() {
        findings.push(fine("algorithms", "the metadata doesn't say which: any of the keys' algorithms is accepted"));
    } else if algorithms.iter().all(|name| is_symmetric(&name)) {
        findings.push(fail(
            "algorithms",
            format!(
                "the issuer signs with {}, which fetched keys can't verify: have it sign with ES256 or RS256",
                algorithms.join(", ")
            ),
        ));
    } else {
        findings.push(fine("algorithms", format!("the issuer signs with {}", algorithms.join(", "))));
        if algorithms.iter().any(|name| is_symmetric(&name)) {
            findings.push(warn(
                "algorithms",
                "tokens with HS256 or `none` are refused: register your clients with another algorithm",
            ));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::finding::Level;
    use super::*;

    #[test]
    fn the_metadata_are_looked_for_where_both_standards_put_them() {
        let source = Source::new("https://id.example/realms/a/".to_owned(), Vec::new());
        assert_eq!(
            source.metadata_urls(),
            [
                "https://id.example/realms/a/.well-known/openid-configuration",
                "https://id.example/.well-known/oauth-authorization-server/realms/a"
            ]
        );
    }

    #[test]
    fn an_issuer_that_only_signs_with_secrets_fails() {
        for (algorithms, level) in [
            (json!(["HS256", "none"]), Level::Fail),
            (json!(["ES256", "HS256"]), Level::Warn),
            (json!(["ES256"]), Level::Fine),
            (json!(null), Level::Fine),
        ] {
            let findings = about_metadata(&json!({"id_token_signing_alg_values_supported": algorithms}));
            assert_eq!(findings.iter().map(|finding| finding.level).max(), Some(level), "{algorithms}");
        }
    }
}
