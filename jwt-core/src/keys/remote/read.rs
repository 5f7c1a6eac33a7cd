//! Reads a fetched key set, and logs which of its keys cannot be used.

use std::sync::{Arc, PoisonError};

use serde::de::IgnoredAny;

use crate::jose::{IgnoredKey, Key, KeyErrorKind, KeySet};
use crate::keys::discovery::{not_json, text};
use crate::keys::{FetchError, FetchErrorKind, KeyTable};

use super::service::Shared;

/// How many keys are named one by one, at most.
const MAX_NAMED: usize = 10;

impl Shared {
    pub(super) fn read_key_set(&self, body: &[u8]) -> Result<(KeyTable, Arc<[Key]>), FetchError> {
        let setup = &self.setup;
        let content = |detail| FetchError::explained(FetchErrorKind::Content, detail);
        let text = text(body).map_err(|problem| content(problem.to_owned()))?;
        let set = KeySet::from_fetched(text, setup.spiffe, setup.settings.max_keys)
            .map_err(|error| content(describe(text, &error.to_string())))?;
        let mut unusable = set.ignored_keys().to_vec();
        let positions = set.positions();
        let mut table = KeyTable::prepare_and_report(setup.backend, set.keys(), &setup.algorithms, |key, error| {
            unusable.push(IgnoredKey::new(positions.get(key).copied().unwrap_or(key), error));
        });
        unusable.sort_by_key(|key| key.index);
        if setup.in_turn {
            table = table.in_turn();
        }
        if table.is_empty() {
            return Err(no_usable_key(&unusable));
        }
        self.log_unusable(unusable, table.len());
        Ok((table, set.keys().into()))
    }

    /// Logs unusable keys if they are not those of the last set. It's at `WARN` if a key could have been used.
    fn log_unusable(&self, unusable: Vec<IgnoredKey>, usable: usize) {
        let mut last = self.unusable.lock().unwrap_or_else(PoisonError::into_inner);
        if *last == unusable {
            return;
        }
        let issuer = &self.setup.issuer;
        let (unexpected, expected): (Vec<_>, Vec<_>) = unusable.iter().partition(|key| is_unexpected(key.error.kind()));
        for key in unexpected.iter().take(MAX_NAMED) {
            let (index, code, reason) = (key.index, key.error.code(), &key.error);
            tracing::warn!(%issuer, index, code, %reason, usable, "a key of the set can't be used");
        }
        if let Some(more @ 1..) = unexpected.len().checked_sub(MAX_NAMED) {
            tracing::warn!(%issuer, more, usable, "more keys of the set can't be used");
        }
        if !expected.is_empty() {
            tracing::debug!(%issuer, keys = expected.len(), usable, "some keys of the set aren't for verifying tokens");
        }
        *last = unusable;
    }
}

fn no_usable_key(unusable: &[IgnoredKey]) -> FetchError {
    let mut reasons: Vec<String> =
        unusable.iter().take(MAX_NAMED).map(|key| format!("key {}: {}", key.index, key.error)).collect();
    match unusable.len() {
        0 => reasons.push("the set is empty".to_owned()),
        1..=MAX_NAMED => {}
        all => reasons.push(format!("and {} more", all - MAX_NAMED)),
    }
    FetchError::explained(FetchErrorKind::NoUsableKey, reasons.join("; "))
}

/// Describes a body that isn't a key set.
fn describe(text: &str, error: &str) -> String {
    if text.contains("\"jwks_uri\"") {
        return "this is a discovery document and not a key set: use `TrustedIssuer::discover`, or its `jwks_uri`"
            .to_owned();
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.trim_start().strip_prefix('{') {
        Some(_) if text.contains("-----BEGIN") => {
            "this is a map of certificates or PEM keys and not a key set: use the issuer's JWKS address".to_owned()
        }
        // The error of a body that isn't JSON has a position, and nothing of the body.
        Some(_) => match serde_json::from_str::<IgnoredAny>(text) {
            Err(syntax) => format!("the body isn't JSON: {syntax}"),
            Ok(_) => error.to_owned(),
        },
        None => not_json(text).to_owned(),
    }
}

/// Whether the issuer probably meant the key for verification. Sets also have keys for encryption, and keys of other kinds.
const fn is_unexpected(kind: KeyErrorKind) -> bool {
    !matches!(kind, KeyErrorKind::WrongUse | KeyErrorKind::UnsupportedKeyType | KeyErrorKind::UnsupportedAlgorithm)
}
