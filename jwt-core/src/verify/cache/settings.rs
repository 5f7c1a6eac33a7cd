/// Settings of the token cache, which saves verifying the same signature again.
///
/// A hit changes no decision. It skips parsing the token and verifying its signature, or only the signature if the cache keeps
/// [digests](Self::digests). Expiry and the other times, the issuer's keys, the revocation list and your requirements are
/// checked each time. If the key was withdrawn, the token is verified from the start.
///
/// Only accepted tokens are stored, so forged tokens cannot fill the cache. A hit compares the whole token, or its SHA-256. Each
/// verifier has a cache of its own, which its clones share. Tokens of a [`KeySource`](crate::keys::KeySource) without a
/// [generation](crate::keys::KeySource::generation) are not stored.
///
/// From the response time, a client can tell whether its token was used here before. It learns nothing about other tokens.
///
/// ```
/// use jwt_core::Verifier;
/// use jwt_core::verify::TokenCacheSettings;
///
/// // A gateway with many users, which keeps no bearer tokens in memory.
/// let builder = Verifier::builder().token_cache(TokenCacheSettings::new().max_entries(100_000).max_bytes(64 << 20).digests());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct TokenCacheSettings {
    pub(crate) entries: usize,
    pub(crate) bytes: usize,
    pub(crate) digests: bool,
}

impl Default for TokenCacheSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl TokenCacheSettings {
    /// Creates the default settings.
    pub const fn new() -> Self {
        Self { entries: 10_000, bytes: 32 << 20, digests: false }
    }

    /// Sets how many tokens are stored at most. Default: 10,000.
    pub const fn max_entries(mut self, entries: usize) -> Self {
        self.entries = entries;
        self
    }

    /// Sets how many bytes the tokens, their claims and the cache entries take at most. Default: 32 MiB.
    ///
    /// Claims that handlers [share](crate::Verified::shared_claims) get up to half of it, as they are asked for. The size of your
    /// type isn't known, so they count as much as a [`serde_json::Value`] of them can take, which is several times their JSON.
    /// Claims that don't fit are decoded for each request, as without a cache.
    ///
    /// In addition, each processor keeps copies of up to 16 much-used tokens.
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Stores the SHA-256 of each token instead of the token and its claims. Default: off.
    ///
    /// Bearer tokens and claims then don't stay in memory, and an entry is much smaller. A hit only saves verifying the
    /// signature: the token is parsed and checked as if it were new, and its claims are decoded for each request. With a shared
    /// secret (HS256), that is no faster than no cache.
    pub const fn digests(mut self) -> Self {
        self.digests = true;
        self
    }
}

/// The size of a verifier's token cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenCacheStatus {
    /// The number of tokens.
    pub entries: usize,
    /// The bytes that they take, [as the cache counts them](TokenCacheSettings::max_bytes).
    pub bytes: usize,
}
