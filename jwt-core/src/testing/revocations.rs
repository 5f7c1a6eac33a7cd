use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::revocation::{RevocationList, Standing, TokenIdentity};
use crate::step::Step;

/// A scriptable revocation list for tests, which also counts its look-ups. Clones share one list.
///
/// ```
/// use jwt_core::testing::{RevocationScript, ScriptedRevocations};
///
/// let list = ScriptedRevocations::default();
/// list.play(RevocationScript::Fail);
/// assert_eq!(list.asked(), 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ScriptedRevocations {
    script: Arc<Mutex<RevocationScript>>,
    asked: Arc<AtomicUsize>,
}

/// How [`ScriptedRevocations`] answer from now on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationScript {
    /// No token is revoked.
    #[default]
    Accept,
    /// Every token is revoked.
    Revoke,
    /// Every token is revoked, but the answer must be awaited.
    RevokeLater,
    /// The list is unavailable.
    Fail,
    /// The list is unavailable, but the answer must be awaited.
    FailLater,
    /// The answer never arrives.
    Hang,
}

impl ScriptedRevocations {
    /// Sets how the list answers from now on. Default: [`RevocationScript::Accept`].
    pub fn play(&self, script: RevocationScript) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    /// Returns the number of look-ups so far.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl RevocationList for ScriptedRevocations {
    fn look_up(&self, _token: &TokenIdentity<'_>) -> Step<Standing> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let script = *self.script.lock().unwrap_or_else(PoisonError::into_inner);
        match script {
            RevocationScript::Accept => Step::Ready(Standing::Good),
            RevocationScript::Revoke => Step::Ready(Standing::Revoked),
            RevocationScript::RevokeLater => Step::pending(async { Standing::Revoked }),
            RevocationScript::Fail => Step::Ready(Standing::Unavailable),
            RevocationScript::FailLater => Step::pending(async { Standing::Unavailable }),
            RevocationScript::Hang => Step::pending(std::future::pending()),
        }
    }
}
