//! The line of the configuration that would accept a refused token, and when to write it.

use jwt_core::{Error, ErrorKind};
use serde_json::{Value, json};

use super::expected::Expected;
use super::unverified::{Unverified, shown};

/// A change of the settings.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Change {
    /// The line of the configuration file, under the issuer's table unless it's a setting of the verifier.
    pub line: String,
    /// The method that sets the same in code.
    pub method: &'static str,
    /// When to make the change.
    pub only_if: &'static str,
}

/// Returns the change of the settings that would accept such a token. `None` if only the token, the issuer or the keys can be
/// changed.
pub(super) fn change(error: &Error, expected: &Expected, token: &Unverified) -> Option<Change> {
    let change = |line: String, method, only_if| Some(Change { line, method, only_if });
    let text = |value: Option<&Value>| value.filter(|value| value.is_string()).map(shown);
    let with = |setting: &str, value: Option<&Value>| -> Option<String> {
        let mut names = match expected.setting(token, setting) {
            Some(Value::Array(names)) => names.clone(),
            Some(name) => vec![name.clone()],
            None => Vec::new(),
        };
        let value = value.filter(|value| value.is_string())?;
        // A name that differs by a slash is a misspelt one.
        let bare = |name: &Value| name.as_str().map(|name| name.trim_end_matches('/').to_owned());
        names.retain(|name| bare(name) != bare(value));
        names.push(value.clone());
        Some(names_shown(&names))
    };
    match (error.check()?, error.kind()) {
        (_, ErrorKind::TokenTooLarge) => change(
            format!("max_token_bytes = {}", token.bytes.next_power_of_two()),
            "VerifierBuilder::max_token_bytes",
            "the token has to be that long",
        ),
        ("issuer", ErrorKind::UnknownIssuer) => {
            change(format!("issuer = {}", text(token.claim("iss"))?), "TrustedIssuer::new", "you trust this issuer")
        }
        ("algorithm", _) => change(
            format!("algorithms = {}", with("algorithms", token.header("alg"))?),
            "TrustedIssuer::algorithms",
            "the issuer is meant to sign with it",
        ),
        ("type", _) => match token.header("typ") {
            Some(given) => change(
                format!("token_types = {}", with("token_types", Some(given))?),
                "TrustedIssuer::token_types",
                "the issuer's access tokens have it",
            ),
            None => change(
                "allow_missing_type = true".to_owned(),
                "TrustedIssuer::allow_missing_type",
                "the issuer's access tokens have no `typ`",
            ),
        },
        ("identifiers", _) => change(
            "numeric_identifiers = true".to_owned(),
            "TrustedIssuer::numeric_identifiers",
            "the issuer can't write them as strings",
        ),
        ("key", ErrorKind::AmbiguousKey) => change(
            "try_keys_in_turn = true".to_owned(),
            "TrustedIssuer::try_keys_in_turn",
            "the issuer can't set a `kid`",
        ),
        ("audience", _) => change(
            format!("audience = {}", with("audience", token.claim("aud").and_then(first))?),
            "TrustedIssuer::audience",
            "the token is meant for this service",
        ),
        ("times", kind) => times(kind, error.unmet(), expected, token),
        ("required_claims", ErrorKind::MissingClaim) => {
            let names: Vec<_> = match expected.setting(token, "require_claims") {
                Some(Value::Array(names)) => names.iter().filter(|name| name.as_str() != error.unmet()).collect(),
                _ => Vec::new(),
            };
            change(
                format!("require_claims = {}", shown(&json!(names))),
                "TrustedIssuer::require_claims",
                "the service doesn't need the claim",
            )
        }
        ("id_token", _) => change(
            "dangerous_accept_id_tokens = true".to_owned(),
            "TrustedIssuer::dangerous_accept_id_tokens",
            "the client has no access token to send",
        ),
        _ => None,
    }
}

/// Shows names as a configuration has them: one name needs no list.
pub(super) fn names_shown(names: &[Value]) -> String {
    match names {
        [name] => shown(name),
        names => format!("[{}]", names.iter().map(shown).collect::<Vec<_>>().join(", ")),
    }
}

/// The audience, or the first of several.
fn first(audience: &Value) -> Option<&Value> {
    audience.as_array().map_or(Some(audience), |names| names.first())
}

fn times(kind: ErrorKind, unmet: Option<&str>, expected: &Expected, token: &Unverified) -> Option<Change> {
    let now = i64::try_from(expected.now).ok()?;
    let change = |line: String, method, only_if| Some(Change { line, method, only_if });
    // A leeway counts if it's larger than the difference.
    let leeway = |difference: i64| {
        let seconds = u64::try_from(difference).ok().map(|seconds| seconds + 1).filter(|seconds| *seconds <= 300)?;
        change(format!("leeway = \"{seconds}s\""), "VerifierBuilder::leeway", "the clocks can't be corrected")
    };
    match kind {
        _ if expected.now == 0 => None,
        ErrorKind::Expired => leeway(now.saturating_sub(token.date("exp")?)),
        ErrorKind::NotYetValid => leeway(token.date("nbf")?.saturating_sub(now)),
        ErrorKind::IssuedInFuture => leeway(token.date("iat")?.saturating_sub(now)),
        ErrorKind::TooOld => change(
            format!("max_age = \"{}s\"", now.saturating_sub(token.date("iat")?).saturating_add(1)),
            "TrustedIssuer::max_age",
            "tokens may be that old",
        ),
        ErrorKind::LifetimeTooLong => change(
            format!("max_lifetime = \"{}s\"", token.date("exp")?.saturating_sub(token.date("iat")?)),
            "TrustedIssuer::max_lifetime",
            "the issuer's tokens have to live that long",
        ),
        ErrorKind::MissingClaim if unmet == Some("exp") => change(
            "dangerous_without_expiry = true".to_owned(),
            "TrustedIssuer::dangerous_without_expiry",
            "the token may be valid until its key is removed",
        ),
        _ => None,
    }
}
