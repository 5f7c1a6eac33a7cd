//! A session store that follows a script: it is down, loses requests and answers, carries some out late, and goes
//! back to an earlier state.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};

use async_trait::async_trait;
use jwt_core::issue::{Rotation, RotationOutcome, SessionRecord, SessionStore, SessionStoreError};

use super::random::Random;

/// All sessions, by subject and identifier.
pub(crate) type Contents = BTreeMap<(String, String), SessionRecord>;

type Operation = Box<dyn FnOnce(&mut Contents) + Send>;

/// What all processes share.
pub(crate) struct Server {
    pub(crate) contents: Contents,
    pub(crate) snapshots: Vec<Contents>,
    pub(crate) is_down: bool,
    /// How many of a hundred operations fail.
    pub(crate) failures: u64,
    /// Operations whose callers gave up, and which are still on their way.
    pub(crate) late: Vec<Operation>,
    pub(crate) random: Random,
}

/// One process's connection.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) server: Arc<Mutex<Server>>,
    pub(crate) link: Arc<Mutex<Link>>,
}

#[derive(Default)]
pub(crate) struct Link {
    pub(crate) is_cut: bool,
    /// The server was replaced, so the next operation finds the connection closed.
    pub(crate) is_closed: bool,
}

impl Connection {
    pub(crate) fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().expect("not poisoned")
    }

    async fn run<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Contents) -> T + Send + 'static,
    ) -> Result<T, SessionStoreError> {
        // Other tasks may run here, and the caller may give up.
        Yield::default().await;
        let result = self.attempt(operation);
        Yield::default().await;
        result
    }

    fn attempt<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Contents) -> T + Send + 'static,
    ) -> Result<T, SessionStoreError> {
        let lost = || Err(SessionStoreError::Unavailable("no answer".into()));
        let mut link = self.link.lock().expect("not poisoned");
        let mut server = self.server();
        if std::mem::take(&mut link.is_closed) || server.is_down {
            return lost();
        }
        let fails = link.is_cut || {
            let failures = server.failures;
            server.random.below(100) < failures
        };
        match (fails, server.random.below(3)) {
            (false, _) => Ok(operation(&mut server.contents)),
            (true, 0) => lost(),
            (true, 1) if !link.is_cut => {
                operation(&mut server.contents);
                lost()
            }
            (true, _) => {
                server.late.push(Box::new(|contents| drop(operation(contents))));
                lost()
            }
        }
    }
}

impl Server {
    /// Carries out one of the operations that are late.
    pub(crate) fn arrive(&mut self) {
        if !self.late.is_empty() && !self.is_down {
            let index = self.random.below(self.late.len() as u64) as usize;
            let operation = self.late.swap_remove(index);
            operation(&mut self.contents);
        }
    }
}

#[async_trait]
impl SessionStore for Connection {
    async fn create(&self, session: &SessionRecord, _most: usize) -> Result<Vec<String>, SessionStoreError> {
        let session = session.clone();
        let key = (session.subject.clone(), session.id.clone());
        self.run(move |contents| {
            contents.insert(key, session);
            Vec::new()
        })
        .await
    }

    async fn rotate(
        &self,
        rotation: &Rotation<'_>,
    ) -> Result<(RotationOutcome, Option<SessionRecord>), SessionStoreError> {
        let key = (rotation.subject.to_owned(), rotation.id.to_owned());
        let presented = rotation.presented.to_owned();
        let (rotations, now, grace, idle) = (rotation.rotations, rotation.now, rotation.grace, rotation.idle);
        let device_key = rotation.device_key.map(str::to_owned);
        self.run(move |contents| {
            let Some(session) = contents.get_mut(&key) else { return (RotationOutcome::Ended, None) };
            let rotation = Rotation::new(&key.0, &key.1, &presented, rotations, now).grace(grace).idle(idle);
            let rotation = rotation.device_key(device_key.as_deref());
            let outcome = session.rotate(&rotation);
            (outcome, (outcome != RotationOutcome::Ended).then(|| session.clone()))
        })
        .await
    }

    async fn find(&self, subject: &str, id: &str) -> Result<Option<SessionRecord>, SessionStoreError> {
        let key = (subject.to_owned(), id.to_owned());
        self.run(move |contents| contents.get(&key).cloned()).await
    }

    async fn list(&self, subject: &str, now: u64) -> Result<Vec<SessionRecord>, SessionStoreError> {
        let subject = subject.to_owned();
        self.run(move |contents| {
            let of_subject = contents.values().filter(|session| session.subject == subject && !session.has_ended(now));
            of_subject.cloned().collect()
        })
        .await
    }

    async fn end(&self, subject: &str, ids: &[&str]) -> Result<Vec<String>, SessionStoreError> {
        let keys: Vec<_> = ids.iter().map(|id| (subject.to_owned(), (*id).to_owned())).collect();
        self.run(move |contents| {
            keys.into_iter().filter_map(|key| contents.remove(&key)).map(|session| session.id).collect()
        })
        .await
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connection")
    }
}

/// Pending once, so that the scheduler chooses what runs next.
#[derive(Default)]
struct Yield {
    is_done: bool,
}

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.is_done, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}
