use std::fmt;

use super::RevocationSettings;
use crate::claim_rules::MAX_LEEWAY;
use crate::claims::NumericDate;
use crate::verified::Verified;

/// The tokens to revoke: one token, or every token of a session, a subject or an issuer.
///
/// Identifiers are unique only within one issuer, so each revocation names its issuer: RFC 7519 section 4.1.7.
#[derive(Clone, PartialEq, Eq)]
pub struct Revocation {
    pub(crate) kind: Kind,
    pub(crate) issuer: String,
    /// The value of the kind's claim; empty if the token lacks it, and for an issuer.
    pub(crate) name: String,
    /// Tokens whose `iat` is this second or earlier are refused.
    pub(crate) cutoff: i64,
    pub(crate) end: End,
}

/// The claim that a revocation compares.
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

/// The cutoff that refuses every `iat`, and tokens without `iat`.
pub(crate) const ANY_TIME: i64 = i64::MAX;

/// When the revoked tokens expire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The first second in which no verifier accepts the token.
    At(i64),
    /// After the longest lifetime of an access token.
    LongestLifetime,
    /// The same, and after the lifetime of a refresh token.
    RefreshLifetime,
    Never,
}

impl Revocation {
    /// Revokes this token, by its `jti`.
    #[must_use]
    pub fn token(verified: &Verified) -> Self {
        let claims = verified.registered();
        let (issuer, token_id) = (claims.issuer().unwrap_or_default(), claims.token_id().unwrap_or_default());
        let end = claims.expires_at().map_or(End::Never, |expires_at| End::At(after(expires_at)));
        Self { end, ..Self::new(Kind::Token, issuer, token_id) }
    }

    /// Revokes the token with this `jti`, if you don't have the token itself.
    ///
    /// `expires_at` is the token's `exp`. The revocation is dropped some minutes later, so if you pass too early a moment,
    /// the token is accepted again.
    #[must_use]
    pub fn token_id(
        issuer: impl Into<String>,
        token_id: impl Into<String>,
        expires_at: impl Into<NumericDate>,
    ) -> Self {
        Self { end: End::At(after(expires_at.into())), ..Self::new(Kind::Token, issuer, token_id) }
    }

    /// Revokes every token of a session, by its `sid`: one login on one device.
    ///
    /// If your application issues the tokens with `Sessions` (feature `issue`), call its `logout` or `end` instead. A session
    /// that is revoked here ends with its next refresh, if [`SessionsBuilder::revocations`] is set to the same list.
    ///
    /// [`SessionsBuilder::revocations`]: crate::guide::sessions
    #[must_use]
    pub fn session(issuer: impl Into<String>, session_id: impl Into<String>) -> Self {
        Self::new(Kind::Session, issuer, session_id)
    }

    /// Revokes every token of the session that this token belongs to.
    #[must_use]
    pub fn session_of(verified: &Verified) -> Self {
        let claims = verified.registered();
        Self::session(claims.issuer().unwrap_or_default(), claims.session_id().unwrap_or_default())
    }

    /// Revokes every token of a subject that was issued before this moment or in the same second.
    ///
    /// A login session of `Sessions` (feature `issue`) that began before the cutoff ends with its next refresh, if
    /// `SessionsBuilder::revocations` is set to the same list. If your application issues the tokens, prefer
    /// `Sessions::end_all` or `Sessions::end_others`: they end the sessions at once, and the latter keeps the user's own.
    #[must_use]
    pub fn subject(
        issuer: impl Into<String>,
        subject: impl Into<String>,
        issued_before: impl Into<NumericDate>,
    ) -> Self {
        Self { cutoff: issued_before.into().seconds(), ..Self::new(Kind::Subject, issuer, subject) }
    }

    /// Revokes this token and every token that its subject has now, on all devices.
    ///
    /// Login sessions end as [`subject`](Self::subject) describes.
    ///
    /// The cutoff is now, or the token's `iat` if that is later because the issuer's clock is ahead. `iat` counts whole
    /// seconds, so a token that is issued in the same second is revoked too. If the issuer's clock is ahead, the subject's
    /// other tokens may have a later `iat` and stay valid. To revoke them as well, pass now plus the leeway to
    /// [`subject`](Self::subject), which also revokes tokens issued within that time.
    #[must_use]
    pub fn subject_of(verified: &Verified) -> Self {
        let claims = verified.registered();
        let (issuer, subject) = (claims.issuer().unwrap_or_default(), claims.subject().unwrap_or_default());
        let cutoff = claims.issued_at().map_or(i64::MIN, NumericDate::seconds).max(verified.now().seconds());
        Self { cutoff, ..Self::new(Kind::Subject, issuer, subject) }
    }

    /// Revokes every token of an issuer that was issued before this moment or in the same second.
    #[must_use]
    pub fn issuer(issuer: impl Into<String>, issued_before: impl Into<NumericDate>) -> Self {
        Self { cutoff: issued_before.into().seconds(), ..Self::new(Kind::Issuer, issuer, "") }
    }

