use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::entries::Entries;
use super::freshness::{Coverage, Freshness};
#[cfg(any(feature = "postgres", feature = "redis"))]
use super::local::Unconfirmed;
use super::local::{Known, LocalStanding, Now, Origin};
#[cfg(any(feature = "postgres", feature = "redis"))]
use super::offset::ClockOffset;
use super::target::{ANY_TIME, Kind};
use super::{Revocation, RevocationList, RevocationSettings, RevocationStore, RevokeError, Standing, TokenIdentity};
use crate::claims::NumericDate;
use crate::clock::Moment;
use crate::observe::Warned;
use crate::step::Step;

/// A revocation list in the memory of one process, which is empty again after a restart.
///
/// A look-up allocates nothing and never waits. An entry is dropped when its tokens have expired. If the list is full,
/// revoking fails and every earlier revocation stays. Clones are the same list. [`RevocationSettings`] has the capacity
/// and how long revocations are remembered.
///
/// Other processes don't see this list: fill each with [a feed](Self::with_feed) from a source of your own, or share a
/// list on Redis or Postgres.
#[derive(Clone, Debug, Default)]
pub struct MemoryRevocations(pub(super) Arc<Memory>);

#[derive(Debug)]
pub(super) struct Memory {
    pub(super) settings: RevocationSettings,
    pub(super) entries: Entries,
    /// How many revocations failed because the list was full.
    refused: AtomicU64,
    warned: Warned,
    /// Only if the list follows a feed.
    pub(super) freshness: Option<Freshness>,
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(super) clock_offset: ClockOffset,
    /// Whether a server has the revocations too, and is asked if they don't fit into the list.
    pub(super) has_server: bool,
}

/// How full a revocation list is, and how far its clock is from the server's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationListStatus {
    /// How many revocations the list holds, including some that have ended and are not dropped yet.
    pub remembered: usize,
    /// How many it can hold.
    pub capacity: usize,
    /// How many attempts to revoke failed because it was full.
    pub refused: u64,
    /// How far the clock of this process is ahead of the server's, in milliseconds, or behind it if this is negative. It is exact
    /// to half a second. `None` before the server's first answer, and for a list that has no server.
    ///
    /// A difference of more than half a minute is logged as a warning, at most once a minute.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub clock_offset_millis: Option<i64>,
}

impl Default for Memory {
    fn default() -> Self {
        Self::new(RevocationSettings::new(), None)
    }
}

impl MemoryRevocations {
    /// Creates an empty list with the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty list with these settings.
    #[must_use]
    pub fn with_settings(settings: RevocationSettings) -> Self {
        Self(Arc::new(Memory::new(settings, None)))
    }

    /// Revokes tokens, from the next request on.
    ///
    /// # Errors
    ///
    /// [`MissingClaim`](RevokeError::MissingClaim) if the token lacks the claim to revoke it by, and
    /// [`Full`](RevokeError::Full) if the list has no space.
    pub fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        self.0.revoke(revocation)
    }

    /// Returns how full the list is.
    #[must_use]
    pub fn status(&self) -> RevocationListStatus {
        RevocationListStatus {
            remembered: self.0.entries.len(),
            capacity: self.0.entries.capacity(),
            refused: self.0.refused.load(Ordering::Relaxed),
            #[cfg(any(feature = "postgres", feature = "redis"))]
            clock_offset_millis: self.0.clock_offset.millis(),
        }
    }

    pub(crate) fn coverage(&self) -> Coverage {
        self.0.freshness.as_ref().map_or(Coverage::Complete, |freshness| freshness.coverage(self.0.moment()))
    }

    /// Looks a token up, for a list whose store can be asked if this returns an error.
    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(crate) fn look_up_or_ask(&self, token: &TokenIdentity<'_>) -> Result<Standing, Unconfirmed> {
        match (self.0.look_up(token), self.coverage()) {
            (LocalStanding::Known(Standing::Good), Coverage::Complete) => Ok(Standing::Good),
            (LocalStanding::Known(Standing::Good) | LocalStanding::Sealed { .. }, Coverage::Stale) => {
                Ok(Standing::Unavailable)
            }
            (LocalStanding::Known(Standing::Good), Coverage::Partial)
            | (LocalStanding::Sealed { is_orphaned: false }, _) => Err(Unconfirmed(Standing::Good)),
            (LocalStanding::Sealed { is_orphaned: true }, _) => Err(Unconfirmed(Standing::Unavailable)),
            (LocalStanding::Known(standing), _) => Ok(standing),
        }
    }
}

