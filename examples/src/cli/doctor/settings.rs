//! A configuration: whether a verifier can be built from it, and settings that weaken it.

use std::path::Path;

use jwt_core::config::VerifierConfig;
use serde_json::Value;

use super::super::CliError;
use super::super::trust::read;
use super::finding::{Finding, fail, fine, warn};
use super::issuer::Source;

/// Examines a configuration file. Returns the issuers whose keys are fetched, too.
pub(super) fn examine(path: &Path) -> Result<(Vec<Finding>, Vec<Source>), CliError> {
    let text = read(path)?;
    let parsed =
        toml::from_str::<VerifierConfig>(&text).and_then(|config| Ok((config, toml::from_str::<Value>(&text)?)));
    let (config, settings) = match parsed {
        Ok(parsed) => parsed,
        // The whole message may quote a line with a secret.
        Err(error) => return Ok((vec![fail("settings", error.message().to_owned())], Vec::new())),
    };
    let mut findings = vec![match config.into_builder().and_then(jwt_core::VerifierBuilder::build) {
        Ok(_) => fine("settings", "a verifier can be built"),
        Err(error) => fail("settings", error.to_string()),
    }];
    findings.extend(about(&settings));
    let issuers = settings["issuers"].as_array().map_or(&[][..], Vec::as_slice);
    Ok((findings, issuers.iter().filter_map(source).collect()))
}

fn source(issuer: &Value) -> Option<Source> {
    let text = |name: &str| issuer[name].as_str().map(str::to_owned);
    let (metadata_url, jwks_url) = (text("metadata_url"), text("jwks_url"));
    let is_fetched = issuer["discover"] == true || metadata_url.is_some() || jwks_url.is_some();
    let hosts = match &issuer["dangerous_http_hosts"] {
        Value::String(host) => vec![host.clone()],
        Value::Array(hosts) => hosts.iter().filter_map(|host| Some(host.as_str()?.to_owned())).collect(),
        _ => Vec::new(),
    };
    is_fetched.then(|| Some(Source { metadata_url, jwks_url, ..Source::new(text("issuer")?, hosts) }))?
}

fn about(settings: &Value) -> Vec<Finding> {
    let mut findings = Vec::new();
    let issuers = settings["issuers"].as_array().map_or(&[][..], Vec::as_slice);
    if issuers.is_empty() {
        findings.push(fail("settings", "no `[[issuers]]`: every token will be refused"));
    }
    for (index, issuer) in issuers.iter().enumerate() {
        let Some(members) = issuer.as_object() else { continue };
        for name in members.keys() {
            if let Some(danger) = danger(name).filter(|_| members[name] != false) {
                findings.push(warn("settings", format!("`issuers[{index}].{name}` {danger}")));
            }
        }
        let is_told_apart = ["access_token_profile", "token_types"].iter().any(|name| members.contains_key(*name));
        if !is_told_apart {
            findings.push(fine(
                "settings",
                format!("`issuers[{index}]` accepts any `typ` of access tokens: if the issuer follows RFC 9068, set `access_token_profile`"),
            ));
        }
        for name in ["secret_file", "previous_secret_file"] {
            findings.extend(
                members.get(name).and_then(Value::as_str).and_then(|file| readable_by_others(index, name, file)),
            );
        }
    }
    findings
}

/// The effect of a dangerous setting, and what to do instead.
fn danger(name: &str) -> Option<&'static str> {
    Some(match name {
        "dangerous_any_issuer" => "accepts every `iss`: name the issuer",
        "dangerous_any_audience" => "accepts tokens that are meant for other services: name the `audience`",
        "dangerous_without_expiry" => "accepts tokens that never end: have the issuer set `exp`",
        "dangerous_accept_id_tokens" => "accepts ID tokens: have the client send its access token",
        "dangerous_http_hosts" => "fetches keys over plain http: anyone in between can replace them, so use https",
        _ => return None,
    })
}

#[cfg(unix)]
fn readable_by_others(index: usize, name: &str, file: &str) -> Option<Finding> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(file).ok()?.permissions().mode();
    (mode & 0o044 != 0).then(|| {
        warn(
            "settings",
            format!("`issuers[{index}].{name}` can be read by other users of this machine: `chmod 600` it"),
        )
    })
}

#[cfg(not(unix))]
fn readable_by_others(_: usize, _: &str, _: &str) -> Option<Finding> {
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::finding::Level;
    use super::*;

    #[test]
    fn every_dangerous_setting_is_a_warning() {
        for name in ["any_issuer", "any_audience", "without_expiry", "accept_id_tokens", "http_hosts"] {
            let name = format!("dangerous_{name}");
            let on = about(&json!({"issuers": [{ (name.clone()): true }]}));
            assert!(
                on.iter().any(|finding| finding.level == Level::Warn && finding.sentence.contains(&name)),
                "{name}"
            );
            let off = about(&json!({"issuers": [{ (name.clone()): false }]}));
            assert!(off.iter().all(|finding| finding.level == Level::Fine), "{name}");
        }
        assert_eq!(about(&json!({}))[0].level, Level::Fail);
    }

    #[test]
    fn only_issuers_whose_keys_are_fetched_are_sources() {
        let found = |issuer: Value| source(&issuer).map(|source| source.issuer);
        assert_eq!(found(json!({"issuer": "a", "discover": true})).as_deref(), Some("a"));
        assert_eq!(found(json!({"issuer": "a", "jwks_url": "https://a.example"})).as_deref(), Some("a"));
        assert_eq!(found(json!({"issuer": "a", "secret_file": "s"})), None);
    }
}
