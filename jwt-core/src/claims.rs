//! The claims this library itself reads: RFC 7519 section 4.1, RFC 9068 section 2.2, RFC 7800.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::json::{self, JsonError, Unique, Value};

/// A moment: seconds since 1970-01-01T00:00:00Z, with fractions, leap seconds ignored. RFC 7519 section 2.
///
/// Moments after the year 9999, or as far before the epoch, cannot be expressed; a claim that holds one is malformed.
/// Arithmetic can therefore not overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NumericDate {
    seconds: i64,
    nanos: u32,
}

impl NumericDate {
    const LIMIT: i64 = 253_402_300_799;

    /// Returns the whole seconds, rounded towards the past.
    #[must_use]
    pub const fn seconds(self) -> i64 {
        self.seconds
    }

    pub(crate) fn plus(self, duration: Duration) -> Self {
        let nanos = self.nanos + duration.subsec_nanos();
        let carry = i64::from(nanos / 1_000_000_000);
        let seconds = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Self { seconds: self.seconds.saturating_add(seconds).saturating_add(carry), nanos: nanos % 1_000_000_000 }
    }

    /// The time from `earlier` to `self`; zero where `earlier` is the later one.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        if self <= earlier {
            return Duration::ZERO;
        }
        let seconds = u64::try_from(self.seconds - earlier.seconds).unwrap_or_default();
        Duration::from_secs(seconds) + Duration::from_nanos(self.nanos.into())
            - Duration::from_nanos(earlier.nanos.into())
    }

    /// Reads a JSON number. `None` where it lies out of range.
    fn parse(number: &str) -> Option<Self> {
        if let Ok(seconds) = number.parse::<i64>() {
            return (-Self::LIMIT..=Self::LIMIT).contains(&seconds).then_some(Self { seconds, nanos: 0 });
        }
        let value: f64 = number.parse().ok()?;
        // True for infinities too, which is what `1e400` reads as.
        if value.abs() > Self::LIMIT as f64 {
            return None;
        }
        let floor = value.floor();
        Some(Self { seconds: floor as i64, nanos: (((value - floor) * 1e9) as u32).min(999_999_999) })
    }
}

impl From<Duration> for NumericDate {
    /// Takes a duration since the epoch, as a [`Clock`](crate::clock::Clock) gives it.
    fn from(since_epoch: Duration) -> Self {
        Self { seconds: i64::try_from(since_epoch.as_secs()).unwrap_or(i64::MAX), nanos: since_epoch.subsec_nanos() }
    }
}

/// The `aud` claim: one name or several. RFC 7519 section 4.1.3.
#[derive(Clone)]
pub struct Audience<'c>(AudienceForm<'c>);

#[derive(Clone)]
enum AudienceForm<'c> {
    One(Cow<'c, str>),
    /// The text of an array whose elements are all strings.
    Many(&'c str),
}

impl Audience<'_> {
    /// Returns whether `name` is among the audiences: compared whole, code point by code point.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match &self.0 {
            AudienceForm::One(only) => only == name,
            AudienceForm::Many(array) => any_text(array, |text| text == name),
        }
    }

    /// Returns the names in the order of the token.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match &self.0 {
            AudienceForm::One(only) => vec![only.to_string()],
            AudienceForm::Many(array) => texts(array),
        }
    }
}

impl<'c> Audience<'c> {
    fn read(value: Value<'c>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(Self(AudienceForm::One(text.decode()))),
            Value::Array(array) => {
                let mut all_text = true;
                json::array(array, |element| all_text &= matches!(element, Value::Text(_))).ok()?;
                all_text.then_some(Self(AudienceForm::Many(array)))
            }
            _ => None,
        }
    }
}

/// The scopes that a token carries, from `scope` or, where that is absent, `scp`; each a string or an array.
///
/// A string is split at single spaces and nowhere else (RFC 6749 section 3.3); names are compared whole. A claim of any
/// other type carries no scopes.
#[derive(Clone, Copy)]
pub struct Scopes<'c>(Option<Value<'c>>);

