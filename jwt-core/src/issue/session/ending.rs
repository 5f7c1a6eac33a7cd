//! Ending sessions, also in a store that is down or loses its last writes.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::claim_rules::MAX_LEEWAY;
use crate::error::{Error, ErrorKind};
use crate::observe::Event;
use crate::revocation::Revocation;
use crate::verified::Verified;

use super::hooks::EndedSession;
use super::unlisted::EndAll;
use super::{SessionRecord, SessionStoreError, Sessions};

/// How many sessions a request ends again at most, before it does its own work.
const MOST_PER_REQUEST: usize = 32;

impl Sessions {
    /// Ends the session of an access token or a refresh token.
    ///
    /// Once this was called, this process refuses the session's refresh tokens, even after an error. It tries again by itself
    /// to end the session in the store and to revoke the access tokens, as [`heal`](Self::heal) describes.
    ///
    /// # Errors
    ///
    /// [`MissingClaim`](ErrorKind::MissingClaim) if the token has no session, [`UnknownIssuer`](ErrorKind::UnknownIssuer)
    /// if another issuer issued it, and [`SessionsUnavailable`](ErrorKind::SessionsUnavailable) if the store, or a function of
    /// [`on_end`](super::SessionsBuilder::on_end), failed: other processes may still accept the session's tokens.
    pub async fn logout(&self, token: &Verified) -> Result<(), Error> {
        let (subject, id) = self.session_of(token)?;
        self.heal_some().await;
        self.end_session(&subject, &id).await?;
        Ok(())
    }

    /// Ends one of a subject's sessions, and returns whether it existed.
    ///
    /// # Errors
    ///
    /// [`SessionsUnavailable`](ErrorKind::SessionsUnavailable), as for [`logout`](Self::logout). If the store is down, the access
    /// tokens are revoked only when it's back, because whose session it is shows only there.
    pub async fn end(&self, subject: &str, id: &str) -> Result<bool, Error> {
        self.heal_some().await;
        let now = self.now().as_secs();
        let found = match self.find_live(subject, id, |session| !session.has_ended(now)).await {
            Ok(found) => found,
            Err(error) => {
                // Whose session it is shows only in the store, so the hooks run when the store has ended it.
                self.begin_end(subject, id);
                self.0.journal.note(subject, id, false, true);
                return Err(self.unavailable(&error));
            }
        };
        if found.is_some() {
            return self.end_session(subject, id).await;
        }
        self.all_ended(subject).map(|()| false)
    }

    /// Ends all sessions of a subject, and returns how many there were. Call it after a password reset, when the old password
    /// no longer works.
    ///
    /// Later logins continue, also if the store carries this out late. Access tokens stay valid until they expire, unless
    /// [`SessionsBuilder::revocations`](super::SessionsBuilder::revocations) is set.
    ///
    /// # Errors
    ///
    /// [`SessionsUnavailable`](ErrorKind::SessionsUnavailable), as for [`logout`](Self::logout): other processes may still accept the
    /// tokens of some sessions. If the store is down, this process refuses the refresh tokens of all sessions that began by now, ends
    /// the sessions when it's back, and revokes the subject's access tokens with
    /// [`Revocation::subject`](crate::revocation::Revocation::subject). A login in the same second is ended too.
    pub async fn end_all(&self, subject: &str) -> Result<usize, Error> {
        self.end_all_but(subject, None).await
    }

    /// Ends all other sessions of a token's subject, and returns how many there were. Call it after a password change.
    ///
    /// The token's own session continues. Access tokens of the others stay valid until they expire, unless
    /// [`SessionsBuilder::revocations`](super::SessionsBuilder::revocations) is set.
    ///
    /// # Errors
    ///
    /// Those of [`logout`](Self::logout). If the store is down, this process refuses the refresh tokens of the others and ends them
    /// later, as for [`end_all`](Self::end_all). But their access tokens are revoked only then, because only the store knows which
    /// sessions there are.
    pub async fn end_others(&self, token: &Verified) -> Result<usize, Error> {
        let (subject, id) = self.session_of(token)?;
        self.end_all_but(&subject, Some(&id)).await
    }

