use std::borrow::Cow;
use std::fmt;

use super::{Audience, NumericDate, Scopes};
use crate::json::{self, JsonError, Member, Members, Unique, Value};

/// The registered claims of a token, borrowed from its payload.
#[derive(Clone)]
pub struct RegisteredClaims<'c> {
    pub(crate) issuer: Option<Cow<'c, str>>,
    pub(crate) subject: Option<Cow<'c, str>>,
    pub(crate) audience: Option<Audience<'c>>,
    pub(crate) expires_at: Option<NumericDate>,
    pub(crate) not_before: Option<NumericDate>,
    pub(crate) issued_at: Option<NumericDate>,
    pub(crate) token_id: Option<Cow<'c, str>>,
    pub(crate) client_id: Option<Cow<'c, str>>,
    pub(crate) session_id: Option<Cow<'c, str>>,
    pub(crate) scopes: Scopes<'c>,
    pub(crate) confirmation: bool,
    pub(crate) logout: LogoutEvent,
}

/// Whether `events` names a logout. OpenID Connect Back-Channel Logout 1.0 section 2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogoutEvent {
    No,
    Yes,
    /// Yes, but its value is not a JSON object.
    Malformed,
}

/// Why a payload is not a valid claims set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimsError {
    /// The payload is not a JSON object, has a duplicate name or is nested too deeply.
    Payload,
    /// This registered claim has a value of the wrong type.
    Claim(&'static str),
}

impl From<JsonError> for ClaimsError {
    fn from(_: JsonError) -> Self {
        Self::Payload
    }
}

impl<'c> RegisteredClaims<'c> {
    /// The claims of `{}`.
    pub(crate) const NONE: Self = Self {
        issuer: None,
        subject: None,
        audience: None,
        expires_at: None,
        not_before: None,
        issued_at: None,
        token_id: None,
        client_id: None,
        session_id: None,
        scopes: Scopes(None),
        confirmation: false,
        logout: LogoutEvent::No,
    };

    /// Reads the claims of a payload in one pass.
    pub(crate) fn read(payload: &'c str) -> Result<Self, ClaimsError> {
        Self::read_members(payload, &mut Members::default())
    }

    /// Like [`read`](Self::read), and records the positions of the payload's members.
    pub(crate) fn read_members(payload: &'c str, members: &mut Members) -> Result<Self, ClaimsError> {
        let mut reader = Reader::default();
        json::members(payload, members, |member| reader.member(member))?;
        reader.finish()
    }

    /// Reads the claims of the same payload again, with the recorded positions.
    pub(crate) fn again(payload: &'c str, members: &Members) -> Result<Self, ClaimsError> {
        let Some(members) = members.of(payload) else { return Self::read(payload) };
        let mut reader = Reader::default();
        members.for_each(|member| reader.member(&member));
        reader.finish()
    }

    /// Returns `iss`, the issuer.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// Returns `sub`, the subject.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Returns `aud`, the audience.
    #[must_use]
    pub const fn audience(&self) -> Option<&Audience<'c>> {
        self.audience.as_ref()
    }

    /// Returns `exp`, the time when the token expires.
    #[must_use]
    pub const fn expires_at(&self) -> Option<NumericDate> {
        self.expires_at
    }

    /// Returns `nbf`, the time before which the token is not valid.
    #[must_use]
    pub const fn not_before(&self) -> Option<NumericDate> {
        self.not_before
    }

    /// Returns `iat`, the time when the token was issued.
    #[must_use]
    pub const fn issued_at(&self) -> Option<NumericDate> {
        self.issued_at
    }

    /// Returns `jti`, the token's identifier, which is unique for its issuer.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// Returns `client_id`, the client that requested the token. RFC 8693 section 4.3.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// Returns `sid`, the session that the token belongs to. OpenID Connect Front-Channel Logout 1.0 section 3.
    #[must_use]
    pub fn session_id(&self) -> Option<&str> {
        self.session_id.as_deref()
    }

    /// Returns the scopes, from `scope` or `scp`.
    #[must_use]
    pub const fn scopes(&self) -> Scopes<'c> {
        self.scopes
    }
}

/// Collects the registered claims while the payload is read.
struct Reader<'c> {
    claims: RegisteredClaims<'c>,
    /// The first claim of the wrong type.
    wrong: Option<&'static str>,
    scope: Option<Value<'c>>,
    scp: Option<Value<'c>>,
}

impl Default for Reader<'_> {
    fn default() -> Self {
        Self { claims: RegisteredClaims::NONE, wrong: None, scope: None, scp: None }
    }
}

impl<'c> Reader<'c> {
    #[inline(always)]
    fn member(&mut self, member: &Member<'c>) {
        let (claims, name) = (&mut self.claims, member.name());
        let fits = match name.as_bytes() {
            b"iss" => text(member, &mut claims.issuer),
            b"sub" => text(member, &mut claims.subject),
            b"jti" => text(member, &mut claims.token_id),
            b"client_id" => text(member, &mut claims.client_id),
            b"sid" => text(member, &mut claims.session_id),
            b"exp" => date(member, &mut claims.expires_at),
            b"nbf" => date(member, &mut claims.not_before),
            b"iat" => date(member, &mut claims.issued_at),
            b"aud" => {
                claims.audience = Audience::from_value(member.value());
                claims.audience.is_some()
            }
            b"scope" => {
                self.scope = Some(member.value());
                true
            }
            b"scp" => {
                self.scp = Some(member.value());
                true
            }
            b"events" => {
                claims.logout = LogoutEvent::from_value(member.value());
                true
            }
            b"cnf" => {
                claims.confirmation = true;
                true
            }
            _ => true,
        };
        if !fits {
            self.wrong = self.wrong.or(REGISTERED.iter().copied().find(|registered| *registered == name));
        }
    }

