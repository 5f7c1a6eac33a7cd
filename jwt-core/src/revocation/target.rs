use std::fmt;
use std::time::Duration;

use crate::claim_rules::MAX_LEEWAY;
use crate::claims::NumericDate;
use crate::verified::Verified;

/// Which tokens to take back: one, those of a session, those of a subject, or all of an issuer.
///
/// Names mean something within one issuer only, so each revocation has one: RFC 7519 section 4.1.7.
#[derive(Clone, PartialEq, Eq)]
pub struct Revocation {
    pub(crate) kind: Kind,
    pub(crate) issuer: String,
    /// The value of the kind's claim. Empty where the token has none, and for an issuer.
    pub(crate) name: String,
    /// The last second of `iat` that is refused.
    pub(crate) cutoff: i64,
    pub(crate) end: End,
}

/// What tokens are known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Token = 0,
    Session = 1,
    Subject = 2,
    Issuer = 3,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Token, Self::Session, Self::Subject, Self::Issuer];

    pub(crate) const fn claim(self) -> &'static str {
        match self {
            Self::Token => "jti",
            Self::Session => "sid",
            Self::Subject => "sub",
            Self::Issuer => "iss",
        }
    }
}

/// Every second of `iat`, and its absence.
pub(crate) const ANY_TIME: i64 = i64::MAX;

/// Until when tokens that are taken back could be good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Until this second.
    At(i64),
    /// As long as any token lives.
    LongestLifetime,
    Never,
}

impl Revocation {
    /// Takes back this token, by its `jti`.
    #[must_use]
    pub fn token(verified: &Verified) -> Self {
        let claims = verified.registered();
        let (issuer, token_id) = (claims.issuer().unwrap_or_default(), claims.token_id().unwrap_or_default());
        let end = claims.expires_at().map_or(End::Never, |expires_at| End::At(after(expires_at)));
        Self { end, ..Self::new(Kind::Token, issuer, token_id) }
    }

    /// Takes back the token with this `jti`, which expires at `expires_at`.
    ///
    /// For a token that is not at hand. The revocation is forgotten when the token has expired: a moment too early lets
    /// it live again.
    #[must_use]
    pub fn token_id(
        issuer: impl Into<String>,
        token_id: impl Into<String>,
        expires_at: impl Into<NumericDate>,
    ) -> Self {
        Self { end: End::At(after(expires_at.into())), ..Self::new(Kind::Token, issuer, token_id) }
    }

    /// Takes back every token of a session, by its `sid`: those of one login, on one device.
    #[must_use]
    pub fn session(issuer: impl Into<String>, session_id: impl Into<String>) -> Self {
        Self::new(Kind::Session, issuer, session_id)
    }

    /// Takes back every token of the session that this token belongs to.
    #[must_use]
    pub fn session_of(verified: &Verified) -> Self {
        let claims = verified.registered();
        Self::session(claims.issuer().unwrap_or_default(), claims.session_id().unwrap_or_default())
    }

    /// Takes back every token of a subject that was issued before this moment or in the same second.
    #[must_use]
    pub fn subject(
        issuer: impl Into<String>,
        subject: impl Into<String>,
        issued_before: impl Into<NumericDate>,
    ) -> Self {
        Self { cutoff: issued_before.into().seconds(), ..Self::new(Kind::Subject, issuer, subject) }
    }

    /// Takes back every token that this token's subject has now, and this token itself: logs out on all devices.
    ///
    /// The cutoff is this moment, or the `iat` of the token where that is later, because its issuer's clock is ahead.
    /// Tokens have whole seconds, so one that is issued in the same second is taken back too. Other tokens of an issuer
    /// whose clock is ahead may say that they are issued later than now: where that matters, revoke by
    /// [`subject`](Self::subject) with a cutoff of now and the leeway more, which takes back what the subject is issued
    /// that soon afterwards too.
    #[must_use]
    pub fn subject_of(verified: &Verified) -> Self {
        let claims = verified.registered();
        let (issuer, subject) = (claims.issuer().unwrap_or_default(), claims.subject().unwrap_or_default());
        let cutoff = claims.issued_at().map_or(i64::MIN, NumericDate::seconds).max(verified.now().seconds());
        Self { cutoff, ..Self::new(Kind::Subject, issuer, subject) }
    }