impl Scopes<'_> {
    /// Returns whether the token carries the scope `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        match self.0 {
            Some(Value::Text(text)) => !name.is_empty() && text.decode().split(' ').any(|scope| scope == name),
            Some(Value::Array(array)) => !name.is_empty() && any_text(array, |scope| scope == name),
            _ => false,
        }
    }

    /// Returns the scopes in the order of the token.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self.0 {
            Some(Value::Text(text)) => {
                text.decode().split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
            }
            Some(Value::Array(array)) => texts(array),
            _ => Vec::new(),
        }
    }
}

fn any_text(array: &str, mut is_it: impl FnMut(&str) -> bool) -> bool {
    let mut found = false;
    // The array was read before, as part of the payload; an error cannot occur and would count as "not found".
    let _ = json::array(array, |element| found |= element.as_text().is_some_and(|text| is_it(&text)));
    found
}

fn texts(array: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let _ = json::array(array, |element| texts.extend(element.as_text().map(Cow::into_owned)));
    texts
}

/// The registered claims of one payload, borrowed from its text.
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
    pub(crate) scopes: Scopes<'c>,
    pub(crate) confirmation: bool,
}

/// Why a payload is not a set of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClaimsError {
    /// The payload is not a JSON object of the kind that is read here.
    Payload,
    /// The named registered claim has a value that it cannot have.
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
        scopes: Scopes(None),
        confirmation: false,
    };

    /// Reads the payload in one pass.
    pub(crate) fn read(payload: &'c str) -> Result<Self, ClaimsError> {
        let mut claims = Self::NONE;
        let (mut wrong, mut scope, mut scp) = (None, None, None);
        json::object(payload, Unique::Everywhere, |name, value| {
            let fits = match name {
                "iss" => text(value, &mut claims.issuer),
                "sub" => text(value, &mut claims.subject),
                "jti" => text(value, &mut claims.token_id),
                "client_id" => text(value, &mut claims.client_id),
                "exp" => date(value, &mut claims.expires_at),
                "nbf" => date(value, &mut claims.not_before),
                "iat" => date(value, &mut claims.issued_at),
                "aud" => {
                    claims.audience = Audience::read(value);
                    claims.audience.is_some()
                }
                "scope" => {
                    scope = Some(value);
                    true
                }
                "scp" => {
                    scp = Some(value);
                    true
                }
                "cnf" => {
                    claims.confirmation = true;
                    true
                }
                _ => true,
            };
            if !fits {
                wrong = wrong.or(REGISTERED.iter().copied().find(|registered| *registered == name));
            }
        })?;
        claims.scopes = Scopes(scope.or(scp));
        match wrong {
            Some(claim) => Err(ClaimsError::Claim(claim)),
            None => Ok(claims),
        }
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

    /// Returns `exp`, the moment from which the token is not accepted.
    #[must_use]
    pub const fn expires_at(&self) -> Option<NumericDate> {
        self.expires_at
    }

    /// Returns `nbf`, the moment before which the token is not accepted.
    #[must_use]
    pub const fn not_before(&self) -> Option<NumericDate> {
        self.not_before
    }

    /// Returns `iat`, the moment of issue.
    #[must_use]
    pub const fn issued_at(&self) -> Option<NumericDate> {
        self.issued_at
    }

    /// Returns `jti`, the token's identifier, unique for its issuer.
    #[must_use]
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// Returns `client_id`, the client that asked for the token. RFC 8693 section 4.3.
    #[must_use]
    pub fn client_id(&self) -> Option<&str> {
        self.client_id.as_deref()
    }

    /// Returns the scopes of `scope` or `scp`.
    #[must_use]
    pub const fn scopes(&self) -> Scopes<'c> {
        self.scopes
    }
}

