//! A remote signer with keys in memory.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use jwt_core::Algorithm;
use jwt_core::crypto::{RemoteSigner, SigningKey};

/// Signs, fails or hangs as the test decides. Clones are the same signer.
#[derive(Clone)]
pub struct ScriptedSigner {
    keys: Arc<HashMap<String, SigningKey>>,
    script: Arc<Mutex<Script>>,
    asked: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Script {
    #[default]
    Sign,
    Fail,
    Hang,
}

impl ScriptedSigner {
    /// Creates a signer with these keys and their identifiers.
    #[must_use]
    pub fn new<I: Into<String>>(keys: impl IntoIterator<Item = (I, SigningKey)>) -> Self {
        let keys = keys.into_iter().map(|(id, key)| (id.into(), key)).collect();
        Self { keys: Arc::new(keys), script: Arc::default(), asked: Arc::default() }
    }

    /// Signs from now on, as it does at first.
    pub fn recover(&self) {
        self.play(Script::Sign);
    }

    /// Fails from now on.
    pub fn fail(&self) {
        self.play(Script::Fail);
    }

    /// Never answers from now on, and the time-out is over at once.
    pub fn hang(&self) {
        self.play(Script::Hang);
    }

    fn play(&self, script: Script) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    /// Returns the number of signatures that were asked for.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn script(&self) -> Script {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl RemoteSigner for ScriptedSigner {
    async fn sign(
        &self,
        key_id: &str,
        algorithm: Algorithm,
        message: &[u8],
    ) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        match self.script() {
            Script::Sign => {}
            Script::Fail => return Err("the signer is down".into()),
            Script::Hang => std::future::pending().await,
        }
        let key = self.keys.get(key_id).filter(|key| key.algorithm() == algorithm);
        Ok(key.ok_or("the signer has no such key")?.sign(message)?)
    }

    fn timeout(&self) -> Duration {
        if self.script() == Script::Hang { Duration::ZERO } else { Duration::from_secs(5) }
    }
}

impl fmt::Debug for ScriptedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedSigner").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}
