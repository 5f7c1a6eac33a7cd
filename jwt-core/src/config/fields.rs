use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, SeqAccess, Visitor};
use zeroize::Zeroizing;

use super::names::Names;
use super::units::{DurationSetting, SizeSetting};

/// The settings of a verifier, read from a file or from environment variables.
///
/// Deserialize it, or read it with [`from_env`](Self::from_env). Then turn it into a builder with
/// [`into_builder`](Self::into_builder) or `TryFrom`. The guide's page [configuration](crate::guide::configuration) lists all
/// settings.
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
    #[serde(deserialize_with = "tables")]
    pub(super) issuers: Vec<IssuerConfig>,
    pub(super) leeway: Option<DurationSetting>,
    pub(super) max_token_bytes: Option<SizeSetting>,
    pub(super) realm: Option<String>,
    /// Each scope with the scopes that it implies.
    pub(super) scope_implies: BTreeMap<String, StringList>,
    pub(super) sources: SourcesConfig,
    #[serde(deserialize_with = "tables")]
    pub(super) resources: Vec<ResourceConfig>,
    pub(super) challenges: Option<StringList>,
    pub(super) token_cache: Option<CacheConfig>,
    pub(super) ready_with_any_issuer: bool,
    pub(super) dpop: Option<DpopConfig>,
    pub(super) certificate: Option<CertificateConfig>,
    #[serde(skip)]
    pub(super) names: Names,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct IssuerConfig {
    pub(super) issuer: Option<String>,
    pub(super) dangerous_any_issuer: bool,
    /// A SPIFFE trust domain, instead of an issuer.
    pub(super) spiffe: Option<String>,
    /// The trust domain of transaction tokens, instead of an issuer.
    pub(super) transaction_tokens: Option<String>,
    pub(super) discover: Option<bool>,
    pub(super) metadata_url: Option<String>,
    pub(super) dangerous_http_hosts: Option<StringList>,
    pub(super) jwks_url: Option<String>,
    pub(super) jwks_file: Option<PathBuf>,
    pub(super) pem_file: Option<PathBuf>,
    pub(super) pem: Option<HiddenString>,
    pub(super) secret_file: Option<PathBuf>,
    pub(super) secret_env: Option<String>,
    /// Always refused. It's a known field because a loader's error about an unknown one may quote the line, secret included.
    pub(super) secret: Option<Ignored>,
    /// The secret from the environment.
    #[serde(skip)]
    pub(super) given_secret: Option<HiddenString>,
    pub(super) previous_secret_file: Option<PathBuf>,
    pub(super) previous_secret_env: Option<String>,
    /// Always refused, like `secret`.
    pub(super) previous_secret: Option<Ignored>,
    /// The previous secret from the environment.
    #[serde(skip)]
    pub(super) given_previous_secret: Option<HiddenString>,
    pub(super) try_keys_in_turn: bool,
    pub(super) algorithm: Option<String>,
    pub(super) algorithms: Option<StringList>,
    pub(super) audience: Option<StringList>,
    pub(super) all_audiences: Option<StringList>,
    pub(super) dangerous_any_audience: bool,
    pub(super) audience_claim: Option<String>,
    pub(super) access_token_profile: bool,
    pub(super) token_types: Option<StringList>,
    pub(super) allow_missing_type: bool,
    pub(super) dangerous_accept_id_tokens: bool,
    pub(super) numeric_identifiers: bool,
    pub(super) require_claims: Option<StringList>,
    pub(super) subject: Option<String>,
    pub(super) claims: BTreeMap<String, String>,
    pub(super) max_age: Option<DurationSetting>,
    pub(super) max_lifetime: Option<DurationSetting>,
    pub(super) dangerous_without_expiry: bool,
    pub(super) dpop: Option<String>,
    pub(super) mutual_tls: Option<String>,
    pub(super) fapi2: bool,
    pub(super) refresh: Option<RefreshConfig>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RefreshConfig {
    pub(super) lifetime: Option<DurationSetting>,
    pub(super) least_lifetime: Option<DurationSetting>,
    pub(super) most_lifetime: Option<DurationSetting>,
    pub(super) stale_if_error: Option<DurationSetting>,
    pub(super) timeout: Option<DurationSetting>,
    pub(super) max_bytes: Option<SizeSetting>,
    pub(super) max_keys: Option<usize>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SourcesConfig {
    pub(super) authorization: Option<bool>,
    pub(super) cookies: Option<StringList>,
    pub(super) queries: Option<StringList>,
    pub(super) headers: Option<StringList>,
    pub(super) bearer_headers: Option<StringList>,
    pub(super) websocket_protocol: bool,
    pub(super) dangerous_first_source_wins: bool,
    pub(super) dangerous_without_csrf_protection: bool,
    pub(super) csrf: Option<CsrfConfig>,
}

/// How requests with a token in a cookie are checked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CsrfConfig {
    pub(super) allow_origin: Option<StringList>,
    pub(super) header: Option<String>,
    pub(super) form_field: Option<String>,
    pub(super) safe_methods: Option<StringList>,
    pub(super) dangerous_safe_methods: Option<StringList>,
    pub(super) require_claim: bool,
}

/// A protected resource and its published metadata.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct ResourceConfig {
    pub(super) resource: String,
    pub(super) authorization_servers: Option<StringList>,
    pub(super) scopes: Option<StringList>,
    pub(super) name: Option<String>,
    pub(super) documentation: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) terms: Option<String>,
    pub(super) jwks_uri: Option<String>,
}