    /// Ends sessions again whose end the store has missed or lost, and returns how many of them were alive.
    ///
    /// A process remembers the sessions that it ended, until their refresh tokens have expired: all that the store or a hook
    /// has not carried out, and the last 10,000 others. It tries the former again after a second, and checks the others after
    /// each error of the store, when a refresh shows that the store went back, and every five minutes.
    ///
    /// Every refresh, login and logout does a part of this first. Call `heal` as well, say once a second, if this process may
    /// go without such requests for a while. It does nothing if nothing is due.
    ///
    /// # Errors
    ///
    /// [`SessionsUnavailable`](ErrorKind::SessionsUnavailable): the rest is tried again later.
    pub async fn heal(&self) -> Result<usize, Error> {
        self.heal_up_to(usize::MAX).await
    }

    /// A part of [`heal`](Self::heal). The request does its own work in any case.
    pub(super) async fn heal_some(&self) {
        let _ = self.heal_up_to(MOST_PER_REQUEST).await;
    }

    async fn heal_up_to(&self, most: usize) -> Result<usize, Error> {
        let service = &self.0;
        if service.is_healing.swap(true, Ordering::AcqRel) {
            return Ok(0);
        }
        let _healing = Healing(self);
        let mut passed = 0;
        let mut alive = self.end_due(most, &mut passed).await?;
        // Afterwards, so that a subject whose sessions the store can't read doesn't keep back the others.
        if self.list_unlisted(most).await? {
            alive += self.end_due(most, &mut passed).await?;
        }
        Ok(alive)
    }

    /// Ends the sessions that are due, and returns how many of them were alive.
    async fn end_due(&self, most: usize, passed: &mut u64) -> Result<usize, Error> {
        let (service, clock, mut alive) = (&self.0, self.0.tokens.clock(), 0);
        for _ in 0..most {
            let Some(end) = service.journal.next_due(clock.now().as_secs(), clock.monotonic(), passed) else {
                break;
            };
            // The store has confirmed most of them already. Checking these again should cost it as little as possible.
            let ended = match end.stored {
                true => self.delete(&end.subject, &[&end.id]).await?,
                false => self.end_in_store(&end.subject, &[&end.id]).await?,
            };
            let existed = ended > 0;
            if existed && end.stored {
                self.report_lost_writes();
            }
            alive += usize::from(existed);
            // If the session was alive again, it may have got new access tokens.
            let hooked = if end.hooked && !existed { Ok(()) } else { self.run_end_hooks(&end.subject, &end.id).await };
            service.journal.note(&end.subject, &end.id, true, hooked.is_ok());
        }
        Ok(alive)
    }

    /// Asks the store which sessions earlier calls are to end. Returns whether there were such calls.
    async fn list_unlisted(&self, most: usize) -> Result<bool, Error> {
        let (service, clock) = (&self.0, self.0.tokens.clock());
        let count = service.journal.unlisted().min(most);
        for _ in 0..count {
            let Some((subject, all)) = service.journal.next_unlisted(clock.now().as_secs(), clock.monotonic()) else {
                break;
            };
            let records = self.list_all(&subject).await?;
            let is_meant = |record: &&SessionRecord| all.iter().any(|all| all.covers(&record.id, record.created_at));
            let ids: Vec<&str> = records.iter().filter(is_meant).map(|record| &*record.id).collect();
            service.journal.begin_listed(&subject, &all, &ids, self.last_refresh());
        }
        Ok(count > 0)
    }

    /// Ends a session in the store and runs the hooks, each even if the other fails. Returns whether it existed.
    pub(super) async fn end_session(&self, subject: &str, id: &str) -> Result<bool, Error> {
        let service = &self.0;
        self.begin_end(subject, id);
        let stored = self.end_in_store(subject, &[id]).await.map(|count| count > 0);
        service.journal.note(subject, id, stored.is_ok(), false);
        let hooked = self.run_end_hooks(subject, id).await;
        service.journal.note(subject, id, stored.is_ok(), hooked.is_ok());
        hooked.and(stored)
    }

    /// Runs the hooks for a session that the store has ended by itself.
    pub(super) async fn follow_end(&self, subject: &str, id: &str) -> Result<(), Error> {
        self.begin_end(subject, id);
        self.0.journal.note(subject, id, true, false);
        let hooked = self.run_end_hooks(subject, id).await;
        self.0.journal.note(subject, id, true, hooked.is_ok());
        hooked
    }