    /// Takes back every token of an issuer that was issued before this moment or in the same second.
    #[must_use]
    pub fn issuer(issuer: impl Into<String>, issued_before: impl Into<NumericDate>) -> Self {
        Self { cutoff: issued_before.into().seconds(), ..Self::new(Kind::Issuer, issuer, "") }
    }

    fn new(kind: Kind, issuer: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind, issuer: issuer.into(), name: name.into(), cutoff: ANY_TIME, end: End::LongestLifetime }
    }

    /// The claim that is missing.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        (self.kind != Kind::Issuer && self.name.is_empty()).then_some(self.kind.claim())
    }

    /// The second until which it must be remembered.
    pub(crate) fn until(&self, now: NumericDate, longest_lifetime: Duration) -> i64 {
        match self.end {
            End::At(second) => second,
            End::Never => i64::MAX,
            End::LongestLifetime => {
                let last = if self.cutoff == ANY_TIME { now.seconds() } else { now.seconds().max(self.cutoff) };
                let lifetime = i64::try_from(longest_lifetime.as_secs()).unwrap_or(i64::MAX);
                // Its `iat` may be ahead by the leeway, and its `exp` be past by the leeway.
                last.saturating_add(lifetime).saturating_add(LEEWAY).saturating_add(MARGIN)
            }
        }
    }
}

/// No verifier tolerates more: a revocation outlives its tokens in each.
const LEEWAY: i64 = MAX_LEEWAY.as_secs() as i64;

/// A second for fractions.
const MARGIN: i64 = LEEWAY + 1;

const fn after(expires_at: NumericDate) -> i64 {
    expires_at.seconds().saturating_add(MARGIN)
}

// Claims go into no log.
impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> NumericDate {
        Duration::from_secs(seconds).into()
    }

    #[test]
    fn a_revocation_outlives_its_tokens_in_every_verifier() {
        let day = Duration::from_secs(86_400);
        let verified = Verified::of_payload(r#"{"iss":"i","jti":"t","exp":1000060.5}"#);
        for (revocation, until) in [
            (Revocation::token(&verified), 1_000_060 + 301),
            (Revocation::token_id("i", "t", at(2_000)), 2_000 + 301),
            (Revocation::session("i", "s"), 1_000 + 86_400 + 601),
            (Revocation::subject("i", "s", at(500)), 1_000 + 86_400 + 601),
            (Revocation::subject("i", "s", at(5_000)), 5_000 + 86_400 + 601),
            (Revocation::issuer("i", at(500)), 1_000 + 86_400 + 601),
            (Revocation::token(&Verified::of_payload(r#"{"jti":"t"}"#)), i64::MAX),
        ] {
            assert_eq!(revocation.until(at(1_000), day), until, "{revocation:?}");
        }
        assert_eq!(Revocation::session("i", "s").until(at(1_000), Duration::MAX), i64::MAX);
    }

    #[test]
    fn a_subject_is_revoked_up_to_the_token_it_was_taken_from() {
        for (claims, cutoff) in [
            (r#"{"iss":"i","sub":"s","iat":999000}"#, 1_000_000),
            (r#"{"iss":"i","sub":"s","iat":1000030.5}"#, 1_000_030),
            (r#"{"iss":"i","sub":"s"}"#, 1_000_000),
        ] {
            assert_eq!(Revocation::subject_of(&Verified::of_payload(claims)).cutoff, cutoff, "{claims}");
        }
    }

    #[test]
    fn what_a_token_lacks_to_be_revoked_by_is_named() {
        let bare = Verified::of_payload(r#"{"jti":""}"#);
        for (revocation, missing) in [
            (Revocation::token(&bare), Some("jti")),
            (Revocation::session_of(&bare), Some("sid")),
            (Revocation::subject_of(&bare), Some("sub")),
            (Revocation::issuer("", at(0)), None),
            (Revocation::session("i", "s"), None),
        ] {
            assert_eq!(revocation.missing(), missing, "{revocation:?}");
        }
    }

    #[test]
    fn debug_shows_no_claim() {
        let text = format!("{:?}", Revocation::subject("https://id.example", "ada", at(0)));
        assert!(!text.contains("ada") && !text.contains("id.example"), "{text}");
    }
}
