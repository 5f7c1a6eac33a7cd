use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;

use super::entries::{Entries, Now};
use super::feed::{Feed, Knowledge, Liveness};
use super::target::{ANY_TIME, Kind};
use super::{
    Revocation, RevocationList, RevocationSettings, RevocationStore, RevokeError, RevokeErrorKind, Standing,
    TokenIdentity,
};
use crate::claims::NumericDate;
use crate::clock::Moment;
use crate::step::Step;

/// Revocations in the memory of one process: for a service that runs once, and may forget when it ends.
///
/// Looking up allocates nothing and waits for nobody. Entries are dropped when their tokens have expired; when there is no
/// room for another, revoking fails and none is forgotten. Clones are one list. What is remembered, and for how long, is
/// in [`RevocationSettings`].
///
/// A service of several processes has to tell each of them, with a [feed](Self::fed) from a source of its own.
#[derive(Clone, Debug, Default)]
pub struct MemoryRevocations(Arc<Memory>);

#[derive(Debug)]
pub(super) struct Memory {
    pub(super) settings: RevocationSettings,
    pub(super) entries: Entries,
    /// How many revocations found no room.
    pub(super) refused: AtomicU64,
    /// Of a set that is fed.
    pub(super) liveness: Option<Liveness>,
}

/// How full a list of revocations is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevocationCount {
    /// How many revocations are remembered. Some of them may be past their end.
    pub remembered: usize,
    /// How many can be.
    pub capacity: usize,
    /// How many found no room.
    pub refused: u64,
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

    /// Creates an empty list.
    #[must_use]
    pub fn with(settings: RevocationSettings) -> Self {
        Self(Arc::new(Memory::new(settings, None)))
    }

    /// Creates a list that is filled from elsewhere: a message queue, a stream of security events, a poller.
    ///
    /// It cannot tell, and requests are answered 503, before the feed has [caught up](Feed::caught_up) and whenever that was
    /// longer than `bound` ago. So a token that was revoked at the source is refused `bound` later at the latest, or
    /// nothing is accepted.
    #[must_use]
    pub fn fed(settings: RevocationSettings, bound: Duration) -> (Self, Feed) {
        let memory = Arc::new(Memory::new(settings, Some(Liveness::new(bound))));
        (Self(Arc::clone(&memory)), Feed::new(memory))
    }

    /// Takes tokens back, from the next request on.
    ///
    /// # Errors
    ///
    /// The token lacks the claim that it would be known by, or the list is full.
    pub fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        self.0.revoke(revocation)
    }

    /// Returns how full the list is.
    #[must_use]
    pub fn count(&self) -> RevocationCount {
        RevocationCount {
            remembered: self.0.entries.len(),
            capacity: self.0.entries.capacity(),
            refused: self.0.refused.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn knowledge(&self) -> Knowledge {
        self.0.liveness.as_ref().map_or(Knowledge::Complete, |liveness| liveness.knowledge(self.0.moment()))
    }

    /// What is remembered of a token, however old that knowledge is.
    #[cfg(feature = "redis")]
    pub(crate) fn remembered(&self, token: &TokenIdentity<'_>) -> Standing {
        self.0.look_up(token)
    }
}

impl RevocationList for MemoryRevocations {
    fn look_up(&self, token: &TokenIdentity<'_>) -> Step<Standing> {
        Step::Ready(match self.0.look_up(token) {
            Standing::Good if self.knowledge() != Knowledge::Complete => Standing::Unavailable,
            standing => standing,
        })
    }
}

#[async_trait]
impl RevocationStore for MemoryRevocations {
    async fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        self.0.revoke(revocation)
    }
}

impl Memory {
    fn new(settings: RevocationSettings, liveness: Option<Liveness>) -> Self {
        let entries = Entries::new(settings.capacity);
        Self { settings, entries, refused: AtomicU64::new(0), liveness }
    }

    pub(super) fn moment(&self) -> Moment {
        Moment::of(&*self.settings.clock)
    }

