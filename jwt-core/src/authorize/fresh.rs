use std::time::Duration;

use crate::claims::{NumericDate, claim};
use crate::error::{Error, ErrorKind};
use crate::json::Value;
use crate::verified::Verified;

use super::Requirement;

/// The requirement that a token comes from a login and not from a refresh; made by [`fresh`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RequiredFreshness;

/// Requires a token that comes from a login and not from a refresh: its claim `fresh` is `true`, or a moment that has not
/// come, by the verifier's clock and its leeway.
///
/// For what must not be done with a session that somebody left open: changing the password, deleting the account. A
/// refusal is 401 `insufficient_user_authentication` with `max_age="0"`, so that the client asks its user to log in (RFC
/// 9470 section 3). Tokens of other issuers have `auth_time` for it: [`max_auth_age`](super::max_auth_age).
///
/// ```
/// let requirement = jwt_core::authorize::fresh();
/// ```
#[must_use]
pub const fn fresh() -> RequiredFreshness {
    RequiredFreshness
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
        let error = Error::from(ErrorKind::InsufficientAuthentication).with_detail("fresh");
        Err(error.asking_for_login(None, Some(Duration::ZERO)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The clock stands at 1,000,000, the leeway is 60 seconds.
    #[test]
    fn a_token_is_fresh_when_it_says_so_or_until_a_moment() {
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
            let judged = fresh().check(&Verified::of_payload(payload));
            assert_eq!(judged.is_ok(), met, "{payload}");
            if let Err(error) = judged {
                assert_eq!(error.kind(), ErrorKind::InsufficientAuthentication);
                assert_eq!((error.max_age(), error.detail()), (Some(Duration::ZERO), Some("fresh")));
            }
        }
    }
}
