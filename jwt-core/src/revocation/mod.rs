//! Taking tokens back before they expire.

mod list;

pub use list::{PendingStanding, RevocationList, Standing, TokenIdentity};
