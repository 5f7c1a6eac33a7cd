use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::revocation::{RevocationList, Standing, TokenIdentity};
use crate::step::Step;

/// A scriptable revocation list for tests, which also counts its look-ups. Clones share one list.
///
/// ```
/// use jwt_core::revocation::Standing;
/// use jwt_core::testing::ScriptedRevocations;
///
/// let list = ScriptedRevocations::default();
/// list.answer(Standing::Unavailable);
/// assert_eq!(list.asked(), 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ScriptedRevocations {
    script: Arc<Mutex<Script>>,
    asked: Arc<AtomicUsize>,
}

#[derive(Clone, Copy, Debug)]
enum Script {
    Answer(Standing),
    AnswerLater(Standing),
    Hang,
}

impl Default for Script {
    fn default() -> Self {
        Self::Answer(Standing::Good)
    }
}

impl ScriptedRevocations {
    /// Gives this answer about every token from now on. Default: [`Standing::Good`].
    pub fn answer(&self, standing: Standing) {
        self.play(Script::Answer(standing));
    }

    /// Gives this answer about every token from now on, and lets the caller await it.
    pub fn answer_later(&self, standing: Standing) {
        self.play(Script::AnswerLater(standing));
    }

    /// Never answers from now on.
    pub fn hang(&self) {
        self.play(Script::Hang);
    }

    fn play(&self, script: Script) {
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
            Script::Answer(standing) => Step::Ready(standing),
            Script::AnswerLater(standing) => Step::pending(async move { standing }),
            Script::Hang => Step::pending(std::future::pending()),
        }
    }
}
