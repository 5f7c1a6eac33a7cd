use std::fmt;
use std::time::Duration;

use crate::crypto::SigningKey;

use crate::error::{BuildError, BuildErrorKind};

/// A key of a list, before a ring has checked it.
pub(super) struct ListedKey {
    pub(super) key: SigningKey,
    /// Since the epoch; `None` if the list does not say.
    pub(super) signs_from: Option<Duration>,
    /// The key must neither sign nor be accepted.
    pub(super) revoked: bool,
}

impl From<(SigningKey, Duration)> for ListedKey {
    fn from((key, moment): (SigningKey, Duration)) -> Self {
        Self { key, signs_from: Some(moment), revoked: false }
    }
}

/// Reads a list of keys.
pub(super) type Load = Box<dyn Fn() -> Result<Vec<ListedKey>, BuildError> + Send + Sync>;

pub(super) fn from_function<E: fmt::Display>(
    load: impl Fn() -> Result<Vec<(SigningKey, Duration)>, E> + Send + Sync + 'static,
) -> Load {
    Box::new(move || {
        let unreadable =
            |error: E| BuildError::new(BuildErrorKind::Unreadable, "load_keys").because_of(Some(error.to_string()));
        Ok(load().map_err(unreadable)?.into_iter().map(ListedKey::from).collect())
    })
}