    async fn end_all_but(&self, subject: &str, but: Option<&str>) -> Result<usize, Error> {
        let service = &self.0;
        self.heal_some().await;
        let (began_by, until) = (self.now().as_secs(), self.last_refresh());
        let all = EndAll { began_by, but: but.map(str::to_owned), until };
        self.report_full_journal(service.journal.begin_all(subject, all.clone()));
        let records = match self.list_all(subject).await {
            Ok(records) => records,
            Err(error) => {
                if but.is_none() {
                    self.revoke_subject(subject, began_by).await;
                }
                return Err(error);
            }
        };
        let ids: Vec<&str> = records.iter().map(|record| &*record.id).filter(|id| but != Some(*id)).collect();
        service.journal.begin_listed(subject, &[all], &ids, until);
        let count = self.end_in_store(subject, &ids).await;
        for id in &ids {
            let hooked = self.run_end_hooks(subject, id).await;
            service.journal.note(subject, id, count.is_ok(), hooked.is_ok());
        }
        count.and_then(|count| self.all_ended(subject).map(|()| count))
    }

    /// Lists all sessions of a subject.
    async fn list_all(&self, subject: &str) -> Result<Vec<SessionRecord>, Error> {
        // At second 0 no session has ended. If the store went back, a client may have a token that is newer than an ended record.
        self.0.store.list(subject, 0).await.map_err(|error| self.unavailable(&error))
    }

    /// Revokes the access tokens that a subject has, because only the store knows its sessions.
    async fn revoke_subject(&self, subject: &str, second: u64) {
        let revocation = Revocation::subject(self.0.tokens.name(), subject, Duration::from_secs(second));
        for list in &self.0.lists {
            // If it fails, the access tokens are revoked when the sessions are ended.
            let _ = list.revoke(&revocation).await;
        }
    }

    /// Returns how many of the sessions existed.
    async fn end_in_store(&self, subject: &str, ids: &[&str]) -> Result<usize, Error> {
        let Some(first) = ids.first() else { return Ok(0) };
        let count = self.delete(subject, ids).await?;
        // A server that has nothing to delete need not be able to. That a session is gone is a statement for `find`.
        if count == 0 && self.0.store.find(subject, first).await.map_err(|error| self.unavailable(&error))?.is_some() {
            return Err(self.unavailable(&SessionStoreError::Unavailable("the session is there after all".into())));
        }
        Ok(count)
    }

    async fn delete(&self, subject: &str, ids: &[&str]) -> Result<usize, Error> {
        let ended = self.0.store.end(subject, ids).await.map_err(|error| self.unavailable(&error))?;
        ended.iter().for_each(|_| self.observe(Event::SessionEnded));
        Ok(ended.len())
    }

    /// An error if an earlier attempt to end one of the subject's sessions isn't completed.
    fn all_ended(&self, subject: &str) -> Result<(), Error> {
        if self.0.journal.has_pending(subject) { Err(ErrorKind::SessionsUnavailable.into()) } else { Ok(()) }
    }

    async fn run_end_hooks(&self, subject: &str, id: &str) -> Result<(), Error> {
        let ended =
            EndedSession { issuer: self.0.tokens.name().to_owned(), subject: subject.to_owned(), id: id.to_owned() };
        self.0.hooks.run_end(ended).await.map_err(|error| {
            if let Some(times) = self.due(&format!("hook: {error}")) {
                tracing::error!(%error, times, "a session has ended, but its access tokens can't be revoked or a function of `on_end` failed: trying again");
            }
            ErrorKind::SessionsUnavailable.into()
        })
    }

    fn begin_end(&self, subject: &str, id: &str) {
        self.report_full_journal(self.0.journal.begin(subject, id, self.last_refresh()));
    }

    fn report_full_journal(&self, fits: bool) {
        if !fits && let Some(times) = self.due("full journal") {
            tracing::error!(times, "too many sessions wait for the store to end them: further ones may continue");
        }
    }

    /// The second after which no refresh token is valid that was issued until now.
    fn last_refresh(&self) -> u64 {
        let lifetime = self.0.idle.min(self.0.absolute);
        self.now().saturating_add(lifetime).saturating_add(MAX_LEEWAY).as_secs() + 1
    }

    pub(super) fn report_lost_writes(&self) {
        if let Some(times) = self.due("lost writes") {
            tracing::warn!(
                times,
                "the session store has lost writes: sessions continue or end as their tokens and this process know"
            );
        }
    }
}

/// Lets the next request heal, also if this one is dropped.
struct Healing<'s>(&'s Sessions);

impl Drop for Healing<'_> {
    fn drop(&mut self) {
        self.0.0.is_healing.store(false, Ordering::Release);
    }
}
