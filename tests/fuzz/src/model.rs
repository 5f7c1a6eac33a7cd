//! A second implementation of the rules for tokens: slow, simple, and on other crates.

use crate::forge;
use crate::json::Json;

/// The last second of the year 9999.
const LAST: f64 = 253_402_300_799.0;

/// The default leeway, in seconds.
pub const LEEWAY: f64 = 60.0;

const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A payload whose registered claims have the right types.
#[derive(Clone, Debug)]
pub struct Claims {
    pub json: Json,
    pub audience: Vec<String>,
    pub expires_at: Option<f64>,
    pub not_before: Option<f64>,
    pub issued_at: Option<f64>,
}

impl Claims {
    /// Reads a payload; `None` if it's malformed.
    #[must_use]
    pub fn read(payload: &str) -> Option<Self> {
        let json = Json::object(payload)?;
        for name in ["iss", "sub", "jti"] {
            if let Some(value) = json.get(name) {
                value.text()?;
            }
        }
        // A session that can't be read can't be revoked. Other types of `client_id` count as absent.
        if let Some(session) = json.get("sid").filter(|session| !matches!(session, Json::Null)) {
            session.text()?;
        }
        let date = |name: &str| match json.get(name) {
            None => Some(None),
            Some(Json::Number(number)) => number.as_f64().filter(|date| date.abs() <= LAST).map(Some),
            Some(_) => None,
        };
        let (expires_at, not_before, issued_at) = (date("exp")?, date("nbf")?, date("iat")?);
        let audience = match json.get("aud") {
            None => Vec::new(),
            Some(Json::Text(name)) => vec![name.clone()],
            Some(names) => names.texts()?.into_iter().map(str::to_owned).collect(),
        };
        Some(Self { json, audience, expires_at, not_before, issued_at })
    }

    /// Returns whether the token is valid at this time. `exp` may be missing.
    #[must_use]
    pub fn is_timely(&self, now: f64) -> bool {
        let is_over = self.expires_at.is_some_and(|expires_at| expires_at + LEEWAY <= now);
        let is_early = [self.not_before, self.issued_at].into_iter().flatten().any(|start| now + LEEWAY < start);
        let is_backwards = matches!((self.issued_at, self.expires_at), (Some(start), Some(end)) if end < start);
        !is_over && !is_early && !is_backwards
    }

    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.json.get(name).and_then(Json::text)
    }

    /// Returns whether the token is sender-constrained or a logout token, and so not a bearer token.
    #[must_use]
    pub fn is_for_something_else(&self) -> bool {
        self.json.get("cnf").is_some() || self.json.get("events").is_some_and(|events| events.get(LOGOUT).is_some())
    }
}

/// The header parameters that matter.
#[derive(Clone, Debug)]
pub struct Header {
    pub algorithm: String,
    pub key_id: Option<String>,
    pub token_type: Option<String>,
}

impl Header {
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let json = Json::object(text)?;
        let optional = |name: &str| match json.get(name) {
            None => Some(None),
            Some(value) => value.text().map(|text| Some(text.to_owned())),
        };
        let (key_id, token_type, content_type) = (optional("kid")?, optional("typ")?, optional("cty")?);
        let is_nested = content_type.is_some_and(|content_type| is_type(&content_type, "jwt"));
        let is_extended = json.get("crit").is_some() || json.get("b64").is_some();
        if is_nested || is_extended || key_id.as_ref().is_some_and(|kid| kid.len() > 256) {
            return None;
        }
        Some(Self { algorithm: json.get("alg")?.text()?.to_owned(), key_id, token_type })
    }
}

/// Compares media types. The value may start with `application/`.
#[must_use]
pub fn is_type(value: &str, name: &str) -> bool {
    let value = value.to_ascii_lowercase();
    value == name || value == format!("application/{name}")
}

/// A token's segments, decoded.
#[derive(Clone, Debug)]
pub struct Parts {
    pub header: String,
    pub payload: String,
    pub signature: Vec<u8>,
    pub signed: String,
}

impl Parts {
    #[must_use]
    pub fn of(token: &str) -> Option<Self> {
        let segments: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = segments[..] else { return None };
        if token.len() > 16 * 1024 || header.len() > 4 * 1024 || segments.contains(&"") {
            return None;
        }
        Some(Self {
            header: String::from_utf8(forge::decode(header)?).ok()?,
            payload: String::from_utf8(forge::decode(payload)?).ok()?,
            signature: forge::decode(signature)?,
            signed: format!("{header}.{payload}"),
        })
    }
}