/// Whether a payload holds the claim `name` with a value other than `null` or an empty string.
pub(crate) fn has_claim(payload: &str, name: &str) -> bool {
    let mut found = false;
    let read = json::object(payload, Unique::Outermost, |other, value| {
        found |= other == name
            && match value {
                Value::Null => false,
                Value::Text(text) => !text.decode().is_empty(),
                _ => true,
            };
    });
    read.is_ok() && found
}

/// The claims whose values this room reads and therefore refuses when they have the wrong type.
const REGISTERED: [&str; 8] = ["iss", "sub", "jti", "client_id", "exp", "nbf", "iat", "aud"];

fn text<'c>(value: Value<'c>, claim: &mut Option<Cow<'c, str>>) -> bool {
    *claim = value.as_text();
    claim.is_some()
}

fn date(value: Value<'_>, claim: &mut Option<NumericDate>) -> bool {
    *claim = match value {
        Value::Number(number) => NumericDate::parse(number),
        _ => None,
    };
    claim.is_some()
}

// Claims are personal data: Debug says that they are there, not what they are.
macro_rules! redacted {
    ($($claims:ident),+) => {$(
        impl fmt::Debug for $claims<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($claims)).finish_non_exhaustive()
            }
        }
    )+};
}
redacted!(Audience, Scopes, RegisteredClaims);

#[cfg(test)]
mod tests {
    use super::*;

    fn read(payload: &str) -> Result<RegisteredClaims<'_>, ClaimsError> {
        RegisteredClaims::read(payload)
    }

    #[test]
    fn a_numeric_date_may_have_a_fraction_or_an_exponent_but_not_leave_the_calendar() {
        for (number, expected) in [
            ("0", Some((0, 0))),
            ("-5", Some((-5, 0))),
            ("1.9e9", Some((1_900_000_000, 0))),
            ("1.5", Some((1, 500_000_000))),
            ("-0.5", Some((-1, 500_000_000))),
            ("253402300799", Some((253_402_300_799, 0))),
            ("253402300800", None),
            ("18446744073709551615", None),
            ("1e19", None),
            ("1e400", None),
            ("-1e400", None),
        ] {
            let date = NumericDate::parse(number).map(|date| (date.seconds, date.nanos));
            assert_eq!(date, expected, "{number}");
        }
    }

    #[test]
    fn dates_add_and_subtract_without_overflow() {
        let date = NumericDate { seconds: 10, nanos: 600_000_000 };
        assert_eq!(date.plus(Duration::from_millis(500)), NumericDate { seconds: 11, nanos: 100_000_000 });
        assert_eq!(date.plus(Duration::MAX).seconds, i64::MAX);
        let later = NumericDate { seconds: 12, nanos: 100_000_000 };
        assert_eq!(later.since(date), Duration::from_millis(1_500));
        assert_eq!(date.since(later), Duration::ZERO);
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
            (r#"{"aud":[["api"]]}"#, "aud"),
            (r#"{"aud":null}"#, "aud"),
            (r#"{"jti":1}"#, "jti"),
        ] {
            assert_eq!(read(payload).err(), Some(ClaimsError::Claim(claim)), "{payload}");
        }
        assert_eq!(read("[1]").err(), Some(ClaimsError::Payload));
    }

    #[test]
    fn an_audience_matches_whole_names_only() {
        for (payload, expected) in [
            (r#"{"aud":"api"}"#, true),
            (r#"{"aud":["other","api"]}"#, true),
            (r#"{"aud":["\u0061pi"]}"#, true),
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
    fn scopes_are_split_at_single_spaces_and_compared_whole() {
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
    fn debug_shows_no_claim() {
        let claims = read(r#"{"sub":"ada","aud":"api","scope":"s"}"#).expect("well-formed");
        let text = format!("{claims:?} {:?} {:?}", claims.audience(), claims.scopes());
        assert!(!text.contains("ada") && !text.contains("api"), "{text}");
    }
}
