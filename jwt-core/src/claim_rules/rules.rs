use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use super::{SenderRules, TypeRule};
use crate::claims::{Audience, LogoutEvent, NumericDate, RegisteredClaims, claim};
use crate::error::{Check, Detail, Error, ErrorKind, ExpectedValue};
use crate::json::Value;

/// The tolerated clock difference, if nothing else is set.
pub(crate) const DEFAULT_LEEWAY: Duration = Duration::from_secs(60);

/// The largest leeway that can be set. RFC 7519 section 4.1.4: "usually no more than a few minutes".
pub(crate) const MAX_LEEWAY: Duration = Duration::from_secs(300);

/// The rules for the claims of one issuer's tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimRules {
    pub(crate) audience: AudienceRule,
    /// Whether the audiences are the verifier's protected resources. Then a token must name the one that is requested.
    pub(crate) names_resources: bool,
    /// The claim that is checked instead of `aud`.
    pub(crate) audience_claim: Option<Arc<str>>,
    /// Claims that must equal these strings.
    pub(crate) fixed: Vec<(Arc<str>, String)>,
    pub(crate) subject: Option<String>,
    pub(crate) types: TypeRule,
    /// Whether `token_types` also accepts tokens without `typ`.
    pub(crate) type_optional: bool,
    /// Whether tokens with claims that only ID tokens have are accepted.
    pub(crate) id_tokens: bool,
    /// Whether `sub` and `jti` may be whole numbers.
    pub(crate) numeric_identifiers: bool,
    pub(crate) expiry_required: bool,
    pub(crate) max_age: Option<Duration>,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) required: Vec<Arc<str>>,
    pub(crate) sender: SenderRules,
}

