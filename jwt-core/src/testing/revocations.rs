use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::revocation::{RevocationList, Standing, TokenIdentity};
use crate::step::Step;

/// The list that says what a test tells it to, and counts how often it is asked. Clones are one list.
///
/// ```
/// use jwt_core::revocation::{RevocationScript, ScriptedRevocations};
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

/// What [`ScriptedRevocations`] do about the next tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationScript {
    /// Every token is good.
    #[default]
    Accept,
    /// Every token was revoked.
    Revoke,
    /// Every token was revoked, which is found out only when it is waited for.
    RevokeLater,
    /// The list cannot tell.
    Fail,
    /// The list cannot tell, which is found out only when it is waited for.
    FailLater,
    /// The list never answers.
    Hang,
}

impl ScriptedRevocations {
    /// Sets what is done from now on. Default: [`RevocationScript::Accept`].
    pub fn play(&self, script: RevocationScript) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }

    /// Returns how many tokens the list was asked about.
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
