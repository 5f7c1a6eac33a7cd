//! A verifier from a file or from the environment, without code.
//!
//! [`VerifierConfig`] is deserialized from whatever format a loader reads, or taken from variables by
//! [`VerifierConfig::from_env`]. It becomes a [`VerifierBuilder`](crate::VerifierBuilder), so that code can still add what
//! text cannot say: rules, an observer, a clock.
//!
//! ```
//! use jwt_core::authorize::check;
//! use jwt_core::config::VerifierConfig;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config: VerifierConfig = toml::from_str(
//!     r#"
//! leeway = "30s"
//! max_token_bytes = "8KiB"
//!
//! [sources]
//! cookies = "access_token"
//!
//! [[issuers]]
//! issuer = "https://id.example"
//! audience = ["https://api.example", "https://api.example/v2"]
//! max_age = "1h 30m"
//! algorithm = "EdDSA"
//! pem = """
//! -----BEGIN PUBLIC KEY-----
//! MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
//! -----END PUBLIC KEY-----
//! """
//! "#,
//! )?;
//! let not_retired = check("client", |token| token.registered().client_id() != Some("retired"));
//! let verifier = config.into_builder()?.require_token(not_retired).build()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Settings
//!
//! What is left out has the [defaults of the builder](crate#defaults). A field that is not in these tables is refused,
//! as are settings that contradict each other.
//!
//! | field | takes |
//! | --- | --- |
//! | `issuers` | a list of issuers |
//! | `leeway` | a duration: the clock difference that is tolerated |
//! | `max_token_bytes` | a size: the longest token |
//! | `realm` | text: the realm that challenges name |
//! | `sources.authorization` | `false` to leave the `Authorization` header alone |
//! | `sources.cookies`, `sources.queries`, `sources.headers` | names: other places of the token |
//!
//! Of each issuer:
//!
//! | field | takes |
//! | --- | --- |
//! | `issuer` | text: the name that tokens carry in `iss` |
//! | `dangerous_any_issuer` | `true` to accept every `iss`; see [`TrustedIssuer`](crate::TrustedIssuer::dangerous_any_issuer) |
//! | `discover` | `true`: keys by the issuer's metadata; needs the feature `remote` |
//! | `metadata_url` | an address: keys by the issuer's metadata, asked for there; needs the feature `remote` |
//! | `jwks_url` | an address: keys from a JWK Set; needs the feature `remote` |
//! | `jwks_file` | a file with a JWK Set of public keys |
//! | `pem_file`, `pem` | a file with, or the text of, one public key or certificate |
//! | `secret_file`, `secret_env` | a file, or the name of a variable, that holds a shared secret |
//! | `algorithm` | the algorithm of a key from PEM or of a secret; not needed where `algorithms` names exactly one |
//! | `algorithms` | names: the algorithms that are allowed |
//! | `audience` | names, any of which will do |
//! | `all_audiences` | names, all of which are required |
//! | `dangerous_any_audience` | `true` to accept every audience; see [`TrustedIssuer`](crate::TrustedIssuer::dangerous_any_audience) |
//! | `audience_claim` | text: the claim that holds the audience instead of `aud` |
//! | `access_token_profile` | `true` for access tokens of RFC 9068 alone |
//! | `token_types` | names: the values of `typ` that are accepted |
//! | `require_claims` | names: the claims that must be there |
//! | `subject` | text: the only `sub` that is accepted |
//! | `claims` | a table: claims that must be these texts |
//! | `dangerous_without_expiry` | `true` to accept tokens without `exp`; see [`TrustedIssuer`](crate::TrustedIssuer::dangerous_without_expiry) |
//! | `max_age`, `max_lifetime` | durations: since when, and for how long, a token may be valid |
//! | `refresh.lifetime` | a duration: how long a fetched set is fresh |
//! | `refresh.least_lifetime`, `refresh.most_lifetime` | durations: the bounds of what its issuer may say instead |
//! | `refresh.stale_if_error` | a duration: how long it is used while it cannot be renewed |
//! | `refresh.timeout`, `refresh.max_bytes` | a duration and a size: what fetching one document may take |
//!
//! Issuer, one kind of key and one decision on the audience are required. Names are one text or a list of texts. A
//! duration is a whole number of seconds or text with units, the largest first: `"90s"`, `"1h 30m"`, `"500ms"`, with `d`,
//! `h`, `m`, `s` and `ms`. A size is a whole number of bytes or text with one unit: `"16KiB"`, `"512KB"`, with `B`, `KB`,
//! `MB`, `KiB` and `MiB`. Text without a unit is refused: nobody can tell what `"10"` means.
//!
//! A relative file name is relative to the process's working directory. Files and variables are read when the
//! configuration becomes a builder. A text file that holds a secret may end with one line end, which is not part of it.
//!
//! There is no field for a secret itself. Configuration is copied, committed, printed and shown by tools that take it
//! for harmless; a secret belongs where its readers can be counted.
//! Besides, a loader that meets a misspelt field may quote its line, secret and all.
//!
//! # Variables
//!
//! The guide has [a page on it](crate::guide::variables).

mod build;
mod env;
mod error;
mod human;
mod issuer;
mod keys;
mod model;
mod place;
mod refresh;

pub use error::{ConfigError, ConfigErrorKind};
pub use model::VerifierConfig;