impl Default for ClaimRules {
    fn default() -> Self {
        Self {
            audience: AudienceRule::Undecided,
            names_resources: false,
            audience_claim: None,
            fixed: Vec::new(),
            subject: None,
            types: TypeRule::Default,
            type_optional: false,
            id_tokens: false,
            numeric_identifiers: false,
            expiry_required: true,
            max_age: None,
            max_lifetime: None,
            required: Vec::new(),
            sender: SenderRules::default(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AudienceRule {
    /// Nothing was set, so building a verifier fails.
    Undecided,
    AnyOf(Vec<String>),
    AllOf(Vec<String>),
    /// The audience is not checked.
    Unchecked,
}

/// The times in a token.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    pub(crate) expires_at: Option<NumericDate>,
    pub(crate) not_before: Option<NumericDate>,
    pub(crate) issued_at: Option<NumericDate>,
}

impl Times {
    pub(crate) const fn of(claims: &RegisteredClaims<'_>) -> Self {
        Self { expires_at: claims.expires_at(), not_before: claims.not_before(), issued_at: claims.issued_at() }
    }
}

/// Whole seconds during which a token's times certainly fit, so that a cached token needs only two comparisons.
#[derive(Clone, Copy)]
pub(crate) struct FittingSeconds {
    first: i64,
    end: i64,
}

impl FittingSeconds {
    pub(crate) fn contain(self, now: NumericDate) -> bool {
        (self.first..self.end).contains(&now.seconds())
    }
}

impl ClaimRules {
    /// Checks the claims, which were read from `payload`.
    pub(crate) fn check_claims(
        &self,
        claims: &RegisteredClaims<'_>,
        payload: &str,
        now: NumericDate,
        leeway: Duration,
    ) -> Result<(), Error> {
        self.check_event(claims.logout).map_err(|error| error.at(Check::Logout))?;
        self.check_audience(claims, payload)?;
        self.check_times(&Times::of(claims), now, leeway)?;
        if self.subject.is_some() && self.subject.as_deref() != claims.subject() {
            return Err(Error::from(ErrorKind::WrongSubject).at(Check::Subject));
        }
        for (name, expected) in &self.fixed {
            let found = match claim(payload, name).map(Value::as_text) {
                Some(Some(value)) if value == *expected => continue,
                Some(Some(_)) => "the token has another string",
                Some(None) => "the token has a value that isn't a string",
                None => "the token has none",
            };
            let detail = ExpectedValue { name: Arc::clone(name), expected: expected.clone(), found };
            let detail = Detail::Value(Box::new(detail));
            return Err(Error::from(ErrorKind::WrongClaim).at(Check::Required).with_detail(detail));
        }
        for name in &self.required {
            if !has(claims, payload, name) {
                // Unless they are required, these two count as absent if they have another type.
                let is_unreadable = matches!(&**name, "client_id" | "sid")
                    && claim(payload, name).is_some_and(|value| value.as_text().is_none());
                let kind = if is_unreadable { ErrorKind::MalformedClaims } else { ErrorKind::MissingClaim };
                return Err(Error::from(kind).at(Check::Required).with_unmet(Arc::clone(name)));
            }
        }
        self.sender.confirmation(claims, payload).map(drop).map_err(|error| error.at(Check::Confirmation))
    }

    /// Refuses logout tokens where access tokens are expected, and the other way around. Their `typ` is optional, so the claim
    /// `events` decides. OpenID Connect Back-Channel Logout 1.0 section 2.4.
    fn check_event(&self, logout: LogoutEvent) -> Result<(), Error> {
        match (&self.types, logout) {
            (TypeRule::Logout, LogoutEvent::Yes) => Ok(()),
            (TypeRule::Logout, LogoutEvent::No) => Err(missing("events")),
            (TypeRule::Logout, LogoutEvent::Malformed) => Err(Error::from(ErrorKind::WrongClaim).with_unmet("events")),
            (_, LogoutEvent::No) => Ok(()),
            (_, _) => Err(ErrorKind::WrongType.into()),
        }
    }

    fn check_audience(&self, claims: &RegisteredClaims<'_>, payload: &str) -> Result<(), Error> {
        let accepted = self.with_audience(claims, payload, |audience| {
            let named = |name: &String| audience.is_some_and(|audience| audience.contains(name));
            match &self.audience {
                AudienceRule::Undecided => false,
                AudienceRule::AnyOf(names) => names.iter().any(named),
                AudienceRule::AllOf(names) => names.iter().all(named),
                AudienceRule::Unchecked => true,
            }
        });
        if !accepted {
            return Err(Error::from(ErrorKind::WrongAudience).at(Check::Audience));
        }
        if self.audience_claim.is_some() { self.check_other_audience(claims) } else { Ok(()) }
    }

    /// Refuses an `aud` that names other services, although another claim names this one. RFC 7519 section 4.1.3.
    #[cold]
    fn check_other_audience(&self, claims: &RegisteredClaims<'_>) -> Result<(), Error> {
        const OTHER: Detail = Detail::Constant(
            "the token has `aud` too, which names none of the configured audiences: if it's meant for this service, configure that \
             audience as well",
        );
        match (&self.audience, claims.audience()) {
            (AudienceRule::AnyOf(names) | AudienceRule::AllOf(names), Some(audience))
                if !names.iter().any(|name| audience.contains(name)) =>
            {
                Err(Error::from(ErrorKind::WrongAudience).at(Check::Audience).with_detail(OTHER))
            }
            _ => Ok(()),
        }
    }

    /// Calls `check` with the audience: `aud`, or the claim that replaces it.
    pub(super) fn with_audience<R>(
        &self,
        claims: &RegisteredClaims<'_>,
        payload: &str,
        check: impl FnOnce(Option<&Audience<'_>>) -> R,
    ) -> R {
        let replacement =
            self.audience_claim.as_deref().map(|name| claim(payload, name).and_then(Audience::from_value));
        check(replacement.as_ref().map_or(claims.audience(), Option::as_ref))
    }

    /// Checks the times only, which is enough for a cached token: its other claims cannot change.
    pub(crate) fn check_times(&self, times: &Times, now: NumericDate, leeway: Duration) -> Result<(), Error> {
        self.times_fit(times, now, leeway).map_err(|error| error.at(Check::Times))
    }

    /// Returns seconds during which `check_times` accepts these times, if it has accepted them once. Call it at other moments: parts
    /// of seconds, and the leeway for tokens of the future, are left out.
    pub(crate) fn fitting_seconds(&self, times: &Times, leeway: Duration) -> FittingSeconds {
        let &Times { expires_at, not_before, issued_at } = times;
        let begins = not_before.max(issued_at);
        let too_old = self.max_age.and_then(|max_age| Some(issued_at?.plus(max_age)));
        let ends = [expires_at, too_old].into_iter().flatten().min();
        FittingSeconds {
            first: begins.map_or(i64::MIN, |begins| begins.seconds().saturating_add(1)),
            end: ends.map_or(i64::MAX, |ends| ends.plus(leeway).seconds()),
        }
    }

    fn times_fit(&self, times: &Times, now: NumericDate, leeway: Duration) -> Result<(), Error> {
        let &Times { expires_at, not_before, issued_at } = times;
        match expires_at {
            // RFC 7519 section 4.1.4: "on or after which the JWT must not be accepted".
            Some(expires_at) if expires_at.plus(leeway) <= now => return Err(ErrorKind::Expired.into()),
            None if self.expiry_required => return Err(missing("exp")),
            _ => {}
        }
        // Section 4.1.5: "before which the JWT must not be accepted".
        if not_before.is_some_and(|not_before| now.plus(leeway) < not_before) {
            return Err(ErrorKind::NotYetValid.into());
        }
        if let Some(issued_at) = issued_at {
            let after_expiry = expires_at.is_some_and(|expires_at| expires_at < issued_at);
            if now.plus(leeway) < issued_at || after_expiry {
                return Err(ErrorKind::IssuedInFuture.into());
            }
        }
        if let Some(max_age) = self.max_age {
            let issued_at = issued_at.ok_or_else(|| missing("iat"))?;
            if issued_at.plus(max_age).plus(leeway) <= now {
                return Err(ErrorKind::TooOld.into());
            }
        }
        if let Some(max_lifetime) = self.max_lifetime {
            let issued_at = issued_at.ok_or_else(|| missing("iat"))?;
            let expires_at = expires_at.ok_or_else(|| missing("exp"))?;
            if expires_at.since(issued_at) > max_lifetime {
                return Err(ErrorKind::LifetimeTooLong.into());
            }
        }
        Ok(())
    }
}

fn missing(claim: impl Into<Arc<str>>) -> Error {
    Error::from(ErrorKind::MissingClaim).with_unmet(claim)
}

/// Whether the claim is present and not empty.
fn has(claims: &RegisteredClaims<'_>, payload: &str, name: &str) -> bool {
    let text = |claim: &Option<Cow<'_, str>>| claim.as_deref().is_some_and(|text| !text.is_empty());
    match name {
        "iss" => text(&claims.issuer),
        "sub" => text(&claims.subject),
        "jti" => text(&claims.token_id),
        "client_id" => text(&claims.client_id),
        "sid" => text(&claims.session_id),
        "exp" => claims.expires_at.is_some(),
        "nbf" => claims.not_before.is_some(),
        "iat" => claims.issued_at.is_some(),
        "aud" => claims.audience.is_some(),
        _ => claim(payload, name).is_some_and(|value| value.as_text().is_none_or(|text| !text.is_empty())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    fn check(rules: &ClaimRules, payload: &str, leeway: u64) -> Result<(), ErrorKind> {
        let claims = RegisteredClaims::read(payload).expect("well-formed");
        let now = NumericDate::from(Duration::from_secs(NOW as u64));
        rules.check_claims(&claims, payload, now, Duration::from_secs(leeway)).map_err(|error| error.kind())
    }

    fn no_rules() -> ClaimRules {
        ClaimRules { audience: AudienceRule::Unchecked, expiry_required: false, ..ClaimRules::default() }
    }

    #[test]
    fn exp_nbf_and_iat_are_exact_to_the_second() {
        for (claim, offset, leeway, expected) in [
            ("exp", 1, 0, Ok(())),
            ("exp", 0, 0, Err(ErrorKind::Expired)),
            ("exp", -59, 60, Ok(())),
            ("exp", -60, 60, Err(ErrorKind::Expired)),
            ("nbf", 0, 0, Ok(())),
            ("nbf", 1, 0, Err(ErrorKind::NotYetValid)),
            ("nbf", 60, 60, Ok(())),
            ("nbf", 61, 60, Err(ErrorKind::NotYetValid)),
            ("iat", 0, 0, Ok(())),
            ("iat", 1, 0, Err(ErrorKind::IssuedInFuture)),
            ("iat", 60, 60, Ok(())),
            ("iat", 61, 60, Err(ErrorKind::IssuedInFuture)),
        ] {
            let payload = format!("{{\"{claim}\":{}}}", NOW + offset);
            assert_eq!(check(&no_rules(), &payload, leeway), expected, "{claim} {offset} {leeway}");
        }
        assert_eq!(check(&no_rules(), r#"{"exp":1000000.5}"#, 0), Ok(()));
        assert_eq!(check(&no_rules(), r#"{"nbf":-5}"#, 0), Ok(()));
        assert_eq!(check(&no_rules(), r#"{"iat":999999,"exp":999998}"#, 60), Err(ErrorKind::IssuedInFuture));
    }

    #[test]
    fn max_age_and_max_lifetime_require_iat() {
        let aged = ClaimRules { max_age: Some(Duration::from_secs(100)), ..no_rules() };
        assert_eq!(check(&aged, r#"{}"#, 0), Err(ErrorKind::MissingClaim));
        assert_eq!(check(&aged, r#"{"iat":999901}"#, 0), Ok(()));
        assert_eq!(check(&aged, r#"{"iat":999900}"#, 0), Err(ErrorKind::TooOld));
        let short = ClaimRules { max_lifetime: Some(Duration::from_secs(100)), ..no_rules() };
        assert_eq!(check(&short, r#"{"exp":1000050}"#, 0), Err(ErrorKind::MissingClaim));
        assert_eq!(check(&short, r#"{"iat":999950,"exp":1000050}"#, 0), Ok(()));
        assert_eq!(check(&short, r#"{"iat":999950,"exp":1000051}"#, 0), Err(ErrorKind::LifetimeTooLong));
    }

    #[test]
    fn times_fit_in_every_fitting_second() {
        let payloads = [
            r#"{}"#,
            r#"{"exp":1000010}"#,
            r#"{"exp":1000009.5,"nbf":999990.5,"iat":999980}"#,
            r#"{"exp":1000010,"nbf":999980,"iat":999990}"#,
            r#"{"exp":253402300799,"iat":999995}"#,
            r#"{"exp":-5}"#,
        ];
        let aged = ClaimRules { max_age: Some(Duration::from_secs(12)), ..no_rules() };
        let ageless = ClaimRules { max_age: Some(Duration::MAX), ..no_rules() };
        for (rules, leeway) in [(&no_rules(), 0), (&no_rules(), 7), (&aged, 0), (&aged, 7), (&ageless, 7)] {
            for payload in payloads {
                let times = Times::of(&RegisteredClaims::read(payload).expect("well-formed"));
                if rules.max_age.is_some() && times.issued_at.is_none() {
                    continue;
                }
                let leeway = Duration::from_secs(leeway);
                let fitting = rules.fitting_seconds(&times, leeway);
                for second in NOW - 40..NOW + 40 {
                    for millis in [0, 499, 500, 999] {
                        let now = moment(second, millis);
                        let fits = rules.check_times(&times, now, leeway).is_ok();
                        assert!(fits || !fitting.contain(now), "{payload} at {second}.{millis} with {leeway:?}");
                    }
                }
            }
        }
        let fitting = aged
            .fitting_seconds(&Times::of(&RegisteredClaims::read(payloads[3]).expect("well-formed")), Duration::ZERO);
        let seconds: Vec<_> = (NOW - 40..NOW + 40).filter(|second| fitting.contain(moment(*second, 0))).collect();
        assert_eq!((seconds.first(), seconds.last()), (Some(&(NOW - 9)), Some(&(NOW + 1))));
    }

    fn moment(seconds: i64, millis: u64) -> NumericDate {
        NumericDate::from(Duration::from_secs(seconds as u64) + Duration::from_millis(millis))
    }

    #[test]
    fn a_required_claim_must_be_present_and_not_empty() {
        for name in ["sub", "jti", "client_id", "tenant"] {
            let rules = ClaimRules { required: vec![name.into()], ..no_rules() };
            for payload in ["{}".to_owned(), format!("{{\"{name}\":\"\"}}")] {
                assert_eq!(check(&rules, &payload, 0), Err(ErrorKind::MissingClaim), "{payload}");
            }
            assert_eq!(check(&rules, &format!("{{\"{name}\":\"x\"}}"), 0), Ok(()));
        }
        let rules = ClaimRules { required: vec!["tenant".into()], ..no_rules() };
        assert_eq!(check(&rules, r#"{"tenant":null}"#, 0), Err(ErrorKind::MissingClaim));
        assert_eq!(check(&rules, r#"{"x":{"tenant":1}}"#, 0), Err(ErrorKind::MissingClaim));
        assert_eq!(check(&rules, r#"{"tenant":0}"#, 0), Ok(()));
        assert_eq!(check(&ClaimRules { expiry_required: true, ..no_rules() }, "{}", 0), Err(ErrorKind::MissingClaim));
    }

    #[test]
    fn the_audience_must_match_its_rule() {
        let rule = |audience| ClaimRules { audience, ..no_rules() };
        let names = || vec!["a".to_owned(), "b".to_owned()];
        for (rules, payload, expected) in [
            (rule(AudienceRule::AnyOf(names())), r#"{"aud":"b"}"#, Ok(())),
            (rule(AudienceRule::AnyOf(names())), r#"{"aud":["c"]}"#, Err(ErrorKind::WrongAudience)),
            (rule(AudienceRule::AnyOf(names())), r#"{}"#, Err(ErrorKind::WrongAudience)),
            (rule(AudienceRule::AllOf(names())), r#"{"aud":["b","a","c"]}"#, Ok(())),
            (rule(AudienceRule::AllOf(names())), r#"{"aud":"b"}"#, Err(ErrorKind::WrongAudience)),
            (rule(AudienceRule::Unchecked), r#"{"aud":"c"}"#, Ok(())),
            (rule(AudienceRule::Undecided), r#"{"aud":"a"}"#, Err(ErrorKind::WrongAudience)),
        ] {
            assert_eq!(check(&rules, payload, 0), expected, "{payload}");
        }
    }

    #[test]
    fn another_claim_can_be_checked_instead_of_the_audience() {
        let rules = ClaimRules {
            audience: AudienceRule::AnyOf(vec!["app".to_owned()]),
            audience_claim: Some("client_id".into()),
            ..no_rules()
        };
        for (payload, expected) in [
            (r#"{"client_id":"app"}"#, Ok(())),
            (r#"{"client_id":"app","aud":["x","app"]}"#, Ok(())),
            (r#"{"client_id":"app","aud":"https://other.example"}"#, Err(ErrorKind::WrongAudience)),
            (r#"{"client_id":"app","aud":[]}"#, Err(ErrorKind::WrongAudience)),
            (r#"{"client_id":"other","aud":"app"}"#, Err(ErrorKind::WrongAudience)),
            (r#"{"aud":"app"}"#, Err(ErrorKind::WrongAudience)),
            (r#"{"x":{"client_id":"app"}}"#, Err(ErrorKind::WrongAudience)),
        ] {
            assert_eq!(check(&rules, payload, 0), expected, "{payload}");
        }
    }

    #[test]
    fn a_fixed_claim_is_compared_exactly() {
        let rules = ClaimRules { fixed: vec![("token_use".into(), "access".to_owned())], ..no_rules() };
        for (payload, expected) in [
            (r#"{"token_use":"access"}"#, Ok(())),
            (r#"{"token_use":"id"}"#, Err(ErrorKind::WrongClaim)),
            (r#"{"token_use":["access"]}"#, Err(ErrorKind::WrongClaim)),
            (r#"{}"#, Err(ErrorKind::WrongClaim)),
        ] {
            assert_eq!(check(&rules, payload, 0), expected, "{payload}");
        }
    }

    #[test]
    fn the_subject_is_compared_exactly() {
        let rules = ClaimRules { subject: Some("ada".to_owned()), ..no_rules() };
        for (payload, expected) in [
            (r#"{"sub":"ada"}"#, Ok(())),
            (r#"{"sub":"Ada"}"#, Err(ErrorKind::WrongSubject)),
            (r#"{"sub":"ada2"}"#, Err(ErrorKind::WrongSubject)),
            (r#"{}"#, Err(ErrorKind::WrongSubject)),
        ] {
            assert_eq!(check(&rules, payload, 0), expected, "{payload}");
        }
    }

    #[test]
    fn a_sender_constrained_token_is_refused() {
        for payload in [r#"{"cnf":{"jkt":"x"}}"#, r#"{"cnf":{}}"#, r#"{"cnf":null}"#] {
            assert_eq!(check(&no_rules(), payload, 0), Err(ErrorKind::UnsupportedConfirmation), "{payload}");
        }
    }
}
