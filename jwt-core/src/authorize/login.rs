use std::time::Duration;

use crate::claims::{NumericDate, claim};
use crate::error::{Error, ErrorKind};
use crate::http::challenge::is_scope;
use crate::json::Value;
use crate::verified::Verified;

use super::Requirement;
use super::fault::{self, Fault};

/// The requirement of a strong or recent login; made by [`acr`] and [`max_auth_age`]. RFC 9470.
#[derive(Clone, Debug)]
pub struct RequiredLogin {
    acr_values: Option<Vec<String>>,
    max_age: Option<Duration>,
    fault: Option<Fault>,
}

/// Requires the bearer to have logged in in one of these ways: the claim `acr` is one of `values`.
///
/// A refusal is 401 `insufficient_user_authentication` and names the values, so that the client can ask for such a login
/// (RFC 9470 section 3). Values are compared whole. An empty list is logged and answered 500
/// `misconfigured`.
///
/// ```
/// use std::time::Duration;
/// use jwt_core::authorize::acr;
///
/// let requirement = acr(["phr", "phrh"]).max_auth_age(Duration::from_secs(300));
/// ```
#[must_use]
pub fn acr<V: Into<String>>(values: impl IntoIterator<Item = V>) -> RequiredLogin {
    RequiredLogin { acr_values: None, max_age: None, fault: None }.acr(values)
}

/// Requires the bearer to have logged in no longer than `age` ago: by the claim `auth_time`, the verifier's clock and its
/// leeway.
///
/// A refusal is 401 `insufficient_user_authentication` and names the age in whole seconds, so that the client can ask for
/// a new login (RFC 9470 section 3). A token that does not say when its bearer logged in, or says that this is yet to
/// come, does not pass.
///
/// ```
/// use std::time::Duration;
///
/// let requirement = jwt_core::authorize::max_auth_age(Duration::from_secs(300));
/// ```
#[must_use]
pub fn max_auth_age(age: Duration) -> RequiredLogin {
    RequiredLogin { acr_values: None, max_age: Some(age), fault: None }
}

impl RequiredLogin {
    /// Requires the way of the login, too, as [`acr`] does. The refusal names both.
    #[must_use]
    pub fn acr<V: Into<String>>(mut self, values: impl IntoIterator<Item = V>) -> Self {
        let values: Vec<String> = values.into_iter().map(Into::into).collect();
        self.fault = Fault::of_empty_list("acr", values.is_empty());
        self.acr_values = Some(values);
        self
    }

    /// Requires the login to be recent, too, as [`max_auth_age`] does. The refusal names both.
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

fn is_recent(verified: &Verified, age: Duration) -> bool {
    let Some(Value::Number(seconds)) = claim(verified.payload(), "auth_time") else { return false };
    let (now, leeway) = (verified.now(), verified.leeway());
    NumericDate::parse(seconds).is_some_and(|login| login <= now.plus(leeway) && now < login.plus(age).plus(leeway))
}

impl Requirement for RequiredLogin {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        fault::check(self.fault.as_ref())?;
        if self.is_met_by(verified) {
            return Ok(());
        }
        // A value that cannot stand in a challenge is not asked for.
        let values: Vec<&str> = self.acr_values.iter().flatten().map(String::as_str).collect();
        let quotable = !values.is_empty() && values.iter().all(|value| is_scope(value));
        let acr_values = quotable.then(|| values.join(" "));
        Err(Error::from(ErrorKind::InsufficientAuthentication).asking_for_login(acr_values, self.max_age))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(requirement: &RequiredLogin, payload: &str) -> Result<(), (Option<String>, Option<u64>)> {
        requirement.check(&Verified::of_payload(payload)).map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::InsufficientAuthentication);
            (error.acr_values().map(str::to_owned), error.max_age().map(|age| age.as_secs()))
        })
    }

    #[test]
    fn the_way_of_a_login_is_one_of_the_values() {
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
            assert_eq!(judge(&acr(["phr", "phrh"]), payload), expected, "{payload}");
        }
        assert_eq!(judge(&acr([""]), r#"{"acr":""}"#), Err((None, None)));
        assert_eq!(judge(&acr(["a\"b"]), "{}"), Err((None, None)), "cannot be quoted");
    }

    #[test]
    fn an_empty_list_is_a_misconfiguration_whatever_the_token() {
        let recent = max_auth_age(Duration::from_secs(300));
        for requirement in [acr::<&str>([]), recent.acr::<&str>([])] {
            for payload in ["{}", r#"{"acr":"phr","auth_time":1000000}"#] {
                let error = requirement.check(&Verified::of_payload(payload)).expect_err("it can't be checked");
                assert_eq!((error.kind(), error.detail()), (ErrorKind::Misconfigured, Some("acr")));
            }
        }
    }

    /// The clock stands at 1,000,000, the leeway is 60 seconds.
    #[test]
    fn the_age_of_a_login_is_counted_with_the_leeway_on_both_sides() {
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
            assert_eq!(judge(&max_auth_age(Duration::from_secs(300)), &payload), expected, "{auth_time}");
        }
        assert_eq!(judge(&max_auth_age(Duration::MAX), r#"{"auth_time":0}"#), Ok(()));
        assert!(judge(&max_auth_age(Duration::from_secs(300)), "{}").is_err());
    }

    #[test]
    fn one_refusal_asks_for_both() {
        let both = acr(["phr"]).max_auth_age(Duration::from_secs(5));
        for (payload, met) in [
            (r#"{"acr":"phr","auth_time":1000000}"#, true),
            (r#"{"acr":"phr","auth_time":1}"#, false),
            (r#"{"acr":"pwd","auth_time":1000000}"#, false),
        ] {
            let expected = if met { Ok(()) } else { Err((Some("phr".to_owned()), Some(5))) };
            assert_eq!(judge(&both, payload), expected, "{payload}");
        }
    }
}
