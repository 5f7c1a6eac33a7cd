use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::claims::NumericDate;

/// A session as a [`SessionStore`](super::SessionStore) keeps it.
///
/// It contains no token, so read access to the store isn't enough to use a session. All times are whole seconds since
/// 1970-01-01T00:00:00Z.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SessionRecord {
    /// The session's identifier, the claim `sid` of its tokens: 128 random bits in base64url.
    pub id: String,
    /// The user, the claim `sub` of its tokens.
    pub subject: String,
    /// The application's name for the device, to be shown to the user.
    pub device: Option<String>,
    /// When the user logged in, the claim `auth_time` of its tokens.
    pub created_at: u64,
    /// When the session was last refreshed, or created.
    pub last_used_at: u64,
    /// When the session ends if it isn't refreshed; never later than `expires_at`.
    pub ends_at: u64,
    /// When the session ends, however often it is refreshed.
    pub expires_at: u64,
    /// How often the refresh token was exchanged. The current refresh token has this number in its claim `rotations`.
    pub rotations: u64,
    /// The `jti` of the refresh token that was exchanged last.
    pub exchanged: Option<String>,
    /// When it was exchanged, or the session was created.
    pub rotated_at: u64,
    /// The public key of the browser's device, if the session is [bound](super::SessionsBuilder::device_bound) to it: a JWK with
    /// only its required members (RFC 7638 section 3).
    pub device_key: Option<String>,
    /// The settings of its access tokens, in a JSON format that only this crate reads. Stores keep it unchanged.
    pub grant: String,
}

impl SessionRecord {
    /// Creates the record of a session that begins at `now`. Set `ends_at` and `expires_at`, which are `now` too.
    #[must_use]
    pub fn new(id: impl Into<String>, subject: impl Into<String>, now: u64) -> Self {
        Self {
            id: id.into(),
            subject: subject.into(),
            device: None,
            created_at: now,
            last_used_at: now,
            ends_at: now,
            expires_at: now,
            rotations: 0,
            exchanged: None,
            rotated_at: now,
            device_key: None,
            grant: String::new(),
        }
    }

    /// Returns whether the session has ended at `now`.
    #[must_use]
    pub const fn has_ended(&self, now: u64) -> bool {
        now >= self.ends_at
    }

    /// Whether the session has ended for a refresh token with this number of rotations.
    ///
    /// A token that is newer than the record proves an exchange that the store has lost, and that exchange put off the end.
    pub(super) const fn has_ended_for(&self, rotations: u64, now: u64) -> bool {
        if rotations > self.rotations { now >= self.expires_at } else { self.has_ended(now) }
    }

    /// Exchanges the refresh token as [`SessionStore::rotate`](super::SessionStore::rotate) requires, for stores that do it
    /// in this process.
    ///
    /// The record changes only if the outcome is [`RotationOutcome::Renewed`] or [`RotationOutcome::Adopted`].
    pub fn rotate(&mut self, rotation: &Rotation<'_>) -> RotationOutcome {
        let (now, rotations) = (rotation.now, rotation.rotations);
        if self.has_ended_for(rotations, now) {
            return RotationOutcome::Ended;
        }
        if self.device_key.as_deref() != rotation.device_key && !self.is_bound_by(rotation) {
            return RotationOutcome::Unproven;
        }
        if rotations < self.rotations {
            let is_previous = rotations + 1 == self.rotations;
            let is_same = self.exchanged.as_deref() == Some(rotation.presented);
            let in_grace = now < self.rotated_at.saturating_add(rotation.grace);
            return if is_previous && (is_same || in_grace) {
                RotationOutcome::Repeated
            } else {
                RotationOutcome::Reused
            };
        }
        let is_newer = rotations > self.rotations;
        self.rotations = rotations.saturating_add(1);
        self.exchanged = Some(rotation.presented.to_owned());
        self.device_key = rotation.device_key.map(str::to_owned);
        self.rotated_at = now;
        self.last_used_at = now;
        self.ends_at = now.saturating_add(rotation.idle).min(self.expires_at);
        if is_newer { RotationOutcome::Adopted } else { RotationOutcome::Renewed }
    }

