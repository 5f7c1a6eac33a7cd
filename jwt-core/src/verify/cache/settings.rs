/// How verified tokens are remembered, so that their signatures are not verified again.
///
/// A hit changes no decision. It spares reading the token and verifying its signature, or [by digest](Self::digests) the
/// latter alone; expiry and the other times, the issuer's keys, the revocation list and the application's rules are judged
/// anew each time, and a token whose key was withdrawn is verified from the start. The whole token is compared, or its
/// SHA-256. Only tokens that were accepted are remembered,
/// within both bounds; no forged one can take a place. Each verifier has a cache of its own, which its clones share.
///
/// Tokens of a [`KeySource`](crate::keys::KeySource) that does not state a
/// [generation](crate::keys::KeySource::generation) are not remembered.
///
/// How long an answer takes tells whoever holds a token whether it was used here before, and nothing about tokens that
/// they do not hold.
///
/// ```
/// use jwt_core::Verifier;
/// use jwt_core::verify::TokenCacheSettings;
///
/// // A gateway with many users, whose memory shall hold no bearer tokens.
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
    /// The settings of every verifier for which nothing else is said.
    pub const fn new() -> Self {
        Self { entries: 10_000, bytes: 32 << 20, digests: false }
    }

    /// Remembers at most so many tokens. Default: 10,000.
    pub const fn max_entries(mut self, entries: usize) -> Self {
        self.entries = entries;
        self
    }

    /// Limits the bytes of tokens, claims and the entries that hold them. Default: 32 MiB.
    ///
    /// Claims that handlers [share](crate::Verified::shared_claims) count as much as a [`serde_json::Value`] of them can take,
    /// which is several times their text: how much a type of yours takes isn't known. They get up to half of the bytes, as
    /// they are asked for. Claims that don't fit are decoded for each request, as without a cache.
    ///
    /// Besides, each processor may have copies of up to 16 tokens that are much in use.
    pub const fn max_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }

    /// Keeps of each token its SHA-256, and that its signature was good, so that neither bearer tokens nor their claims stay
    /// in memory, and a token takes a fraction of the room. Default: off.
    ///
    /// A hit then spares the signature's verification and nothing else: the token is read and judged as if it were new,
    /// and its claims are decoded for each request. With a signature of a secret (HS256) that gains nothing.
    pub const fn digests(mut self) -> Self {
        self.digests = true;
        self
    }
}

/// What a verifier's cache holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CacheStatus {
    /// How many tokens.
    pub entries: usize,
    /// How many bytes they take, [as the cache counts them](TokenCacheSettings::max_bytes).
    pub bytes: usize,
}
