use std::fmt;
use std::time::Duration;

use crate::claims::{NumericDate, claim};
use crate::error::{Error, ErrorKind};
use crate::http::challenge::is_scope;
use crate::json::Value;
use crate::verified::Verified;

use super::Requirement;
use super::requirement::{Misconfigured, ensure_configured};

/// A requirement on how or when the user logged in (RFC 9470). Created by [`acr`] and [`max_auth_age`].
#[derive(Clone)]
pub struct RequiredLogin {
    acr_values: Option<Vec<String>>,
    max_age: Option<Duration>,
    mistake: Option<Misconfigured>,
}

/// Requires that the user logged in with one of these methods: the claim `acr` is one of `values`.
///
/// Values are compared exactly. Otherwise the request fails with 401 `insufficient_user_authentication`, and the challenge
/// names the values, so that the client can ask for such a login (RFC 9470 section 3).
///
/// If the list is empty, the mistake is logged and the requirement fails every request with 500 `misconfigured`.
///
/// ```
/// use std::time::Duration;
/// use jwt_core::authorize::acr;
///
/// let requirement = acr(["phr", "phrh"]).max_auth_age(Duration::from_secs(300));
/// ```
#[must_use]
pub fn acr<V: Into<String>>(values: impl IntoIterator<Item = V>) -> RequiredLogin {
    RequiredLogin { acr_values: None, max_age: None, mistake: None }.acr(values)
}

/// Requires that the user logged in no longer than `age` ago, according to the claim `auth_time`.
///
/// The verifier's clock and its leeway apply. Otherwise the request fails with 401 `insufficient_user_authentication`, and
/// the challenge names the age in whole seconds, so that the client can ask for a new login (RFC 9470 section 3). A token
/// without `auth_time`, or with one in the future, does not meet the requirement.
///
/// ```
/// use std::time::Duration;
///
/// let requirement = jwt_core::authorize::max_auth_age(Duration::from_secs(300));
/// ```
#[must_use]
pub fn max_auth_age(age: Duration) -> RequiredLogin {
    RequiredLogin { acr_values: None, max_age: Some(age), mistake: None }
}

/// Requires a token from a login, not from a refresh.
///
/// The claim `fresh` must be `true`, or a time in the future by the verifier's clock and its leeway. Use it for operations
/// that must not be possible in a session left open on a shared computer: changing the password, deleting the account.
///
/// Otherwise the request fails with 401 `insufficient_user_authentication` and `max_age="0"`, so that the client asks its
/// user to log in (RFC 9470 section 3). Other issuers usually don't set `fresh`; for their tokens, use [`max_auth_age`].
///
/// ```
/// let requirement = jwt_core::authorize::fresh();
/// ```
#[must_use]
pub const fn fresh() -> impl Requirement + Copy + 'static {
    RequiredFreshness
}

impl RequiredLogin {
    /// Also requires one of these login methods, as [`acr`] does. The challenge names both conditions.
    #[must_use]
    pub fn acr<V: Into<String>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        self.mistake = Misconfigured::if_empty("acr", values.is_empty());
        self.acr_values = Some(values);
        self
    }

    /// Also requires a recent login, as [`max_auth_age`] does. The challenge names both conditions.
    #[must_use]
    pub fn max_auth_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    fn is_met_by(&self, verified: &Verified) -> bool {
        let strong = self.acr_values.as_ref().is_none_or(|values| {
            let acr = claim(verified.payload(), "acr").and_then(Value::as_text);
            acr.is_some_and(|acr| !acr.is_empty() && values.iter().any(|value| *value == acr))
        });
        strong && self.max_age.is_none_or(|age| is_recent(verified, age))
    }
}

impl fmt::Debug for RequiredLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(values) = &self.acr_values {
            f.debug_tuple("acr").field(values).finish()?;
        }
        if let Some(age) = &self.max_age {
            f.write_str(if self.acr_values.is_some() { "." } else { "" })?;
            f.debug_tuple("max_auth_age").field(age).finish()?;
        }
        Ok(())
    }
}

fn is_recent(verified: &Verified, age: Duration) -> bool {
    let Some(Value::Number(seconds)) = claim(verified.payload(), "auth_time") else { return false };
    let (now, leeway) = (verified.now(), verified.leeway());
    NumericDate::parse(seconds).is_some_and(|login| login <= now.plus(leeway) && now < login.plus(age).plus(leeway))
}

impl Requirement for RequiredLogin {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        ensure_configured(self.mistake.as_ref())?;
        if self.is_met_by(verified) {
            return Ok(());
        }
        // If a value cannot be part of a challenge, the challenge names no values.
        let values: Vec<&str> = self.acr_values.iter().flatten().map(String::as_str).collect();
        let quotable = !values.is_empty() && values.iter().all(|value| is_scope(value));
        let acr_values = quotable.then(|| values.join(" "));
        Err(Error::from(ErrorKind::InsufficientAuthentication).asking_for_login(acr_values, self.max_age))
    }
}

#[derive(Clone, Copy)]
struct RequiredFreshness;

