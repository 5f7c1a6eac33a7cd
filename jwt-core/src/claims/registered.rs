use std::borrow::Cow;
use std::fmt;

use super::{Audience, IdTokenClaim, LogoutEvent, NumericDate, Scopes};
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
    /// The first identifier that is a number. Only some issuers may write them as numbers.
    pub(crate) numeric_identifier: Option<NumericIdentifier>,
    /// Whether `sid` is there but isn't a string, so that it reads as absent.
    pub(crate) unreadable_session: bool,
    /// The first claim that only ID tokens have.
    pub(crate) id_token: Option<IdTokenClaim>,
}

/// An identifier that may be a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NumericIdentifier {
    Subject,
    TokenId,
}

impl NumericIdentifier {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Subject => "sub",
            Self::TokenId => "jti",
        }
    }
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
        numeric_identifier: None,
        unreadable_session: false,
        id_token: None,
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
            b"sub" => {
                text(member, &mut claims.subject)
                    || digits(member, &mut claims.subject, NumericIdentifier::Subject, &mut claims.numeric_identifier)
            }
            b"jti" => {
                text(member, &mut claims.token_id)
                    || digits(member, &mut claims.token_id, NumericIdentifier::TokenId, &mut claims.numeric_identifier)
            }
            // Claims that the verifier does not need by itself: of another type, they count as absent.
            b"client_id" => {
                text(member, &mut claims.client_id);
                true
            }
            b"sid" => {
                claims.unreadable_session = !text(member, &mut claims.session_id) && is_set(member);
                true
            }
            b"nonce" => mark(member, IdTokenClaim::Nonce, &mut claims.id_token),
            b"at_hash" => mark(member, IdTokenClaim::AccessTokenHash, &mut claims.id_token),
            b"c_hash" => mark(member, IdTokenClaim::CodeHash, &mut claims.id_token),
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
const REGISTERED: [&str; 7] = ["iss", "sub", "jti", "exp", "nbf", "iat", "aud"];

#[inline(always)]
fn text<'c>(member: &Member<'c>, claim: &mut Option<Cow<'c, str>>) -> bool {
    *claim = member.value().as_text();
    claim.is_some()
}

/// Reads a whole number as its digits, which name the same identifier as the string would. A fraction or an exponent would
/// give one number several texts.
#[cold]
fn digits<'c>(
    member: &Member<'c>,
    claim: &mut Option<Cow<'c, str>>,
    identifier: NumericIdentifier,
    first: &mut Option<NumericIdentifier>,
) -> bool {
    match member.value() {
        Value::Number(number) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            *claim = Some(Cow::Borrowed(number));
            first.get_or_insert(identifier);
            true
        }
        _ => false,
    }
}

#[cold]
fn mark(member: &Member<'_>, claim: IdTokenClaim, first: &mut Option<IdTokenClaim>) -> bool {
    if is_set(member) {
        first.get_or_insert(claim);
    }
    true
}

fn is_set(member: &Member<'_>) -> bool {
    !matches!(member.value(), Value::Null)
}

#[inline(always)]
fn date(member: &Member<'_>, claim: &mut Option<NumericDate>) -> bool {
    *claim = match member.value() {
        Value::Number(number) => NumericDate::parse(number),
        _ => None,
    };
    claim.is_some()
}

// Claims are personal data, so Debug does not show their values.
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
            (r#"{"sub":5.0}"#, "sub"),
            (r#"{"sub":-5}"#, "sub"),
            (r#"{"sub":5e3}"#, "sub"),
            (r#"{"sub":null}"#, "sub"),
            (r#"{"sub":["a"]}"#, "sub"),
            (r#"{"exp":"1"}"#, "exp"),
            (r#"{"exp":null}"#, "exp"),
            (r#"{"nbf":true}"#, "nbf"),
            (r#"{"iat":{}}"#, "iat"),
            (r#"{"aud":["api",1]}"#, "aud"),
            (r#"{"aud":["a","b","c","api",1]}"#, "aud"),
            (r#"{"aud":[["api"]]}"#, "aud"),
            (r#"{"aud":null}"#, "aud"),
            (r#"{"jti":1.5}"#, "jti"),
            (r#"{"jti":true}"#, "jti"),
        ] {
            assert_eq!(read(payload).err(), Some(ClaimsError::Claim(claim)), "{payload}");
        }
        assert_eq!(read("[1]").err(), Some(ClaimsError::Payload));
    }

    #[test]
    fn a_whole_number_is_read_as_its_digits_and_noted() {
        use NumericIdentifier::{Subject, TokenId};
        for (payload, subject, token_id, noted) in [
            (r#"{"sub":"5","jti":"6"}"#, "5", "6", None),
            (r#"{"sub":5,"jti":"6"}"#, "5", "6", Some(Subject)),
            (r#"{"sub":"5","jti":6}"#, "5", "6", Some(TokenId)),
            (r#"{"jti":6,"sub":18446744073709551616}"#, "18446744073709551616", "6", Some(TokenId)),
            (r#"{"sub":0,"jti":"a"}"#, "0", "a", Some(Subject)),
        ] {
            let claims = read(payload).expect("well-formed");
            assert_eq!((claims.subject(), claims.token_id()), (Some(subject), Some(token_id)), "{payload}");
            assert_eq!(claims.numeric_identifier, noted, "{payload}");
        }
    }

    #[test]
    fn a_client_or_session_of_another_type_counts_as_absent() {
        for value in ["5", "null", "true", "[\"a\"]", "{\"a\":\"b\"}"] {
            let payload = format!("{{\"client_id\":{value},\"sid\":{value}}}");
            let claims = read(&payload).expect("well-formed");
            assert_eq!((claims.client_id(), claims.session_id()), (None, None), "{value}");
            assert_eq!(claims.unreadable_session, value != "null", "{value}");
        }
        let claims = read(r#"{"client_id":"a","sid":"b"}"#).expect("well-formed");
        assert_eq!((claims.client_id(), claims.session_id(), claims.unreadable_session), (Some("a"), Some("b"), false));
    }

    #[test]
    fn claims_of_id_tokens_are_noted() {
        use IdTokenClaim::{AccessTokenHash, CodeHash, Nonce};
        for (payload, noted) in [
            (r#"{"nonce":"n"}"#, Some(Nonce)),
            (r#"{"nonce":5}"#, Some(Nonce)),
            (r#"{"at_hash":"a","nonce":"n"}"#, Some(AccessTokenHash)),
            (r#"{"c_hash":"c"}"#, Some(CodeHash)),
            (r#"{"nonce":null}"#, None),
            (r#"{"x":{"nonce":"n"},"s_hash":"s"}"#, None),
        ] {
            assert_eq!(read(payload).expect("well-formed").id_token, noted, "{payload}");
        }
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
