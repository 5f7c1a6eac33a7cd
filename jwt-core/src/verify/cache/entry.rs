use std::mem::size_of;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::policy::Times;
use crate::verified::Parts;
use crate::verify::prepare::Issuer;

/// What a token is known by.
pub(super) enum Mark {
    Whole(Zeroizing<Box<[u8]>>),
    Digest([u8; 32]),
}

/// A token as it is looked for.
#[derive(Clone, Copy)]
pub(super) enum Sought<'t> {
    Whole(&'t [u8]),
    Digest(&'t [u8; 32]),
}

/// What was found out when a token was verified.
pub(in crate::verify) struct Proven {
    pub(in crate::verify) issuer: Arc<Issuer>,
    /// Whether the issuer may be gone by the next time.
    pub(in crate::verify) resolved: bool,
    /// Of the issuer's keys.
    pub(in crate::verify) generation: u64,
    pub(in crate::verify) times: Times,
}

/// A token that was accepted.
pub(in crate::verify) struct Entry {
    mark: Mark,
    pub(in crate::verify) proven: Proven,
    pub(in crate::verify) parts: Arc<Parts>,
}

impl Entry {
    pub(super) fn new(sought: Sought<'_>, proven: Proven, parts: Arc<Parts>) -> Self {
        let mark = match sought {
            Sought::Whole(token) => Mark::Whole(Zeroizing::new(token.into())),
            Sought::Digest(digest) => Mark::Digest(*digest),
        };
        Self { mark, proven, parts }
    }

    pub(super) fn is(&self, sought: Sought<'_>) -> bool {
        match (&self.mark, sought) {
            (Mark::Whole(own), Sought::Whole(token)) => ***own == *token,
            (Mark::Digest(own), Sought::Digest(digest)) => own == digest,
            _ => false,
        }
    }

    /// A copy that shares as little as can be.
    pub(super) fn apart(&self) -> Self {
        let Proven { ref issuer, resolved, generation, times } = self.proven;
        let mark = match &self.mark {
            Mark::Whole(token) => Mark::Whole(token.clone()),
            Mark::Digest(digest) => Mark::Digest(*digest),
        };
        let proven = Proven { issuer: Arc::clone(issuer), resolved, generation, times };
        Self { mark, proven, parts: self.parts.apart() }
    }

    /// What it takes, with its place in a table. Decoded claims count as much as their text.
    pub(super) fn bytes(&self) -> usize {
        const PLACE: usize = 64;
        let token = match &self.mark {
            Mark::Whole(token) => token.len(),
            Mark::Digest(_) => 0,
        };
        PLACE + size_of::<Self>() + token + self.parts.bytes()
    }
}

impl Sought<'_> {
    /// The end of what it is known by: the signature's last bytes, or those of the digest. Both are as good as random, and
    /// nobody but the issuer can choose the first.
    pub(super) fn tail(&self) -> &[u8] {
        let bytes = match self {
            Sought::Whole(token) => *token,
            Sought::Digest(digest) => &digest[..],
        };
        &bytes[bytes.len().saturating_sub(32)..]
    }
}