impl RevocationList for MemoryRevocations {
    fn look_up(&self, token: &TokenIdentity<'_>) -> Step<Standing> {
        Step::Ready(match self.0.look_up(token) {
            LocalStanding::Known(Standing::Good) if self.coverage() != Coverage::Complete => Standing::Unavailable,
            LocalStanding::Known(standing) => standing,
            // Only lists that follow a store have sealed revocations, and they ask it.
            LocalStanding::Sealed { .. } => Standing::Unavailable,
        })
    }
}

#[async_trait]
impl RevocationStore for MemoryRevocations {
    async fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        self.0.revoke(revocation)
    }

    fn remembers_for(&self) -> Option<Duration> {
        Some(self.0.settings.remembers_for())
    }
}

impl Memory {
    pub(super) fn new(settings: RevocationSettings, freshness: Option<Freshness>) -> Self {
        Self::of(Entries::new(settings.capacity), settings, freshness)
    }

    pub(super) fn of(entries: Entries, settings: RevocationSettings, freshness: Option<Freshness>) -> Self {
        Self {
            settings,
            entries,
            refused: AtomicU64::new(0),
            warned: Warned::default(),
            freshness,
            #[cfg(any(feature = "postgres", feature = "redis"))]
            clock_offset: ClockOffset::default(),
            has_server: false,
        }
    }

    pub(super) fn moment(&self) -> Moment {
        Moment::of(&*self.settings.clock)
    }

    pub(super) fn now(&self) -> Now {
        let clock = &self.settings.clock;
        Now { wall: NumericDate::from(clock.now()).seconds(), monotonic: clock.monotonic() }
    }

    pub(super) fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        if let Some(claim) = revocation.missing_claim() {
            return Err(RevokeError::MissingClaim(claim));
        }
        let until = revocation.remember_until(self.settings.clock.now().into(), &self.settings);
        let key = (revocation.kind, &*revocation.issuer, &*revocation.name);
        self.remember(key, revocation.cutoff, until, Origin::Process)
    }

    pub(super) fn remember(
        &self,
        key: (Kind, &str, &str),
        cutoff: i64,
        until: i64,
        origin: Origin,
    ) -> Result<(), RevokeError> {
        let now = self.now();
        self.entries.add(key, cutoff, until, origin, now).map_err(|_| {
            self.report_full(now.monotonic);
            RevokeError::Full
        })
    }

    /// A list that is full has no space for any revocation, so one line a minute says how many there were.
    fn report_full(&self, now: Duration) {
        let refused = self.refused.fetch_add(1, Ordering::Relaxed) + 1;
        if self.warned.due("full", now).is_none() {
            return;
        }
        let capacity = self.entries.capacity();
        if self.has_server {
            tracing::warn!(
                capacity,
                without_space = refused,
                "the revocation list is full, so requests wait while the server is asked about their tokens: raise `capacity`, \
                 or lower `longest_lifetime`"
            );
        } else if self.freshness.is_some() {
            tracing::error!(
                capacity,
                refused,
                "the revocation list is full, so requests are answered with 503 until the feed was sent again and fits: raise \
                 `capacity`, or lower `longest_lifetime`"
            );
        } else {
            tracing::error!(
                capacity,
                refused,
                "the revocation list is full, so revoking fails and the tokens stay valid: raise `capacity`, or lower \
                 `longest_lifetime`"
            );
        }
    }

    fn look_up(&self, token: &TokenIdentity<'_>) -> LocalStanding {
        if let Some(standing) = self.settings.unrevocable(token) {
            return LocalStanding::Known(standing);
        }
        let mut local = LocalStanding::Known(Standing::Good);
        for (kind, name) in revocable_claims(token) {
            match self.entries.find(kind, token.issuer.unwrap_or_default(), name) {
                Some(Known::Cutoff(cutoff)) => {
                    if let Some(standing) = standing_at_cutoff(cutoff, token.issued_at) {
                        return LocalStanding::Known(standing);
                    }
                }
                Some(Known::Sealed { is_orphaned: false }) if matches!(local, LocalStanding::Sealed { .. }) => {}
                Some(Known::Sealed { is_orphaned }) => local = LocalStanding::Sealed { is_orphaned },
                None => {}
            }
        }
        local
    }

    #[cfg(any(feature = "postgres", feature = "redis"))]
    pub(super) fn orphan(&self) {
        self.entries.orphan();
    }
}

