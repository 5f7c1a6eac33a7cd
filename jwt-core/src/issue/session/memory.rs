use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Rotation, RotationOutcome, SessionRecord, SessionStore, SessionStoreError};

/// Stores sessions in the memory of one process.
///
/// They are lost when the process ends, and other processes don't see them. When the store is full, logins fail with 503
/// until sessions end.
pub struct MemorySessions {
    state: Mutex<State>,
    capacity: usize,
}

#[derive(Clone, Default)]
struct State {
    by_subject: HashMap<String, Vec<SessionRecord>>,
    count: usize,
    /// When ended sessions of all subjects were last removed, in seconds.
    swept_at: u64,
}

impl MemorySessions {
    /// Creates a store for up to 100,000 sessions.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(100_000)
    }

    /// Creates a store for up to `sessions` sessions.
    #[must_use]
    pub fn with_capacity(sessions: usize) -> Self {
        Self { state: Mutex::default(), capacity: sessions }
    }

    /// Copies the sessions into a store of their own.
    pub(crate) fn copy(&self) -> Self {
        let state = self.state().clone();
        Self { state: Mutex::new(state), capacity: self.capacity }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemorySessions {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    /// Removes a subject's sessions that `keep` returns `false` for.
    fn retain(&mut self, subject: &str, keep: impl FnMut(&SessionRecord) -> bool) {
        let Some(sessions) = self.by_subject.get_mut(subject) else { return };
        let before = sessions.len();
        sessions.retain(keep);
        self.count -= before - sessions.len();
        if sessions.is_empty() {
            self.by_subject.remove(subject);
        }
    }

    /// Removes the ended sessions of all subjects, at most once a second because it visits every session.
    fn remove_ended(&mut self, now: u64) {
        if self.swept_at == now {
            return;
        }
        self.swept_at = now;
        self.by_subject.retain(|_, sessions| {
            sessions.retain(|session| !session.has_ended(now));
            !sessions.is_empty()
        });
        self.count = self.by_subject.values().map(Vec::len).sum();
    }
}

#[async_trait]
impl SessionStore for MemorySessions {
    async fn create(&self, session: &SessionRecord, most: usize) -> Result<Vec<String>, SessionStoreError> {
        let (mut state, now) = (self.state(), session.created_at);
        state.retain(&session.subject, |other| !other.has_ended(now));
        let sessions = state.by_subject.get(&session.subject).map(Vec::as_slice).unwrap_or_default();
        let mut by_use: Vec<(u64, String)> =
            sessions.iter().map(|other| (other.last_used_at, other.id.clone())).collect();
        by_use.sort();
        let excess = (by_use.len() + 1).saturating_sub(most.max(1));
        let deleted: Vec<String> = by_use.into_iter().take(excess).map(|(_, id)| id).collect();
        if state.count - deleted.len() >= self.capacity {
            state.remove_ended(now);
            if state.count - deleted.len() >= self.capacity {
                return Err(SessionStoreError::Full);
            }
        }
        state.retain(&session.subject, |other| !deleted.contains(&other.id));
        state.by_subject.entry(session.subject.clone()).or_default().push(session.clone());
        state.count += 1;
        Ok(deleted)
    }

    async fn rotate(
        &self,
        rotation: &Rotation<'_>,
    ) -> Result<(RotationOutcome, Option<SessionRecord>), SessionStoreError> {
        let mut state = self.state();
        let sessions = state.by_subject.get_mut(rotation.subject).map(Vec::as_mut_slice).unwrap_or_default();
        let Some(session) = sessions.iter_mut().find(|session| session.id == rotation.id) else {
            return Ok((RotationOutcome::Ended, None));
        };
        let outcome = session.rotate(rotation);
        let session = (outcome != RotationOutcome::Ended).then(|| session.clone());
        if session.is_none() {
            state.retain(rotation.subject, |session| session.id != rotation.id);
        }
        Ok((outcome, session))
    }

    async fn find(&self, subject: &str, id: &str) -> Result<Option<SessionRecord>, SessionStoreError> {
        let state = self.state();
        let sessions = state.by_subject.get(subject).map(Vec::as_slice).unwrap_or_default();
        Ok(sessions.iter().find(|session| session.id == id).cloned())
    }

    async fn list(&self, subject: &str, now: u64) -> Result<Vec<SessionRecord>, SessionStoreError> {
        let mut state = self.state();
        state.retain(subject, |session| !session.has_ended(now));
        let mut sessions = state.by_subject.get(subject).cloned().unwrap_or_default();
        sessions.sort_by(|one, other| (other.last_used_at, &other.id).cmp(&(one.last_used_at, &one.id)));
        Ok(sessions)
    }

    async fn end(&self, subject: &str, ids: &[&str]) -> Result<Vec<String>, SessionStoreError> {
        let mut ended = Vec::new();
        self.state().retain(subject, |session| {
            let is_kept = !ids.contains(&session.id.as_str());
            if !is_kept {
                ended.push(session.id.clone());
            }
            is_kept
        });
        Ok(ended)
    }
}

impl fmt::Debug for MemorySessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySessions")
            .field("sessions", &self.state().count)
            .field("capacity", &self.capacity)
            .finish()
    }
}