/// How verified tokens are cached.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CacheConfig {
    pub(super) enabled: Option<bool>,
    pub(super) max_entries: Option<usize>,
    pub(super) max_bytes: Option<SizeSetting>,
    pub(super) digests: bool,
}

/// How proofs are checked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct DpopConfig {
    pub(super) url: Option<String>,
    pub(super) proxies: Option<StringList>,
    pub(super) nonce_secret_file: Option<PathBuf>,
    pub(super) nonce_period: Option<DurationSetting>,
    pub(super) max_age: Option<DurationSetting>,
    pub(super) leeway: Option<DurationSetting>,
}

/// Where the certificates of clients are, if TLS ends at a proxy.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct CertificateConfig {
    pub(super) header: Option<String>,
    pub(super) proxies: Option<StringList>,
}

/// A string or a list of strings.
#[derive(Clone, Debug, Default)]
pub(super) struct StringList(pub(super) Vec<String>);

/// A string that `Debug` does not show.
#[derive(Clone)]
pub(super) struct HiddenString(pub(super) Zeroizing<String>);

/// A field whose value is dropped when it's read.
#[derive(Clone, Debug)]
pub(super) struct Ignored;

/// Reads a list of tables. A single table is the most common mistake in TOML, so the error says how a list is written.
fn tables<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    struct Tables<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Tables<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of tables (in TOML with two brackets, such as `[[issuers]]`)")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<T>, A::Error> {
            let mut tables = Vec::new();
            while let Some(table) = list.next_element()? {
                tables.push(table);
            }
            Ok(tables)
        }
    }

    deserializer.deserialize_seq(Tables(PhantomData))
}

impl<'de> Deserialize<'de> for StringList {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMany;

        impl<'de> Visitor<'de> for OneOrMany {
            type Value = StringList;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<StringList, E> {
                Ok(StringList(vec![value.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<StringList, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(StringList(values))
            }
        }

        deserializer.deserialize_any(OneOrMany)
    }
}

impl<'de> Deserialize<'de> for HiddenString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

impl From<String> for HiddenString {
    fn from(value: String) -> Self {
        Self(Zeroizing::new(value))
    }
}

impl fmt::Debug for HiddenString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

impl<'de> Deserialize<'de> for Ignored {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_for_a_single_table_says_how_a_list_is_written() {
        for toml in ["[issuers]\nissuer = 'a'", "[resources]\nresource = 'https://a.example'", "issuers = 'a'"] {
            let error = toml::from_str::<VerifierConfig>(toml).expect_err(toml).to_string();
            assert!(error.contains("`[[issuers]]`"), "{error}");
        }
    }

    #[test]
    fn a_list_may_be_written_as_one_string() {
        for (json, expected) in [("\"a,b\"", &["a,b"][..]), ("[\"a\",\"b\"]", &["a", "b"]), ("[]", &[])] {
            assert_eq!(serde_json::from_str::<StringList>(json).unwrap().0, expected);
        }
        for json in ["1", "[1]", "null", "{}"] {
            assert!(serde_json::from_str::<StringList>(json).is_err(), "{json}");
        }
    }

    #[test]
    fn debug_shows_neither_secret_nor_pem() {
        let text = "[[issuers]]\npem = 'PUBLIC-TEXT'\nsecret = 'SECRET-TEXT'\n";
        let mut config: VerifierConfig = toml::from_str(text).unwrap();
        config.issuers[0].given_secret = Some(HiddenString::from("SECRET-TEXT".to_owned()));
        let printed = format!("{config:?} {config:#?}");
        assert!(!printed.contains("-TEXT"), "{printed}");
        assert!(printed.contains("(hidden)"), "{printed}");
    }

    #[test]
    fn an_unknown_field_is_refused_in_every_table() {
        for text in [
            "issuer = 'a'",
            "leeway_seconds = 1",
            "names = 'x'",
            "[[issuers]]\naudeince = 'a'",
            "[[issuers]]\ngiven_secret = 'a'",
            "[[issuers]]\n[issuers.refresh]\nttl = 1",
            "[sources]\nform = 'a'",
            "[sources.csrf]\nallow_origins = 'a'",
            "[[resources]]\nurl = 'a'",
            "[token_cache]\nentries = 1",
            "[dpop]\nsecret = 'a'",
            "[certificate]\nname = 'a'",
        ] {
            let message = toml::from_str::<VerifierConfig>(text).unwrap_err().to_string();
            assert!(message.contains("unknown field"), "{message}");
        }
    }

    #[test]
    fn the_files_in_the_guide_are_valid() {
        let guide = include_str!("../../doc/configuration.md");
        let files: Vec<_> = guide.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert_eq!(files.len(), 2);
        for file in files {
            assert!(toml::from_str::<VerifierConfig>(file).is_ok(), "{file}");
        }
    }

    #[test]
    fn configurations_are_send_sync_and_clone() {
        fn assert<T: Send + Sync + Clone>() {}
        assert::<VerifierConfig>();
    }
}