    fn finish(mut self) -> Result<RegisteredClaims<'c>, ClaimsError> {
        self.claims.scopes = Scopes(self.scope.or(self.scp));
        match self.wrong {
            Some(claim) => Err(ClaimsError::Claim(claim)),
            None => Ok(self.claims),
        }
    }
}

impl LogoutEvent {
    const NAME: &str = "http://schemas.openid.net/event/backchannel-logout";

    fn from_value(events: Value<'_>) -> Self {
        let Value::Object(events) = events else { return Self::No };
        let mut logout = Self::No;
        // The object was already read as part of the payload. An error can't occur, and would count as "no logout".
        let read = json::object(events, Unique::Outermost, |name, value| {
            if name == Self::NAME {
                logout = if matches!(value, Value::Object(_)) { Self::Yes } else { Self::Malformed };
            }
        });
        if read.is_ok() { logout } else { Self::No }
    }
}

/// Returns the claim `name`, unless it is `null`, from a payload that was already checked to be an object.
pub(crate) fn claim<'c>(payload: &'c str, name: &str) -> Option<Value<'c>> {
    let mut found = None;
    let read = json::object(payload, Unique::Outermost, |other, value| {
        if other == name && !matches!(value, Value::Null) {
            found = Some(value);
        }
    });
    found.filter(|_| read.is_ok())
}

/// The claims whose type is checked.
const REGISTERED: [&str; 9] = ["iss", "sub", "jti", "client_id", "sid", "exp", "nbf", "iat", "aud"];

#[inline(always)]
fn text<'c>(member: &Member<'c>, claim: &mut Option<Cow<'c, str>>) -> bool {
    *claim = member.value().as_text();
    claim.is_some()
}

#[inline(always)]
fn date(member: &Member<'_>, claim: &mut Option<NumericDate>) -> bool {
    *claim = match member.value() {
        Value::Number(number) => NumericDate::parse(number),
        _ => None,
    };
    claim.is_some()
}

// Claims are personal data, so Debug doesn't show their values.
impl fmt::Debug for RegisteredClaims<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RegisteredClaims").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &str) -> Result<RegisteredClaims<'_>, ClaimsError> {
        RegisteredClaims::read(payload)
    }

    #[test]
    fn a_registered_claim_of_the_wrong_type_is_named() {
        for (payload, claim) in [
            (r#"{"iss":["https://a.example"]}"#, "iss"),
            (r#"{"iss":null}"#, "iss"),
            (r#"{"sub":5}"#, "sub"),
            (r#"{"exp":"1"}"#, "exp"),
            (r#"{"exp":null}"#, "exp"),
            (r#"{"nbf":true}"#, "nbf"),
            (r#"{"iat":{}}"#, "iat"),
            (r#"{"aud":["api",1]}"#, "aud"),
            (r#"{"aud":["a","b","c","api",1]}"#, "aud"),
            (r#"{"aud":[["api"]]}"#, "aud"),
            (r#"{"aud":null}"#, "aud"),
            (r#"{"jti":1}"#, "jti"),
        ] {
            assert_eq!(read(payload).err(), Some(ClaimsError::Claim(claim)), "{payload}");
        }
        assert_eq!(read("[1]").err(), Some(ClaimsError::Payload));
    }

    #[test]
    fn an_audience_is_compared_exactly() {
        for (payload, expected) in [
            (r#"{"aud":"api"}"#, true),
            (r#"{"aud":["other","api"]}"#, true),
            (r#"{"aud":["\u0061pi"]}"#, true),
            (r#"{"aud":["a","b","api"]}"#, true),
            (r#"{"aud":["a","b","c","\u0061pi","d"]}"#, true),
            (r#"{"aud":["a","b","c","d"]}"#, false),
            (r#"{"aud":[]}"#, false),
            (r#"{"aud":""}"#, false),
            (r#"{"aud":"api/"}"#, false),
            (r#"{"aud":"API"}"#, false),
            (r#"{"aud":"other api"}"#, false),
        ] {
            let claims = read(payload).expect("well-formed");
            assert_eq!(claims.audience().is_some_and(|audience| audience.contains("api")), expected, "{payload}");
        }
    }

    #[test]
    fn scopes_are_split_at_single_spaces_and_compared_exactly() {
        for (payload, names) in [
            (r#"{"scope":"a b"}"#, &["a", "b"][..]),
            (r#"{"scope":"a  b "}"#, &["a", "b"]),
            (r#"{"scope":"a\tb"}"#, &["a\tb"]),
            (r#"{"scope":"a\u00a0b"}"#, &["a\u{a0}b"]),
            (r#"{"scope":["a","b"]}"#, &["a", "b"]),
            (r#"{"scp":["a",1]}"#, &["a"]),
            (r#"{"scope":"a","scp":"b"}"#, &["a"]),
            (r#"{"scope":5}"#, &[]),
            (r#"{"scope":null}"#, &[]),
            (r#"{}"#, &[]),
        ] {
            let claims = read(payload).expect("well-formed");
            assert_eq!(claims.scopes().names(), names, "{payload}");
            for name in names {
                assert!(claims.scopes().contains(name), "{payload}");
            }
            assert!(!claims.scopes().contains("") && !claims.scopes().contains("a b"), "{payload}");
        }
    }

    #[test]
    fn debug_shows_no_claims() {
        let claims = read(r#"{"sub":"ada","aud":"api","scope":"s"}"#).expect("well-formed");
        let text = format!("{claims:?} {:?} {:?}", claims.audience(), claims.scopes());
        assert!(!text.contains("ada") && !text.contains("api"), "{text}");
    }
}
