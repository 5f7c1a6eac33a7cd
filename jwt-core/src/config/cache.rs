use crate::verify::{TokenCacheSettings, VerifierBuilder};

use super::fields::CacheConfig;

impl CacheConfig {
    /// Returns a field that has no effect, because the cache is off.
    pub(super) fn contradiction(&self) -> Option<&'static str> {
        let fields = [
            (self.max_entries.is_some(), "max_entries"),
            (self.max_bytes.is_some(), "max_bytes"),
            (self.digests, "digests"),
        ];
        fields.into_iter().find_map(|(is_set, field)| (is_set && self.enabled == Some(false)).then_some(field))
    }

    /// Adds the settings to a builder.
    pub(super) fn add_to(&self, builder: VerifierBuilder) -> VerifierBuilder {
        if self.enabled == Some(false) {
            return builder.without_token_cache();
        }
        let mut settings = TokenCacheSettings::new();
        if let Some(entries) = self.max_entries {
            settings = settings.max_entries(entries);
        }
        if let Some(bytes) = self.max_bytes {
            settings = settings.max_bytes(bytes.0);
        }
        builder.token_cache(if self.digests { settings.digests() } else { settings })
    }
}
