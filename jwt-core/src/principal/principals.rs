use std::any::Any;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::challenge::Refusal;
use crate::verified::{Anonymous, Verified, require};

/// The principals of a request, of as many types as layers loaded. The adapters keep it in the request's extensions.
#[derive(Clone)]
pub struct Principals {
    /// Whose they are: with another token in the same request they are nobody's.
    of: Verified,
    known: SmallVec<[Arc<dyn Any + Send + Sync>; 1]>,
}

impl Principals {
    /// Adds a principal to those that the same token has.
    pub(super) fn with<U: Send + Sync + 'static>(before: Option<&Self>, of: &Verified, principal: U) -> Self {
        let mut known: SmallVec<[Arc<dyn Any + Send + Sync>; 1]> = SmallVec::new();
        if let Some(before) = before.filter(|before| before.of.is(of)) {
            known.extend(before.known.iter().filter(|known| !known.is::<U>()).cloned());
        }
        known.push(Arc::new(principal));
        Self { of: of.clone(), known }
    }

    fn find<U: Send + Sync + 'static>(&self, of: &Verified) -> Option<Arc<U>> {
        if !self.of.is(of) {
            return None;
        }
        self.known.iter().find_map(|known| Arc::clone(known).downcast().ok())
    }
}

/// Finds a principal among what layers left behind; `layer` and `loader` are the types whose absence is reported.
///
/// # Errors
///
/// The refusal to answer with: that of [`require`], or
/// [`ErrorKind::LayerMissing`](crate::ErrorKind::LayerMissing) where no layer loaded a `U` for the request's token.
pub fn find<U: Send + Sync + 'static>(
    principals: Option<&Principals>,
    verified: Option<&Verified>,
    anonymous: Option<&Anonymous>,
    [layer, loader]: [&'static str; 2],
) -> Result<Arc<U>, Refusal> {
    let verified = require(verified, anonymous, layer)?;
    principals.and_then(|principals| principals.find(verified)).ok_or_else(|| Refusal::layer_missing(loader))
}

impl fmt::Debug for Principals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principals").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_a_principal_of_each_type_and_no_other_token_has_them() {
        let (ada, mallory) = (Verified::of_payload("{}"), Verified::of_payload("{}"));
        let clone = ada.clone();
        let principals = Principals::with(None, &ada, "Ada");
        let principals = Principals::with(Some(&principals), &ada, 1815_u32);
        let principals = Principals::with(Some(&principals), &ada, 1852_u32);
        assert_eq!(principals.find(&clone), Some(Arc::new("Ada")));
        assert_eq!(principals.find(&ada), Some(Arc::new(1852_u32)));
        assert_eq!((principals.find::<u8>(&ada), principals.known.len()), (None, 2));
        assert_eq!(principals.find::<u32>(&mallory), None);
        let others = Principals::with(Some(&principals), &mallory, 'm');
        assert_eq!((others.find::<u32>(&mallory), others.find::<u32>(&ada)), (None, None));
    }
}