    /// Whether the exchange binds the session to its key: the first one with a key, or one that the store has lost.
    const fn is_bound_by(&self, rotation: &Rotation<'_>) -> bool {
        let is_first = self.device_key.is_none() && rotation.rotations == self.rotations;
        rotation.device_key.is_some() && (is_first || rotation.rotations > self.rotations)
    }
}

// A log must not show who uses which device and when.
impl fmt::Debug for SessionRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionRecord")
            .field("created_at", &self.created_at)
            .field("ends_at", &self.ends_at)
            .finish_non_exhaustive()
    }
}

/// A session as you show it to its user. It contains no token.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Session {
    /// The session's identifier, the claim `sid` of its tokens: pass it to [`Sessions::end`](super::Sessions::end).
    pub id: String,
    /// The application's name for the device.
    pub device: Option<String>,
    /// When the user logged in.
    pub created_at: NumericDate,
    /// When the session was last refreshed, or created.
    pub last_used_at: NumericDate,
    /// When the session ends if it isn't refreshed.
    pub ends_at: NumericDate,
}

impl Session {
    pub(super) fn from_record(record: SessionRecord) -> Self {
        let date = |seconds| NumericDate::from(Duration::from_secs(seconds));
        Self {
            id: record.id,
            device: record.device,
            created_at: date(record.created_at),
            last_used_at: date(record.last_used_at),
            ends_at: date(record.ends_at),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("created_at", &self.created_at)
            .field("ends_at", &self.ends_at)
            .finish_non_exhaustive()
    }
}

/// A request to exchange a refresh token for the next one.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Rotation<'r> {
    /// The session's subject.
    pub subject: &'r str,
    /// The session's identifier.
    pub id: &'r str,
    /// The `jti` of the refresh token that the client sent.
    pub presented: &'r str,
    /// Its claim `rotations`: how many exchanges came before it.
    pub rotations: u64,
    /// The current time, in seconds since 1970-01-01T00:00:00Z.
    pub now: u64,
    /// How many seconds after an exchange another copy of the same token is accepted again.
    pub grace: u64,
    /// How many seconds after `now` the session ends if it isn't refreshed again.
    pub idle: u64,
    /// The key of a device that the request proves, as in [`SessionRecord::device_key`].
    pub device_key: Option<&'r str>,
}

impl<'r> Rotation<'r> {
    /// Creates a request to exchange the token `presented`, which `rotations` exchanges came before, in the session `id` of
    /// `subject`. Grace and idle time are zero until you set them.
    #[must_use]
    pub const fn new(subject: &'r str, id: &'r str, presented: &'r str, rotations: u64, now: u64) -> Self {
        Self { subject, id, presented, rotations, now, grace: 0, idle: 0, device_key: None }
    }

    /// Sets the key of a device that the request proves. Default: no key.
    #[must_use]
    pub const fn device_key(mut self, key: Option<&'r str>) -> Self {
        self.device_key = key;
        self
    }

    /// Sets how long another copy of the exchanged token is accepted again, in seconds. Default: 0.
    #[must_use]
    pub const fn grace(mut self, seconds: u64) -> Self {
        self.grace = seconds;
        self
    }

    /// Sets how long the session lasts without another refresh, in seconds. Default: 0.
    #[must_use]
    pub const fn idle(mut self, seconds: u64) -> Self {
        self.idle = seconds;
        self
    }
}

impl fmt::Debug for Rotation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rotation")
            .field("now", &self.now)
            .field("grace", &self.grace)
            .field("idle", &self.idle)
            .finish_non_exhaustive()
    }
}

/// The outcome of a [`Rotation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "an unknown outcome could only be refused")]
pub enum RotationOutcome {
    /// The token was the current one and has been exchanged.
    Renewed,
    /// The token is newer than the record, because the store has lost writes. It has been exchanged.
    Adopted,
    /// The token is the previous one, and its successor has not been exchanged: nothing changes.
    Repeated,
    /// The session is bound to a device, and the request does not prove its key: nothing changes.
    Unproven,
    /// The token was exchanged earlier, so it may be stolen. The session has to end.
    Reused,
    /// The session has ended or does not exist.
    Ended,
}
