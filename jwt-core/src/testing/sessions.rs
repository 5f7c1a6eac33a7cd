use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use async_trait::async_trait;

use crate::issue::{MemorySessions, Rotation, RotationOutcome, SessionRecord, SessionStore, SessionStoreError};

/// A scriptable session store for tests: a [`MemorySessions`] whose operations fail, hang or lose their writes when the test says
/// so. Clones share one store.
///
/// Operations are named after the methods of [`SessionStore`], so a test can let one step of a refresh fail and the others
/// work. A slow store is one that hangs while the test advances its clock, and then recovers.
///
/// ```
/// use jwt_core::issue::SessionStore;
/// use jwt_core::testing::ScriptedSessions;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let store = ScriptedSessions::default();
/// store.fail(&["rotate", "end"]);
/// assert!(store.end("ada", &["a session"]).await.is_err());
/// assert!(store.list("ada", 0).await.is_ok());
/// store.recover();
/// assert!(store.end("ada", &["a session"]).await.is_ok());
/// # }
/// ```
#[derive(Clone, Debug, Default)]
pub struct ScriptedSessions {
    state: Arc<Mutex<State>>,
    asked: Arc<AtomicUsize>,
}

#[derive(Debug, Default)]
struct State {
    store: Arc<MemorySessions>,
    /// What [`recover`](ScriptedSessions::recover) goes back to.
    kept: Option<MemorySessions>,
    /// In the order of [`ScriptedSessions::ALL`].
    scripts: [Script; ScriptedSessions::ALL.len()],
    waiting: Vec<Waker>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Script {
    #[default]
    Work,
    Fail,
    LoseAnswer,
    Hang,
}

impl ScriptedSessions {
    /// The names of all operations.
    pub const ALL: [&'static str; 5] = ["create", "rotate", "find", "list", "end"];

    /// Fails these operations from now on, and carries none of them out.
    ///
    /// # Panics
    ///
    /// Panics if a name isn't in [`ALL`](Self::ALL), because the test would test nothing then.
    pub fn fail(&self, operations: &[&str]) {
        self.play(operations, Script::Fail);
    }

    /// Carries these operations out from now on, but fails nevertheless, as if the connection broke before the answer.
    ///
    /// # Panics
    ///
    /// Panics if a name isn't in [`ALL`](Self::ALL).
    pub fn lose_answers(&self, operations: &[&str]) {
        self.play(operations, Script::LoseAnswer);
    }

    /// Leaves these operations pending until [`recover`](Self::recover), which carries them out.
    ///
    /// # Panics
    ///
    /// Panics if a name isn't in [`ALL`](Self::ALL).
    pub fn hang(&self, operations: &[&str]) {
        self.play(operations, Script::Hang);
    }

    /// Loses all writes from now on at the next [`recover`](Self::recover), as a server does that fails over to an older copy.
    pub fn lose_writes(&self) {
        let mut state = self.state();
        state.kept = Some(state.store.copy());
    }

    /// Works again from now on, as it does at first.
    pub fn recover(&self) {
        let mut state = self.state();
        if let Some(kept) = state.kept.take() {
            state.store = Arc::new(kept);
        }
        state.scripts = [Script::Work; Self::ALL.len()];
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Returns the number of operations so far.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn play(&self, operations: &[&str], script: Script) {
        let mut state = self.state();
        for operation in operations {
            let index = Self::ALL.iter().position(|name| name == operation);
            let Some(index) = index else { panic!("`{operation}` is no operation of a session store") };
            state.scripts[index] = script;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows the script of the operation at this place in [`ALL`](Self::ALL): returns the store that carries it out, and whether
    /// its answer is lost.
    async fn begin(&self, index: usize) -> Result<(Arc<MemorySessions>, bool), SessionStoreError> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        poll_fn(|context| {
            let mut state = self.state();
            match state.scripts[index] {
                Script::Work => Poll::Ready(Ok((Arc::clone(&state.store), false))),
                Script::LoseAnswer => Poll::Ready(Ok((Arc::clone(&state.store), true))),
                Script::Fail => Poll::Ready(Err(down())),
                Script::Hang => {
                    state.waiting.push(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

fn down() -> SessionStoreError {
    SessionStoreError::Unavailable("the store is down".into())
}

#[async_trait]
impl SessionStore for ScriptedSessions {
    async fn create(&self, session: &SessionRecord, most: usize) -> Result<Vec<String>, SessionStoreError> {
        let (store, is_lost) = self.begin(0).await?;
        let answer = store.create(session, most).await;
        if is_lost { Err(down()) } else { answer }
    }

    async fn rotate(
        &self,
        rotation: &Rotation<'_>,
    ) -> Result<(RotationOutcome, Option<SessionRecord>), SessionStoreError> {
        let (store, is_lost) = self.begin(1).await?;
        let answer = store.rotate(rotation).await;
        if is_lost { Err(down()) } else { answer }
    }

    async fn find(&self, subject: &str, id: &str) -> Result<Option<SessionRecord>, SessionStoreError> {
        let (store, is_lost) = self.begin(2).await?;
        let answer = store.find(subject, id).await;
        if is_lost { Err(down()) } else { answer }
    }

    async fn list(&self, subject: &str, now: u64) -> Result<Vec<SessionRecord>, SessionStoreError> {
        let (store, is_lost) = self.begin(3).await?;
        let answer = store.list(subject, now).await;
        if is_lost { Err(down()) } else { answer }
    }

    async fn end(&self, subject: &str, ids: &[&str]) -> Result<Vec<String>, SessionStoreError> {
        let (store, is_lost) = self.begin(4).await?;
        let answer = store.end(subject, ids).await;
        if is_lost { Err(down()) } else { answer }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Context;

    use super::*;

    fn session(id: &str) -> SessionRecord {
        SessionRecord { ends_at: 100, expires_at: 100, ..SessionRecord::new(id, "ada", 1) }
    }

    fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    fn ids(store: &ScriptedSessions) -> Vec<String> {
        let sessions = now(store.list("ada", 1)).expect("no wait").expect("a list");
        sessions.into_iter().map(|session| session.id).collect()
    }

    #[test]
    fn each_operation_fails_by_its_own_name_only() {
        let store = ScriptedSessions::default();
        let rotation = Rotation::new("ada", "a", "token", 0, 1);
        for failing in ScriptedSessions::ALL {
            store.recover();
            store.fail(&[failing]);
            let failed = [
                now(store.create(&session("a"), 9)).expect("no wait").is_err(),
                now(store.rotate(&rotation)).expect("no wait").is_err(),
                now(store.find("ada", "a")).expect("no wait").is_err(),
                now(store.list("ada", 1)).expect("no wait").is_err(),
                now(store.end("ada", &["a"])).expect("no wait").is_err(),
            ];
            assert_eq!(failed, ScriptedSessions::ALL.map(|name| name == failing), "{failing}");
        }
        assert_eq!(store.asked(), 25);
    }

    #[test]
    fn a_failed_operation_is_not_carried_out_and_a_lost_answer_is() {
        let store = ScriptedSessions::default();
        store.fail(&["create"]);
        assert!(now(store.create(&session("a"), 9)).expect("no wait").is_err());
        store.lose_answers(&["create"]);
        assert!(now(store.create(&session("b"), 9)).expect("no wait").is_err());
        assert_eq!(ids(&store), ["b"]);
    }

    #[test]
    fn a_hanging_operation_is_carried_out_when_the_store_recovers() {
        let store = ScriptedSessions::default();
        let same = store.clone();
        store.hang(&["create"]);
        let (one, context) = (session("a"), &mut Context::from_waker(Waker::noop()));
        let mut login = same.create(&one, 9);
        assert!(login.as_mut().poll(context).is_pending());
        assert_eq!(ids(&store), [""; 0]);
        store.recover();
        assert!(login.as_mut().poll(context).is_ready());
        assert_eq!(ids(&store), ["a"]);
    }

    #[test]
    fn writes_are_seen_until_they_are_lost() {
        let store = ScriptedSessions::default();
        now(store.create(&session("a"), 9)).expect("no wait").expect("space");
        store.lose_writes();
        now(store.create(&session("b"), 9)).expect("no wait").expect("space");
        now(store.end("ada", &["a"])).expect("no wait").expect("an end");
        assert_eq!(ids(&store), ["b"]);
        store.recover();
        assert_eq!(ids(&store), ["a"]);
        store.recover();
        assert_eq!(ids(&store), ["a"], "nothing is lost twice");
    }

    #[test]
    #[should_panic(expected = "`rotation` is no operation")]
    fn a_misspelt_operation_panics() {
        ScriptedSessions::default().fail(&["rotation"]);
    }
}
