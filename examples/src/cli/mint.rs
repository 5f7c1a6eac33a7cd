//! `jwt mint`: makes a token, for tests and for trying a service out.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use jwt_core::crypto::SigningKey;
use jwt_core::{Algorithm, Clock as _, SystemClock};
use serde_json::{Map, Value, json};

use super::CliError;
use super::key_file::KeyFile;
use super::time::Moment;
use super::trust::without_line_end;

/// The options of `mint`.
#[derive(Args, Clone, Debug)]
pub(super) struct Mint {
    /// A file with a private key: PEM or a JWK
    #[arg(long, value_name = "FILE", required_unless_present = "secret_file", conflicts_with = "secret_file")]
    key: Option<PathBuf>,

    /// A file with a shared secret; a line end at its end is left out
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,

    /// The algorithm. Default: the first that fits the key, or HS256 for a secret
    #[arg(long, value_name = "NAME")]
    algorithm: Option<Algorithm>,

    /// The `iss`
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,

    /// The `aud`; may be repeated
    #[arg(long, value_name = "NAME")]
    audience: Vec<String>,

    /// The `sub`
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,

    /// Any claim: a value that is JSON is taken as such, and any other as a string; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    claim: Vec<(String, Value)>,

    /// Claims as a JSON object
    #[arg(long, value_name = "JSON", value_parser = object)]
    claims: Option<Members>,

    /// How long the token is valid, in seconds; a negative number makes a token that has ended
    #[arg(long, value_name = "SECONDS", default_value_t = 300, allow_negative_numbers = true)]
    expires_in: i64,

    /// The header's `typ`
    #[arg(long = "type", value_name = "NAME", default_value = "at+jwt")]
    token_type: String,

    /// The header's `kid`. Default: the key's name, or its thumbprint
    #[arg(long, value_name = "NAME")]
    kid: Option<String>,

    /// The time of `iat`, in RFC 3339 or as seconds since 1970. Default: now
    #[arg(long, value_name = "TIME", value_parser = |text: &str| text.parse::<Moment>().map(|moment| moment.0))]
    now: Option<u64>,
}

/// A JSON object.
#[derive(Clone, Debug)]
struct Members(Map<String, Value>);

impl Mint {
    pub(super) fn run(self, output: &mut dyn Write) -> Result<u8, CliError> {
        let key = self.signing_key()?;
        let mut header = Map::from_iter([
            ("alg".to_owned(), json!(key.algorithm().name())),
            ("typ".to_owned(), json!(self.token_type)),
        ]);
        header.extend(key.kid().map(|kid| ("kid".to_owned(), json!(kid))));
        let claims = self.claims();
        let input = format!("{}.{}", encode(Value::from(header).to_string()), encode(Value::from(claims).to_string()));
        let signature = key.sign(input.as_bytes()).map_err(|error| CliError::Usage(error.to_string()))?;
        writeln!(output, "{input}.{}", encode(signature))?;
        Ok(0)
    }

    fn signing_key(&self) -> Result<SigningKey, CliError> {
        let file = match (&self.key, &self.secret_file) {
            (_, Some(path)) => {
                let bytes = fs::read(path).map_err(CliError::file(path))?;
                let algorithm = self.algorithm.unwrap_or(Algorithm::HS256);
                let key = SigningKey::from_secret(algorithm, without_line_end(&bytes)).map_err(CliError::key(path))?;
                KeyFile::Private(key)
            }
            (path, None) => KeyFile::read(path.as_deref().unwrap_or("".as_ref()), self.algorithm)?,
        };
        match file.named(self.kid.as_deref()) {
            KeyFile::Private(key) => Ok(key),
            KeyFile::Public(_) => {
                Err(CliError::Usage("this is a public key, which can't sign: give the private one".to_owned()))
            }
        }
    }

    /// Puts the claims together. Claims given by name replace the usual ones.
    fn claims(self) -> Map<String, Value> {
        let now = self.now.unwrap_or_else(|| SystemClock.now().as_secs());
        let mut claims = Map::from_iter([("iat".to_owned(), json!(now))]);
        claims.insert("exp".to_owned(), json!(i64::try_from(now).unwrap_or(i64::MAX).saturating_add(self.expires_in)));
        claims.extend(self.issuer.map(|name| ("iss".to_owned(), json!(name))));
        claims.extend(self.subject.map(|name| ("sub".to_owned(), json!(name))));
        match &self.audience[..] {
            [] => {}
            [name] => drop(claims.insert("aud".to_owned(), json!(name))),
            names => drop(claims.insert("aud".to_owned(), json!(names))),
        }
        claims.extend(self.claims.map(|members| members.0).unwrap_or_default());
        claims.extend(self.claim);
        claims
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn claim(text: &str) -> Result<(String, Value), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

fn object(text: &str) -> Result<Members, String> {
    serde_json::from_str(text).map(Members).map_err(|error| format!("this isn't a JSON object: {error}"))
}