impl fmt::Debug for RequiredFreshness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("fresh()")
    }
}

impl Requirement for RequiredFreshness {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        let is_fresh = match claim(verified.payload(), "fresh") {
            Some(Value::Bool(fresh)) => fresh,
            Some(Value::Number(until)) => {
                NumericDate::parse(until).is_some_and(|until| verified.now() < until.plus(verified.leeway()))
            }
            _ => false,
        };
        if is_fresh {
            return Ok(());
        }
        let error = Error::from(ErrorKind::InsufficientAuthentication).with_unmet("fresh");
        Err(error.asking_for_login(None, Some(Duration::ZERO)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(requirement: &RequiredLogin, payload: &str) -> Result<(), (Option<String>, Option<u64>)> {
        requirement.check(&Verified::of_payload(payload)).map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::InsufficientAuthentication);
            (error.acr_values().map(str::to_owned), error.max_age().map(|age| age.as_secs()))
        })
    }

    #[test]
    fn the_login_method_must_be_one_of_the_acr_values() {
        let refused = || Err((Some("phr phrh".to_owned()), None));
        for (payload, met) in [
            (r#"{"acr":"phr"}"#, true),
            (r#"{"acr":"phrh"}"#, true),
            (r#"{"acr":"phr phrh"}"#, false),
            (r#"{"acr":["phr"]}"#, false),
            (r#"{"acr":"PHR"}"#, false),
            (r#"{"acr":""}"#, false),
            (r#"{"acr":1}"#, false),
            ("{}", false),
        ] {
            let expected = if met { Ok(()) } else { refused() };
            assert_eq!(outcome(&acr(["phr", "phrh"]), payload), expected, "{payload}");
        }
        assert_eq!(outcome(&acr([""]), r#"{"acr":""}"#), Err((None, None)));
        assert_eq!(outcome(&acr(["a\"b"]), "{}"), Err((None, None)), "cannot be quoted");
    }

    #[test]
    fn an_empty_list_is_a_misconfiguration_for_every_token() {
        let recent = max_auth_age(Duration::from_secs(300));
        for requirement in [acr::<&str>([]), recent.acr::<&str>([])] {
            for payload in ["{}", r#"{"acr":"phr","auth_time":1000000}"#] {
                let error = requirement.check(&Verified::of_payload(payload)).expect_err("it can't be checked");
                assert_eq!((error.kind(), error.unmet()), (ErrorKind::Misconfigured, Some("acr")));
            }
        }
    }

    /// The clock is at 1,000,000 seconds; the leeway is 60 seconds.
    #[test]
    fn the_leeway_applies_to_both_ends_of_the_login_age() {
        for (auth_time, met) in [
            ("1000000", true),
            ("999641", true),
            ("999640", false),
            ("999640.5", true),
            ("1000060", true),
            ("1000061", false),
            ("1e300", false),
            ("\"1000000\"", false),
            ("null", false),
        ] {
            let expected = if met { Ok(()) } else { Err((None, Some(300))) };
            let payload = format!("{{\"auth_time\":{auth_time}}}");
            assert_eq!(outcome(&max_auth_age(Duration::from_secs(300)), &payload), expected, "{auth_time}");
        }
        assert_eq!(outcome(&max_auth_age(Duration::MAX), r#"{"auth_time":0}"#), Ok(()));
        assert!(outcome(&max_auth_age(Duration::from_secs(300)), "{}").is_err());
    }

    #[test]
    fn one_error_asks_for_both_conditions() {
        let both = acr(["phr"]).max_auth_age(Duration::from_secs(5));
        for (payload, met) in [
            (r#"{"acr":"phr","auth_time":1000000}"#, true),
            (r#"{"acr":"phr","auth_time":1}"#, false),
            (r#"{"acr":"pwd","auth_time":1000000}"#, false),
        ] {
            let expected = if met { Ok(()) } else { Err((Some("phr".to_owned()), Some(5))) };
            assert_eq!(outcome(&both, payload), expected, "{payload}");
        }
    }

    /// The clock is at 1,000,000 seconds; the leeway is 60 seconds.
    #[test]
    fn a_token_is_fresh_if_the_claim_is_true_or_a_future_time() {
        for (payload, met) in [
            (r#"{"fresh":true}"#, true),
            (r#"{"fresh":false}"#, false),
            (r#"{"fresh":"true"}"#, false),
            (r#"{"fresh":1000001}"#, true),
            (r#"{"fresh":999941}"#, true),
            (r#"{"fresh":999940}"#, false),
            (r#"{"fresh":1e300}"#, false),
            (r#"{"fresh":null}"#, false),
            (r#"{"x":{"fresh":true}}"#, false),
            ("{}", false),
        ] {
            let checked = fresh().check(&Verified::of_payload(payload));
            assert_eq!(checked.is_ok(), met, "{payload}");
            if let Err(error) = checked {
                assert_eq!(error.kind(), ErrorKind::InsufficientAuthentication);
                assert_eq!((error.max_age(), error.unmet()), (Some(Duration::ZERO), Some("fresh")));
            }
        }
    }
}
