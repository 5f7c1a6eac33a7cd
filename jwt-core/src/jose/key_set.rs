use std::borrow::Cow;
use std::fmt;

use super::header::MAX_KID_BYTES;
use super::jwk;
use super::jwk_members::Expected;
use super::key::Key;
use super::key_error::{KeyError, KeyErrorKind};
use super::pem;
use crate::json::{self, JsonError, Unique, Value};

/// The most keys in a set, including ignored ones, unless fetching them is configured otherwise.
pub(crate) const MAX_KEYS: usize = 100;

/// The largest key set, in bytes.
pub(crate) const MAX_BYTES: usize = 512 * 1024;

/// The keys of an issuer.
///
/// Keys that cannot be used are ignored, so that one bad key does not spoil the set (RFC 7517 section 5).
/// [`ignored`](Self::ignored) lists them with the reasons.
///
/// ```
/// use jwt_core::keys::{KeyErrorKind, KeySet};
///
/// let set = KeySet::from_jwks(
///     r#"{"keys":[
///         {"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
///         {"kty":"OKP","crv":"X25519","x":"3p7bfXt9wbTTW2HC7OQ1Nz-DQ8hbeGdNrfx-FG-IK08"}
///     ]}"#,
/// )?;
/// assert_eq!(set.keys().len(), 1);
/// for (index, error) in set.ignored() {
///     assert_eq!((index, error.kind()), (1, KeyErrorKind::UnsupportedKeyType));
/// }
/// # Ok::<(), jwt_core::keys::KeyError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
    ignored: Vec<IgnoredKey>,
}

/// A key of a set that isn't used, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IgnoredKey {
    pub(crate) index: usize,
    pub(crate) error: KeyError,
}

impl IgnoredKey {
    pub(crate) const fn new(index: usize, error: KeyError) -> Self {
        Self { index, error }
    }
}

impl fmt::Display for IgnoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {} is ignored: {}", self.index, self.error)
    }
}

impl KeySet {
    /// Reads the public keys of a JWK Set. RFC 7517 section 5.
    ///
    /// An object whose values are certificates or public keys in PEM is read too, with its names as `kid`s: Google publishes
    /// such objects beside its JWK Sets.
    ///
    /// Private keys and shared secrets are ignored, because a public set exposes them. A key is also ignored if it,
    /// or an object in it, has more than 100 members, or if its `key_ops` has more than 16 entries. If no key is
    /// usable, the result is an empty set rather than an error. A byte order mark before the set is ignored.
    ///
    /// # Errors
    ///
    /// [`Malformed`](KeyErrorKind::Malformed) if the text isn't a JSON object with one array `keys`,
    /// [`TooLarge`](KeyErrorKind::TooLarge) if it has more than 512 KiB or more than 100 keys.
    pub fn from_jwks(json: &str) -> Result<Self, KeyError> {
        Self::read(json, Expected::Public, MAX_KEYS)
    }

    /// Reads the keys of a SPIFFE trust domain that sign JWT-SVIDs from its bundle: the ones whose `use` is `jwt-svid`. SPIFFE
    /// Trust Domain and Bundle section 4.
    ///
    /// # Errors
    ///
    /// The errors of [`from_jwks`](Self::from_jwks).
    ///
    /// ```
    /// use jwt_core::keys::KeySet;
    ///
    /// let bundle = r#"{"keys":[{"kty":"EC","use":"jwt-svid","kid":"1","crv":"P-256",
    ///     "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}"#;
    /// assert_eq!(KeySet::from_spiffe_bundle(bundle)?.keys().len(), 1);
    /// # Ok::<(), jwt_core::keys::KeyError>(())
    /// ```
    pub fn from_spiffe_bundle(json: &str) -> Result<Self, KeyError> {
        Self::read(json, Expected::Spiffe, MAX_KEYS)
    }

    /// Reads a set that was fetched.
    #[cfg(feature = "remote")]
    pub(crate) fn from_fetched(json: &str, spiffe: bool, max_keys: usize) -> Result<Self, KeyError> {
        Self::read(json, if spiffe { Expected::Spiffe } else { Expected::Public }, max_keys)
    }

    /// Returns the positions of the usable keys in the set.
    #[cfg(feature = "remote")]
    pub(crate) fn positions(&self) -> Vec<usize> {
        let mut ignored = self.ignored.iter().map(|key| key.index).peekable();
        let all = 0..self.keys.len() + self.ignored.len();
        all.filter(|index| ignored.next_if_eq(index).is_none()).collect()
    }

