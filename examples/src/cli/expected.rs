use serde_json::Value;

use super::advice::names_shown;
use super::time;
use super::unverified::{Unverified, shown};

/// The settings' expectations of a token, in the words of a configuration file. It's only shown: the verifier decides.
#[derive(Debug, Default)]
pub(super) struct Expected {
    settings: Value,
    pub(super) now: u64,
    leeway: Option<u64>,
}

impl Expected {
    pub(super) const fn new(settings: Value, now: u64, leeway: Option<u64>) -> Self {
        Self { settings, now, leeway }
    }

    fn issuers(&self) -> &[Value] {
        self.settings["issuers"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Returns the place of the issuer that a token names, or of the only one.
    pub(super) fn place(&self, token: &Unverified) -> Option<usize> {
        let name = token.claim("iss");
        let named = self.issuers().iter().position(|issuer| name.is_some_and(|name| issuer["issuer"] == *name));
        named.or((self.issuers().len() == 1).then_some(0))
    }

    /// Returns a setting of the issuer that a token names.
    pub(super) fn setting(&self, token: &Unverified, name: &str) -> Option<&Value> {
        self.issuers().get(self.place(token)?)?.get(name)
    }

    /// Describes the expectation of a check, as far as the settings have it.
    pub(super) fn of(&self, check: &str, token: &Unverified) -> Option<String> {
        if self.issuers().is_empty() {
            return None;
        }
        let setting = |name| {
            self.setting(token, name)
                .map(|setting| setting.as_array().map_or_else(|| shown(setting), |names| names_shown(names)))
        };
        match check {
            "form" => Some(match self.settings.get("max_token_bytes") {
                Some(most) => format!("3 segments, at most {}", shown(most).trim_matches('"')),
                None => "3 segments, at most 16384 bytes".to_owned(),
            }),
            "issuer" => {
                let names: Vec<_> =
                    self.issuers().iter().filter_map(|issuer| issuer.get("issuer")).map(shown).collect();
                (!names.is_empty()).then(|| names.join(" or "))
            }
            "algorithm" => setting("algorithms").or_else(|| setting("algorithm")),
            "type" => setting("token_types").or_else(|| match self.setting(token, "access_token_profile") {
                Some(Value::Bool(true)) => Some("\"at+jwt\"".to_owned()),
                _ => Some("\"JWT\", \"at+jwt\" or none".to_owned()),
            }),
            "audience" => setting("audience").or_else(|| setting("all_audiences").map(|all| format!("all of {all}"))),
            "times" => {
                let now = i64::try_from(self.now).unwrap_or(i64::MAX);
                let leeway = match (self.leeway, self.settings.get("leeway")) {
                    (Some(seconds), _) => format!("{seconds}s"),
                    (None, Some(leeway)) => shown(leeway).trim_matches('"').to_owned(),
                    (None, None) => "60s".to_owned(),
                };
                Some(format!("{} to be in between, with a leeway of {leeway}", time::utc(now)))
            }
            "subject" => setting("subject"),
            "required_claims" => setting("require_claims"),
            _ => None,
        }
    }
}

/// Describes the token's value for a check.
pub(super) fn found(check: &str, token: &Unverified) -> Option<String> {
    let or_none = |value: Option<&Value>| Some(value.map_or_else(|| "none".to_owned(), shown));
    match check {
        "form" if token.bytes == 0 => None,
        "form" => Some(format!("{} segments, {} bytes", token.segments, token.bytes)),
        _ if token.header.is_none() => None,
        "algorithm" => or_none(token.header("alg")),
        "type" => or_none(token.header("typ")),
        "key" => or_none(token.header("kid")).map(|kid| format!("kid {kid}")),
        _ if token.claims.is_none() => None,
        "issuer" => or_none(token.claim("iss")),
        "audience" => or_none(token.claim("aud")),
        "times" => {
            let shown = |name| Some(format!("{name} {}", time::utc(token.date(name)?)));
            let times: Vec<_> = ["iat", "nbf", "exp"].into_iter().filter_map(shown).collect();
            Some(if times.is_empty() { "no times".to_owned() } else { times.join(", ") })
        }
        // The values of other claims belong to the user.
        _ => None,
    }
}