    pub(super) fn revoke(&self, revocation: &Revocation) -> Result<(), RevokeError> {
        if let Some(claim) = revocation.missing() {
            return Err(RevokeError::missing(claim));
        }
        let until = revocation.until(self.settings.clock.now().into(), self.settings.longest_lifetime);
        self.remember((revocation.kind, &revocation.issuer, &revocation.name), revocation.cutoff, until)
    }

    pub(super) fn remember(&self, named: (Kind, &str, &str), cutoff: i64, until: i64) -> Result<(), RevokeError> {
        let clock = &self.settings.clock;
        let now = Now { wall: NumericDate::from(clock.now()).seconds(), monotonic: clock.monotonic() };
        self.entries.add(named, cutoff, until, now).map_err(|_| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            tracing::error!(capacity = self.entries.capacity(), "no room for another revocation");
            RevokeErrorKind::Full.into()
        })
    }

    /// What is remembered of a token, however old that knowledge is.
    pub(super) fn look_up(&self, token: &TokenIdentity<'_>) -> Standing {
        if let Some(refusal) = self.settings.refusal(token) {
            return refusal;
        }
        for (kind, name) in names(token) {
            let cutoff = self.entries.cutoff(kind, token.issuer.unwrap_or_default(), name);
            if let Some(refusal) = cutoff.and_then(|cutoff| refusal(cutoff, token.issued_at)) {
                return refusal;
            }
        }
        Standing::Good
    }
}

impl RevocationSettings {
    /// What is wrong with a token that could not be revoked, or not for long enough.
    pub(crate) fn refusal(&self, token: &TokenIdentity<'_>) -> Option<Standing> {
        if self.token_ids && token.token_id.is_none_or(str::is_empty) {
            return Some(Standing::Unidentified(Kind::Token.claim()));
        }
        if self.longest_lifetime == Duration::MAX {
            return None;
        }
        let Some(expires_at) = token.expires_at else { return Some(Standing::LivesTooLong) };
        // How long it has lived already nobody knows, and so not whether its revocation is still remembered.
        let Some(issued_at) = token.issued_at else { return Some(Standing::Unidentified("iat")) };
        (expires_at.since(issued_at) > self.longest_lifetime).then_some(Standing::LivesTooLong)
    }
}