    /// Reads the shared secrets (`kty` `oct`) of a JWK Set. Keep that set as secret as the keys.
    ///
    /// # Errors
    ///
    /// [`PublicKeyAsSecret`](KeyErrorKind::PublicKeyAsSecret) or [`PrivateKey`](KeyErrorKind::PrivateKey) if the set
    /// has a public or private key, and the errors of [`from_jwks`](Self::from_jwks).
    pub fn from_symmetric_jwks(json: &str) -> Result<Self, KeyError> {
        let set = Self::read(json, Expected::Secret, MAX_KEYS)?;
        let mixed = set
            .ignored
            .iter()
            .find(|ignored| matches!(ignored.error.kind(), KeyErrorKind::PublicKeyAsSecret | KeyErrorKind::PrivateKey));
        match mixed {
            Some(ignored) => Err(ignored.error),
            None => Ok(set),
        }
    }

    /// Returns the usable keys, in the order of the set.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }

    /// Returns each ignored key's position in the set, counted from zero, and why it isn't used.
    pub fn ignored(&self) -> impl Iterator<Item = (usize, &KeyError)> {
        self.ignored.iter().map(|key| (key.index, &key.error))
    }

    /// Returns the ignored keys.
    pub(crate) fn ignored_keys(&self) -> &[IgnoredKey] {
        &self.ignored
    }

    fn read(json: &str, expected: Expected, max_keys: usize) -> Result<Self, KeyError> {
        if json.len() > MAX_BYTES {
            return Err(KeyError::new(KeyErrorKind::TooLarge, "the key set is longer than 512 KiB"));
        }
        // RFC 8259 section 8.1 lets a reader ignore a byte order mark.
        let json = json.strip_prefix('\u{feff}').unwrap_or(json);
        let (mut keys, mut pems, mut is_key) = (None, Some(Vec::new()), false);
        json::object(json, Unique::Outermost, |name, value| {
            match name {
                "keys" => keys = Some(value),
                "kty" => is_key = true,
                _ => {}
            }
            match (&mut pems, value.as_text().filter(|text| text.trim_start().starts_with("-----BEGIN "))) {
                (Some(pems), Some(text)) => pems.push((name.to_owned(), text)),
                _ => pems = None,
            }
        })
        .map_err(|error| not_json(json, error))?;
        match pems.filter(|pems| !pems.is_empty()) {
            Some(pems) if expected == Expected::Public => return Self::from_pems(pems, max_keys),
            _ => {}
        }
        let Some(Value::Array(keys)) = keys else {
            return Err(KeyError::malformed(if is_key {
                "the text is a single JWK, not a set; write `{\"keys\":[…]}` around it"
            } else {
                "the key set has no array `keys`"
            }));
        };
        let mut set = Self::default();
        let (mut index, mut outcome) = (0, Ok(()));
        json::array(keys, |key| {
            if outcome.is_ok() {
                let vetted = match key {
                    Value::Object(text) => jwk::vet(text, expected).map(Key::from),
                    _ => Err(KeyError::malformed("the key is not a JSON object")),
                };
                outcome = set.push_below(max_keys, index, vetted);
                index += 1;
            }
        })
        .map_err(|_| KeyError::malformed("the key set is not JSON"))?;
        outcome.map(|()| set)
    }

    /// Reads public keys or certificates in PEM by their `kid`.
    fn from_pems(pems: Vec<(String, Cow<'_, str>)>, max_keys: usize) -> Result<Self, KeyError> {
        let mut set = Self::default();
        for (index, (kid, pem)) in pems.into_iter().enumerate() {
            let key = match kid.len() {
                0..=MAX_KID_BYTES => {
                    pem::public_key(pem.as_bytes()).map(|material| Key::undeclared(material).with_kid(kid))
                }
                _ => Err(KeyError::long_kid()),
            };
            set.push_below(max_keys, index, key)?;
        }
        Ok(set)
    }

    #[cfg(any(feature = "jsonwebtoken-11", feature = "jsonwebtoken-12"))]
    pub(crate) fn push(&mut self, index: usize, vetted: Result<Key, KeyError>) -> Result<(), KeyError> {
        self.push_below(MAX_KEYS, index, vetted)
    }

    fn push_below(&mut self, max_keys: usize, index: usize, vetted: Result<Key, KeyError>) -> Result<(), KeyError> {
        if index >= max_keys {
            return Err(KeyError::new(
                KeyErrorKind::TooLarge,
                "the key set has more keys than are allowed; for fetched keys, `KeyRefreshSettings::max_keys` sets the limit",
            ));
        }
        match vetted {
            Ok(key) => self.keys.push(key),
            Err(error) => self.ignored.push(IgnoredKey { index, error }),
        }
        Ok(())
    }
}

/// Returns the error for a text that isn't a JSON object. It names the form that the text seems to have.
fn not_json(text: &str, error: JsonError) -> KeyError {
    let start = text.trim_start();
    KeyError::malformed(if start.is_empty() {
        "the text is empty, and not a key set"
    } else if start.starts_with('[') {
        "the text is a JSON array, not a key set; write `{\"keys\":…}` around it"
    } else if start.starts_with("-----BEGIN ") {
        "the text is PEM, not a key set: read it with `Key::from_pem`, or with `pem_file` in a configuration"
    } else if start.starts_with('<') {
        "the text is HTML or XML, not a key set"
    } else if start.starts_with("eyJ") {
        "the text is encrypted or a token, not a key set: decrypt it first"
    } else {
        error.message()
    })
}

impl From<Key> for KeySet {
    fn from(key: Key) -> Self {
        Self { keys: vec![key], ignored: Vec::new() }
    }
}

impl FromIterator<Key> for KeySet {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        Self { keys: keys.into_iter().collect(), ignored: Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    const SECRET: &str = r#"{"kty":"oct","k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0i"}"#;

