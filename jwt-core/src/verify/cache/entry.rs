use std::mem::size_of;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::claim_rules::Times;
use crate::verified::Parts;
use crate::verify::prepare::Issuer;

/// What a token is known by, and what is known of it.
enum Kept {
    Whole(Zeroizing<Box<[u8]>>, Known),
    /// That its signature is good, and nothing else.
    Digest([u8; 32]),
}

/// What a token says, and what it takes to judge it again.
pub(in crate::verify) struct Known {
    pub(in crate::verify) parts: Arc<Parts>,
    pub(in crate::verify) times: Times,
    /// Whether the issuer may be gone by the next time.
    pub(in crate::verify) resolved: bool,
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
    kept: Kept,
    pub(in crate::verify) issuer: Arc<Issuer>,
    pub(in crate::verify) generation: u64,
}

impl Entry {
    pub(super) fn new(sought: Sought<'_>, proven: Proven, parts: &Arc<Parts>) -> Self {
        let Proven { issuer, resolved, generation, times } = proven;
        let kept = match sought {
            Sought::Whole(token) => {
                Kept::Whole(Zeroizing::new(token.into()), Known { parts: Arc::clone(parts), times, resolved })
            }
            Sought::Digest(digest) => Kept::Digest(*digest),
        };
        Self { kept, issuer, generation }
    }

    /// What is known besides the signature, where more is.
    pub(in crate::verify) const fn known(&self) -> Option<&Known> {
        match &self.kept {
            Kept::Whole(_, known) => Some(known),
            Kept::Digest(_) => None,
        }
    }

    pub(super) fn is(&self, sought: Sought<'_>) -> bool {
        match (&self.kept, sought) {
            (Kept::Whole(own, _), Sought::Whole(token)) => ***own == *token,
            (Kept::Digest(own), Sought::Digest(digest)) => own == digest,
            _ => false,
        }
    }

    /// A copy that shares as little as can be.
    pub(super) fn apart(&self) -> Self {
        let kept = match &self.kept {
            Kept::Whole(token, known) => Kept::Whole(token.clone(), Known { parts: known.parts.apart(), ..*known }),
            Kept::Digest(digest) => Kept::Digest(*digest),
        };
        Self { kept, issuer: Arc::clone(&self.issuer), generation: self.generation }
    }

    /// The bytes of the entry and its place in a table. Decoded claims are charged when they are kept.
    pub(super) fn bytes(&self) -> usize {
        const PLACE: usize = 64;
        let kept = match &self.kept {
            Kept::Whole(token, known) => token.len() + known.parts.bytes(),
            Kept::Digest(_) => 0,
        };
        PLACE + size_of::<Self>() + kept
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
