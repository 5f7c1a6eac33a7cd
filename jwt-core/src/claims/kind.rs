//! Claims that tell which kind of token it is.

use crate::json::{self, Unique, Value};

/// Whether `events` names a logout. OpenID Connect Back-Channel Logout 1.0 section 2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogoutEvent {
    No,
    Yes,
    /// Yes, but its value is not a JSON object.
    Malformed,
}

impl LogoutEvent {
    const NAME: &str = "http://schemas.openid.net/event/backchannel-logout";

    pub(super) fn from_value(events: Value<'_>) -> Self {
        let Value::Object(events) = events else { return Self::No };
        let mut logout = Self::No;
        // The object was already read as part of the payload. An error cannot occur, and would count as "no logout".
        let read = json::object(events, Unique::Outermost, |name, value| {
            if name == Self::NAME {
                logout = if matches!(value, Value::Object(_)) { Self::Yes } else { Self::Malformed };
            }
        });
        if read.is_ok() { logout } else { Self::No }
    }
}

/// A claim of ID tokens that access tokens don't have. OpenID Connect Core 1.0 sections 2 and 3.3.2.11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdTokenClaim {
    Nonce,
    AccessTokenHash,
    CodeHash,
}

impl IdTokenClaim {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nonce => "nonce",
            Self::AccessTokenHash => "at_hash",
            Self::CodeHash => "c_hash",
        }
    }
}