impl RevocationSettings {
    /// Why a token is refused although it was not revoked: it could not be revoked, or would outlive its revocation.
    fn unrevocable(&self, token: &TokenIdentity<'_>) -> Option<Standing> {
        if self.token_ids && token.token_id.is_none_or(str::is_empty) {
            return Some(Standing::Unidentified(Kind::Token.claim()));
        }
        if self.longest_lifetime == Duration::MAX {
            return None;
        }
        let Some(expires_at) = token.expires_at else { return Some(Standing::LivesTooLong) };
        // Without `iat` the token's age is unknown, so its revocation may already have been dropped.
        let Some(issued_at) = token.issued_at else { return Some(Standing::Unidentified("iat")) };
        (expires_at.since(issued_at) > self.longest_lifetime).then_some(Standing::LivesTooLong)
    }
}

/// The claims of a token that a revocation can name, with their values.
pub(crate) fn revocable_claims<'t>(token: &TokenIdentity<'t>) -> impl Iterator<Item = (Kind, &'t str)> + use<'t> {
    let claims = [
        (Kind::Token, token.token_id),
        (Kind::Session, token.session_id),
        (Kind::Subject, token.subject),
        (Kind::Issuer, Some("")),
    ];
    claims.into_iter().filter_map(|(kind, value)| Some((kind, value?)))
}

/// The standing of a token with a revoked claim; `None` if the token was issued after the cutoff.
pub(crate) fn standing_at_cutoff(cutoff: i64, issued_at: Option<NumericDate>) -> Option<Standing> {
    match issued_at {
        _ if cutoff == ANY_TIME => Some(Standing::Revoked),
        None => Some(Standing::Unidentified("iat")),
        Some(issued_at) => (issued_at.seconds() <= cutoff).then_some(Standing::Revoked),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claims::RegisteredClaims;
    use crate::clock::ManualClock;

    const NOW: u64 = 1_000_000;

    fn at(seconds: u64) -> NumericDate {
        Duration::from_secs(seconds).into()
    }

    /// `good`, `revoked`, `long`, or the claim that is missing.
    fn standing_of(list: &MemoryRevocations, claims: &str) -> &'static str {
        let claims = RegisteredClaims::read(claims).expect("claims");
        match list.look_up(&TokenIdentity::of(&claims, at(NOW))).ready().expect("an immediate answer") {
            Standing::Good => "good",
            Standing::Revoked => "revoked",
            Standing::Unidentified(claim) => claim,
            Standing::LivesTooLong => "long",
            Standing::Unavailable => "unavailable",
        }
    }

    fn list() -> MemoryRevocations {
        MemoryRevocations::with_settings(RevocationSettings::new().clock(ManualClock::at(NOW)))
    }

    #[test]
    fn each_kind_of_revocation_revokes_the_tokens_it_names_and_no_others() {
        let token = Revocation::token_id("i", "t-1", at(NOW + 300));
        let session = Revocation::session("i", "s-1");
        let subject = Revocation::subject("i", "ada", at(NOW));
        let issuer = Revocation::issuer("i", at(NOW));
        for (claims, by_token, by_session, by_subject, by_issuer) in [
            (r#""iss":"i","jti":"t-1","sid":"s-1","sub":"ada","iat":1000000"#, true, true, true, true),
            (r#""iss":"i","jti":"t-1","sid":"s-1","sub":"ada","iat":1000000.9"#, true, true, true, true),
            (r#""iss":"i","jti":"t-1","sid":"s-1","sub":"ada","iat":1000001"#, true, true, false, false),
            (r#""iss":"i","jti":"t-2","sid":"s-1","sub":"ada","iat":999999"#, false, true, true, true),
            (r#""iss":"i","jti":"t-2","sid":"s-2","sub":"eve","iat":999999"#, false, false, false, true),
            (r#""iss":"i","jti":"t-2","iat":999999"#, false, false, false, true),
            (r#""iss":"j","jti":"t-1","sid":"s-1","sub":"ada","iat":1"#, false, false, false, false),
            (r#""jti":"t-1","sid":"s-1","sub":"ada","iat":1"#, false, false, false, false),
            (r#""iss":"i","jti":"ada","sid":"ada","sub":"t-1","iat":1000001"#, false, false, false, false),
        ] {
            let claims = format!(r#"{{{claims},"exp":1000300}}"#);
            for (revocation, expected) in
                [(&token, by_token), (&session, by_session), (&subject, by_subject), (&issuer, by_issuer)]
            {
                let list = list();
                assert_eq!(standing_of(&list, &claims), "good");
                list.revoke(revocation).expect("space");
                let expected = if expected { "revoked" } else { "good" };
                assert_eq!(standing_of(&list, &claims), expected, "{revocation:?} {claims}");
            }
        }
    }

    #[test]
    fn a_token_without_the_claims_to_revoke_it_by_is_refused() {
        let list = list();
        assert_eq!(standing_of(&list, r#"{"iss":"i","exp":1000300}"#), "jti");
        assert_eq!(standing_of(&list, r#"{"iss":"i","jti":"","exp":1000300}"#), "jti");
        let dateless = r#"{"iss":"i","jti":"t","sub":"ada","exp":1000300}"#;
        assert_eq!(standing_of(&list, dateless), "iat");
        let endless = MemoryRevocations::with_settings(RevocationSettings::new().longest_lifetime(Duration::MAX));
        assert_eq!(standing_of(&endless, dateless), "good");
        endless.revoke(&Revocation::subject("i", "ada", at(1))).expect("space");
        assert_eq!(standing_of(&endless, dateless), "iat");
        assert_eq!(standing_of(&endless, &dateless.replace("ada", "eve")), "good");

        let lax = MemoryRevocations::with_settings(RevocationSettings::new().without_token_ids());
        assert_eq!(standing_of(&lax, r#"{"iss":"i","iat":1000000,"exp":1000300}"#), "good");
    }

    #[test]
    fn a_token_that_would_outlive_its_revocation_is_refused() {
        let settings = RevocationSettings::new().clock(ManualClock::at(NOW));
        let list = MemoryRevocations::with_settings(settings.clone().longest_lifetime(Duration::from_secs(300)));
        for (times, expected) in [
            (r#""iat":1000000,"exp":1000300"#, "good"),
            (r#""iat":1000000,"exp":1000301"#, "long"),
            (r#""iat":999900,"exp":1000201"#, "long"),
            (r#""exp":1000300"#, "iat"),
            (r#""exp":1000301"#, "iat"),
            (r#""iat":1000000"#, "long"),
        ] {
            assert_eq!(standing_of(&list, &format!(r#"{{"jti":"t",{times}}}"#)), expected, "{times}");
        }
        let endless = MemoryRevocations::with_settings(settings.longest_lifetime(Duration::MAX));
        assert_eq!(standing_of(&endless, r#"{"jti":"t","iat":1}"#), "good");
        endless.revoke(&Revocation::session("i", "s")).expect("space");
        assert_eq!(standing_of(&endless, r#"{"iss":"i","jti":"t","sid":"s"}"#), "revoked");
    }

    #[test]
    fn a_revocation_is_remembered_until_no_verifier_accepts_the_token() {
        let clock = ManualClock::at(NOW);
        let list = MemoryRevocations::with_settings(RevocationSettings::new().capacity(1).clock(clock.clone()));
        list.revoke(&Revocation::token_id("i", "t", at(NOW + 60))).expect("space");
        clock.advance(Duration::from_secs(60 + 300));
        assert_eq!(list.revoke(&Revocation::session("i", "s")).expect_err("full"), RevokeError::Full);
        let RevocationListStatus { remembered, capacity, refused, .. } = list.status();
        assert_eq!((remembered, capacity, refused), (1, 1, 1));
        clock.advance(Duration::from_secs(1));
        list.revoke(&Revocation::session("i", "s")).expect("space");
    }

    #[test]
    fn the_error_names_the_claim_that_a_token_lacks() {
        let error = list().revoke(&Revocation::session("i", "")).expect_err("no session");
        assert_eq!(error, RevokeError::MissingClaim("sid"));
        assert_eq!(error.to_string(), "the token lacks the claim to revoke it by: sid");
    }

    #[test]
    fn debug_shows_no_revoked_identifier() {
        let list = list();
        list.revoke(&Revocation::token_id("https://id.example", "t-secret", at(NOW + 60))).expect("space");
        let text = format!("{list:?}");
        assert!(!text.contains("secret") && !text.contains("id.example"), "{text}");
    }

    #[test]
    fn clones_in_several_threads_are_the_same_list() {
        fn shared<T: Clone + Send + Sync>(_: &T) {}
        let list = list();
        shared(&list);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let list = list.clone();
                scope.spawn(move || {
                    for number in 0..500 {
                        let name = format!("{thread}-{number}");
                        list.revoke(&Revocation::session("i", &*name)).expect("space");
                        let claims = format!(r#"{{"iss":"i","jti":"t","sid":"{name}","iat":1000000,"exp":1000300}}"#);
                        assert_eq!(standing_of(&list, &claims), "revoked");
                    }
                });
            }
        });
        assert_eq!(list.status().remembered, 2_000);
    }
}