/// What a token is known by.
pub(crate) fn names<'t>(token: &TokenIdentity<'t>) -> impl Iterator<Item = (Kind, &'t str)> + use<'t> {
    let named = [
        (Kind::Token, token.token_id),
        (Kind::Session, token.session_id),
        (Kind::Subject, token.subject),
        (Kind::Issuer, Some("")),
    ];
    named.into_iter().filter_map(|(kind, name)| Some((kind, name?)))
}

/// What a cutoff that concerns a token means for it.
pub(crate) fn refusal(cutoff: i64, issued_at: Option<NumericDate>) -> Option<Standing> {
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
    fn stands(list: &MemoryRevocations, claims: &str) -> &'static str {
        let claims = RegisteredClaims::read(claims).expect("claims");
        match list.look_up(&TokenIdentity::of(&claims, at(NOW))).ready().expect("answered at once") {
            Standing::Good => "good",
            Standing::Revoked => "revoked",
            Standing::Unidentified(claim) => claim,
            Standing::LivesTooLong => "long",
            Standing::Unavailable => "unavailable",
        }
    }

    fn list() -> MemoryRevocations {
        MemoryRevocations::with(RevocationSettings::new().clock(ManualClock::at(NOW)))
    }

    #[test]
    fn each_kind_of_revocation_takes_back_what_it_names_and_nothing_else() {
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
                assert_eq!(stands(&list, &claims), "good");
                list.revoke(revocation).expect("room");
                let expected = if expected { "revoked" } else { "good" };
                assert_eq!(stands(&list, &claims), expected, "{revocation:?} {claims}");
            }
        }
    }

    #[test]
    fn a_token_without_what_it_would_be_revoked_by_is_refused() {
        let list = list();
        assert_eq!(stands(&list, r#"{"iss":"i","exp":1000300}"#), "jti");
        assert_eq!(stands(&list, r#"{"iss":"i","jti":"","exp":1000300}"#), "jti");
        let dateless = r#"{"iss":"i","jti":"t","sub":"ada","exp":1000300}"#;
        assert_eq!(stands(&list, dateless), "iat");
        let endless = MemoryRevocations::with(RevocationSettings::new().longest_lifetime(Duration::MAX));
        assert_eq!(stands(&endless, dateless), "good");
        endless.revoke(&Revocation::subject("i", "ada", at(1))).expect("room");
        assert_eq!(stands(&endless, dateless), "iat");
        assert_eq!(stands(&endless, &dateless.replace("ada", "eve")), "good");

        let lax = MemoryRevocations::with(RevocationSettings::new().without_token_ids());
        assert_eq!(stands(&lax, r#"{"iss":"i","iat":1000000,"exp":1000300}"#), "good");
    }

    #[test]
    fn a_token_that_outlives_what_is_remembered_is_refused() {
        let settings = RevocationSettings::new().clock(ManualClock::at(NOW));
        let list = MemoryRevocations::with(settings.clone().longest_lifetime(Duration::from_secs(300)));
        for (times, expected) in [
            (r#""iat":1000000,"exp":1000300"#, "good"),
            (r#""iat":1000000,"exp":1000301"#, "long"),
            (r#""iat":999900,"exp":1000201"#, "long"),
            (r#""exp":1000300"#, "iat"),
            (r#""exp":1000301"#, "iat"),
            (r#""iat":1000000"#, "long"),
        ] {
            assert_eq!(stands(&list, &format!(r#"{{"jti":"t",{times}}}"#)), expected, "{times}");
        }
        let endless = MemoryRevocations::with(settings.longest_lifetime(Duration::MAX));
        assert_eq!(stands(&endless, r#"{"jti":"t","iat":1}"#), "good");
        endless.revoke(&Revocation::session("i", "s")).expect("room");
        assert_eq!(stands(&endless, r#"{"iss":"i","jti":"t","sid":"s"}"#), "revoked");
    }

    #[test]
    fn a_revocation_is_remembered_until_no_verifier_accepts_the_token() {
        let clock = ManualClock::at(NOW);
        let list = MemoryRevocations::with(RevocationSettings::new().capacity(1).clock(clock.clone()));
        list.revoke(&Revocation::token_id("i", "t", at(NOW + 60))).expect("room");
        clock.advance(Duration::from_secs(60 + 300));
        assert_eq!(list.revoke(&Revocation::session("i", "s")).expect_err("full").kind(), RevokeErrorKind::Full);
        assert_eq!(list.count(), RevocationCount { remembered: 1, capacity: 1, refused: 1 });
        clock.advance(Duration::from_secs(1));
        list.revoke(&Revocation::session("i", "s")).expect("room");
    }

    #[test]
    fn what_cannot_be_revoked_is_an_error_that_names_the_claim() {
        let error = list().revoke(&Revocation::session("i", "")).expect_err("no session");
        assert_eq!((error.kind(), error.claim()), (RevokeErrorKind::MissingClaim, Some("sid")));
        assert_eq!(error.to_string(), "token lacks the claim to revoke it by: sid");
    }

    #[test]
    fn debug_shows_nothing_of_what_was_revoked() {
        let list = list();
        list.revoke(&Revocation::token_id("https://id.example", "t-secret", at(NOW + 60))).expect("room");
        let text = format!("{list:?}");
        assert!(!text.contains("secret") && !text.contains("id.example"), "{text}");
    }

    #[test]
    fn lists_are_shared_between_threads_and_clones() {
        fn shared<T: Clone + Send + Sync>(_: &T) {}
        let list = list();
        shared(&list);
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let list = list.clone();
                scope.spawn(move || {
                    for number in 0..500 {
                        let name = format!("{thread}-{number}");
                        list.revoke(&Revocation::session("i", &*name)).expect("room");
                        let claims = format!(r#"{{"iss":"i","jti":"t","sid":"{name}","iat":1000000,"exp":1000300}}"#);
                        assert_eq!(stands(&list, &claims), "revoked");
                    }
                });
            }
        });
        assert_eq!(list.count().remembered, 2_000);
    }
}
