use std::fmt;
use std::time::Duration;

use crate::claims::NumericDate;

use super::SessionRecord;

/// A session, as it is shown to its user. It holds no token.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// Its identifier, the claim `sid` of its tokens: for [`Sessions::end`](super::Sessions::end).
    pub id: String,
    /// What the application calls the device.
    pub device: Option<String>,
    /// When the user logged in.
    pub created_at: NumericDate,
    /// When it was last refreshed.
    pub last_used_at: NumericDate,
    /// When it ends unless it is refreshed before.
    pub ends_at: NumericDate,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("created_at", &self.created_at)
            .field("ends_at", &self.ends_at)
            .finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn of(record: SessionRecord) -> Self {
        Self {
            id: record.id,
            device: record.device,
            created_at: moment(record.created_at),
            last_used_at: moment(record.last_used_at),
            ends_at: moment(record.ends_at),
        }
    }
}

fn moment(seconds: u64) -> NumericDate {
    NumericDate::from(Duration::from_secs(seconds))
}
