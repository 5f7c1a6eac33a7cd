use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::env::Names;
use super::human::{Size, Span};

/// What a verifier is made of, as text says it. The fields are described in [the room's documentation](super).
///
/// Deserialize it, or take it from variables with [`from_env`](Self::from_env); then make a builder of it with
/// [`into_builder`](Self::into_builder) or `TryFrom`.
///
/// ```
/// use jwt_core::config::VerifierConfig;
///
/// let json = r#"{ "issuers": [{ "issuer": "https://id.example", "audience": "api", "discover": true }] }"#;
/// assert!(serde_json::from_str::<VerifierConfig>(json).is_ok());
/// assert!(serde_json::from_str::<VerifierConfig>(r#"{ "leway": "30s" }"#).is_err());
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct VerifierConfig {
    pub(super) issuers: Vec<IssuerConfig>,
    pub(super) leeway: Option<Span>,
    pub(super) max_token_bytes: Option<Size>,
    pub(super) realm: Option<String>,
    pub(super) sources: SourcesConfig,
    #[serde(skip)]
    pub(super) names: Names,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct IssuerConfig {
    pub(super) issuer: Option<String>,
    pub(super) dangerous_any_issuer: bool,
    pub(super) discover: Option<bool>,
    pub(super) metadata_url: Option<String>,
    pub(super) jwks_url: Option<String>,
    pub(super) jwks_file: Option<PathBuf>,
    pub(super) pem_file: Option<PathBuf>,
    pub(super) pem: Option<Hidden>,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) secret_env: Option<String>,
    /// Known so that it is refused by its name alone: a loader's complaint about an unknown field may quote the line.
    pub(super) secret: Option<Discarded>,
    /// The secret from a variable.
    #[serde(skip)]
    pub(super) given_secret: Option<Hidden>,
    pub(super) algorithm: Option<String>,
    pub(super) algorithms: Option<Texts>,
    pub(super) audience: Option<Texts>,
    pub(super) all_audiences: Option<Texts>,
    pub(super) dangerous_any_audience: bool,
    pub(super) audience_claim: Option<String>,
    pub(super) access_token_profile: bool,
    pub(super) token_types: Option<Texts>,
    pub(super) require_claims: Option<Texts>,
    pub(super) subject: Option<String>,
    pub(super) claims: BTreeMap<String, String>,
    pub(super) max_age: Option<Span>,
    pub(super) max_lifetime: Option<Span>,
    pub(super) dangerous_without_expiry: bool,
    pub(super) refresh: Option<RefreshConfig>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RefreshConfig {
    pub(super) lifetime: Option<Span>,
    pub(super) least_lifetime: Option<Span>,
    pub(super) most_lifetime: Option<Span>,
    pub(super) stale_if_error: Option<Span>,
    pub(super) timeout: Option<Span>,
    pub(super) max_bytes: Option<Size>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SourcesConfig {
    pub(super) authorization: Option<bool>,
    pub(super) cookies: Option<Texts>,
    pub(super) queries: Option<Texts>,
    pub(super) headers: Option<Texts>,
}

/// One text or a list of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Texts(pub(super) Vec<String>);

/// Text that is not shown.
#[derive(Clone)]
pub(super) struct Hidden(pub(super) Zeroizing<String>);

/// A value of which nothing is kept.
#[derive(Clone, Debug)]
pub(super) struct Discarded;

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Texts, E> {
                Ok(Texts(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Texts, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = list.next_element()? {
                    texts.push(text);
                }
                Ok(Texts(texts))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl<'de> Deserialize<'de> for Discarded {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_text_or_a_list() {
        for (json, expected) in [("\"a,b\"", &["a,b"][..]), ("[\"a\",\"b\"]", &["a", "b"]), ("[]", &[])] {
            assert_eq!(serde_json::from_str::<Texts>(json).unwrap().0, expected);
        }
        for json in ["1", "[1]", "null", "{}"] {
            assert!(serde_json::from_str::<Texts>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn printing_a_configuration_shows_neither_secret_nor_pem() {
        let text = "[[issuers]]\npem = 'PUBLIC-TEXT'\nsecret = 'SECRET-TEXT'\n";
        let mut config: VerifierConfig = toml::from_str(text).unwrap();
        config.issuers[0].given_secret = Some(Hidden::from("SECRET-TEXT".to_owned()));
        let printed = format!("{config:?} {config:#?}");
        assert!(!printed.contains("-TEXT"), "{printed}");
        assert!(printed.contains("(hidden)"), "{printed}");
    }

    #[test]
    fn a_field_that_does_not_exist_is_refused_everywhere() {
        for text in [
            "issuer = 'a'",
            "leeway_seconds = 1",
            "names = 'x'",
            "[[issuers]]\naudeince = 'a'",
            "[[issuers]]\ngiven_secret = 'a'",
            "[[issuers]]\n[issuers.refresh]\nttl = 1",
            "[sources]\nform = 'a'",
        ] {
            let message = toml::from_str::<VerifierConfig>(text).unwrap_err().to_string();
            assert!(message.contains("unknown field"), "{message}");
        }
    }

    #[test]
    fn configurations_go_from_thread_to_thread() {
        fn assert<T: Send + Sync + Clone>() {}
        assert::<VerifierConfig>();
    }
}
