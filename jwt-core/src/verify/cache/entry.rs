use std::mem::size_of;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::claim_rules::{FittingSeconds, Times};
use crate::verified::Parts;
use crate::verify::issuers::Issuer;

/// An accepted token.
pub(in crate::verify) struct Entry {
    content: Content,
    pub(in crate::verify) issuer: Arc<Issuer>,
    /// The generation of the issuer's keys that verified it.
    pub(in crate::verify) generation: u64,
}

enum Content {
    Token(Zeroizing<Box<[u8]>>, CachedClaims),
    /// The token's digest. It only says that the signature is good.
    Digest([u8; 32]),
}

/// A cached token's claims, and the input of the checks at each hit.
pub(in crate::verify) struct CachedClaims {
    pub(in crate::verify) parts: Arc<Parts>,
    pub(in crate::verify) times: Times,
    pub(in crate::verify) fitting: FittingSeconds,
    /// Whether a resolver found the issuer, which may then be gone at the next hit.
    pub(in crate::verify) resolved: bool,
}

/// The result of verifying a token, from which its cache entry is built.
pub(in crate::verify) struct NewEntry {
    pub(in crate::verify) issuer: Arc<Issuer>,
    /// Whether a resolver found the issuer, which may then be gone at the next hit.
    pub(in crate::verify) resolved: bool,
    /// The generation of the issuer's keys.
    pub(in crate::verify) generation: u64,
    pub(in crate::verify) times: Times,
    pub(in crate::verify) fitting: FittingSeconds,
}

/// The key of a cache entry.
#[derive(Clone, Copy)]
pub(super) enum CacheKey<'t> {
    Token(&'t [u8]),
    Digest(&'t [u8; 32]),
}

impl Entry {
    pub(super) fn new(key: CacheKey<'_>, new: NewEntry, parts: &Arc<Parts>) -> Self {
        let NewEntry { issuer, resolved, generation, times, fitting } = new;
        let content = match key {
            CacheKey::Token(token) => {
                let claims = CachedClaims { parts: Arc::clone(parts), times, fitting, resolved };
                Content::Token(Zeroizing::new(token.into()), claims)
            }
            CacheKey::Digest(digest) => Content::Digest(*digest),
        };
        Self { content, issuer, generation }
    }

    /// Returns the claims, which a cache of digests does not keep.
    pub(in crate::verify) const fn claims(&self) -> Option<&CachedClaims> {
        match &self.content {
            Content::Token(_, claims) => Some(claims),
            Content::Digest(_) => None,
        }
    }

    pub(super) fn has_key(&self, key: CacheKey<'_>) -> bool {
        match (&self.content, key) {
            (Content::Token(own, _), CacheKey::Token(token)) => ***own == *token,
            (Content::Digest(own), CacheKey::Digest(digest)) => own == digest,
            _ => false,
        }
    }

    /// Returns a copy that shares as few reference counts as possible with the original.
    pub(super) fn detached(&self) -> Self {
        let content = match &self.content {
            Content::Token(token, claims) => {
                Content::Token(token.clone(), CachedClaims { parts: claims.parts.detached(), ..*claims })
            }
            Content::Digest(digest) => Content::Digest(*digest),
        };
        Self { content, issuer: Arc::clone(&self.issuer), generation: self.generation }
    }

    /// Returns the bytes of the entry and its slot in a table. Decoded claims are charged separately, when they are stored.
    pub(super) fn bytes(&self) -> usize {
        const SLOT: usize = 64;
        let content = match &self.content {
            Content::Token(token, claims) => token.len() + claims.parts.bytes(),
            Content::Digest(_) => 0,
        };
        SLOT + size_of::<Self>() + content
    }
}

impl CacheKey<'_> {
    /// Returns the last bytes, of the token's signature or of the digest. Both are as good as random, and only the issuer can
    /// choose a valid signature.
    pub(super) fn tail(&self) -> &[u8] {
        let bytes = match self {
            CacheKey::Token(token) => *token,
            CacheKey::Digest(digest) => &digest[..],
        };
        &bytes[bytes.len().saturating_sub(32)..]
    }
}