    fn set(keys: &[&str]) -> String {
        format!("{{\"keys\":[{}],\"more\":1}}", keys.join(","))
    }

    #[test]
    fn a_bad_key_is_ignored_and_the_others_are_kept() {
        for (bad, kind) in [
            ("null", KeyErrorKind::Malformed),
            ("\"x\"", KeyErrorKind::Malformed),
            ("[]", KeyErrorKind::Malformed),
            ("{}", KeyErrorKind::Malformed),
            (r#"{"kty":"OKP","kty":"OKP"}"#, KeyErrorKind::Malformed),
            (r#"{"kty":"RSA","use":1}"#, KeyErrorKind::Malformed),
            (r#"{"kty":"new"}"#, KeyErrorKind::UnsupportedKeyType),
            (r#"{"kty":"RSA","use":"enc"}"#, KeyErrorKind::WrongUse),
            (r#"{"kty":"RSA","d":"AQAB"}"#, KeyErrorKind::PrivateKey),
            (SECRET, KeyErrorKind::SymmetricKey),
        ] {
            let set = KeySet::from_jwks(&set(&[GOOD, bad, GOOD])).unwrap();
            assert_eq!(set.keys().len(), 2, "{bad}");
            let ignored: Vec<_> = set.ignored().map(|(index, error)| (index, error.kind())).collect();
            assert_eq!(ignored, [(1, kind)], "{bad}");
        }
    }

    #[test]
    fn a_text_that_is_not_a_key_set_is_an_error() {
        for text in ["", "[[]]", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":null}"#, r#"{"keys":[],"keys":[]}"#, "<html>"]
        {
            assert_eq!(KeySet::from_jwks(text).unwrap_err().kind(), KeyErrorKind::Malformed, "{text}");
        }
        assert!(KeySet::from_jwks(r#"{"keys":[]}"#).unwrap().keys().is_empty());
    }

    #[test]
    fn a_set_that_exceeds_a_limit_is_an_error() {
        assert_eq!(KeySet::from_jwks(&set(&[GOOD; MAX_KEYS])).unwrap().keys().len(), MAX_KEYS);
        let error = KeySet::from_jwks(&set(&[GOOD; MAX_KEYS + 1])).unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::TooLarge);
        let error = KeySet::from_jwks(&set(&["null"; 10_000])).unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::TooLarge);
        let padded = format!("{}{}", set(&[GOOD]), " ".repeat(MAX_BYTES));
        assert_eq!(KeySet::from_jwks(&padded).unwrap_err().kind(), KeyErrorKind::TooLarge);
    }

    #[test]
    fn a_set_of_secrets_must_not_have_public_keys() {
        assert_eq!(KeySet::from_symmetric_jwks(&set(&[SECRET, "{}"])).unwrap().keys().len(), 1);
        let error = KeySet::from_symmetric_jwks(&set(&[SECRET, GOOD])).unwrap_err();
        assert_eq!(error.kind(), KeyErrorKind::PublicKeyAsSecret);
    }

    #[test]
    fn debug_output_of_a_set_shows_no_names_or_numbers() {
        let text = set(&[
            r#"{"kty":"OKP","crv":"Ed25519","kid":"NAME","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#,
            r#"{"kty":"NAME","kid":"NAME"}"#,
        ]);
        let set = KeySet::from_jwks(&text).unwrap();
        let printed = format!("{set:?} {}", set.ignored_keys()[0]);
        assert!(!printed.contains("NAME") && !printed.contains("11qY") && !printed.contains("215"), "{printed}");
    }
}