    fn new(kind: Kind, issuer: impl Into<String>, name: impl Into<String>) -> Self {
        Self { kind, issuer: issuer.into(), name: name.into(), cutoff: ANY_TIME, end: End::RefreshLifetime }
    }

    /// Says that refresh tokens need not be considered, because they don't exist or their session has ended.
    pub(crate) fn of_access_tokens(self) -> Self {
        Self { end: End::LongestLifetime, ..self }
    }

    /// The claim that the token lacks, so that there is nothing to compare.
    pub(crate) fn missing_claim(&self) -> Option<&'static str> {
        (self.kind != Kind::Issuer && self.name.is_empty()).then_some(self.kind.claim())
    }

    /// The second until which a list must remember this revocation.
    pub(crate) fn remember_until(&self, now: NumericDate, settings: &RevocationSettings) -> i64 {
        let longest = match self.end {
            End::At(second) => return second,
            End::Never => return i64::MAX,
            End::LongestLifetime => settings.longest_lifetime,
            End::RefreshLifetime => settings.remembers_for(),
        };
        let last = if self.cutoff == ANY_TIME { now.seconds() } else { now.seconds().max(self.cutoff) };
        let lifetime = i64::try_from(longest.as_secs()).unwrap_or(i64::MAX);
        // A verifier accepts an `iat` that is ahead by the leeway, and an `exp` that is past by the leeway.
        last.saturating_add(lifetime).saturating_add(LEEWAY).saturating_add(MARGIN)
    }
}

/// The largest leeway of any verifier, so that a revocation outlives its tokens in each of them.
const LEEWAY: i64 = MAX_LEEWAY.as_secs() as i64;

/// The leeway, and a second for the fraction that is cut off.
const MARGIN: i64 = LEEWAY + 1;

const fn after(expires_at: NumericDate) -> i64 {
    expires_at.seconds().saturating_add(MARGIN)
}

// Claims must not reach a log.
impl fmt::Debug for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Revocation").field("kind", &self.kind).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(seconds: u64) -> NumericDate {
        Duration::from_secs(seconds).into()
    }

    #[test]
    fn a_revocation_outlives_its_tokens_in_every_verifier() {
        let day = Duration::from_secs(86_400);
        let settings = RevocationSettings::new().longest_lifetime(day).refresh_lifetime(2 * day);
        let verified = Verified::of_payload(r#"{"iss":"i","jti":"t","exp":1000060.5}"#);
        for (revocation, until) in [
            (Revocation::token(&verified), 1_000_060 + 301),
            (Revocation::token_id("i", "t", at(2_000)), 2_000 + 301),
            (Revocation::session("i", "s"), 1_000 + 2 * 86_400 + 601),
            (Revocation::session("i", "s").of_access_tokens(), 1_000 + 86_400 + 601),
            (Revocation::subject("i", "s", at(500)), 1_000 + 2 * 86_400 + 601),
            (Revocation::subject("i", "s", at(5_000)), 5_000 + 2 * 86_400 + 601),
            (Revocation::issuer("i", at(500)), 1_000 + 2 * 86_400 + 601),
            (Revocation::token(&Verified::of_payload(r#"{"jti":"t"}"#)), i64::MAX),
        ] {
            assert_eq!(revocation.remember_until(at(1_000), &settings), until, "{revocation:?}");
        }
        let session = Revocation::session("i", "s");
        let short = RevocationSettings::new().longest_lifetime(day).refresh_lifetime(Duration::ZERO);
        assert_eq!(session.remember_until(at(1_000), &short), 1_000 + 86_400 + 601);
        for settings in [short.clone().longest_lifetime(Duration::MAX), short.refresh_lifetime(Duration::MAX)] {
            assert_eq!(session.remember_until(at(1_000), &settings), i64::MAX);
        }
    }

    #[test]
    fn the_cutoff_of_a_subject_is_never_before_the_iat_of_its_token() {
        for (claims, cutoff) in [
            (r#"{"iss":"i","sub":"s","iat":999000}"#, 1_000_000),
            (r#"{"iss":"i","sub":"s","iat":1000030.5}"#, 1_000_030),
            (r#"{"iss":"i","sub":"s"}"#, 1_000_000),
        ] {
            assert_eq!(Revocation::subject_of(&Verified::of_payload(claims)).cutoff, cutoff, "{claims}");
        }
    }

    #[test]
    fn a_revocation_names_the_claim_that_its_token_lacks() {
        let bare = Verified::of_payload(r#"{"jti":""}"#);
        for (revocation, missing) in [
            (Revocation::token(&bare), Some("jti")),
            (Revocation::session_of(&bare), Some("sid")),
            (Revocation::subject_of(&bare), Some("sub")),
            (Revocation::issuer("", at(0)), None),
            (Revocation::session("i", "s"), None),
        ] {
            assert_eq!(revocation.missing_claim(), missing, "{revocation:?}");
        }
    }

    #[test]
    fn debug_shows_no_claim() {
        let text = format!("{:?}", Revocation::subject("https://id.example", "ada", at(0)));
        assert!(!text.contains("ada") && !text.contains("id.example"), "{text}");
    }
}
