//! `jwt keys`: makes keys, and converts them between PEM and JWK.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use jwt_core::Algorithm;
use jwt_core::crypto::SigningKey;
use jwt_core::keys::KeyError;
use serde_json::json;

use super::CliError;
use super::key_file::{KeyFile, thumbprint};

/// The options of `keys`.
#[derive(Args, Clone, Debug)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, Subcommand)]
enum Command {
    /// Makes a new private key, or a secret for HS256, HS384 and HS512
    Generate(Generate),
    /// Converts a key between PEM and JWK
    Convert(Convert),
    /// Prints the thumbprint of a key (RFC 7638)
    Thumbprint {
        /// A file with a key: a JWK or PEM, public or private
        file: PathBuf,
    },
    /// Prints a JWK Set with the public keys of files
    Jwks {
        /// Files with keys: JWKs or PEM, public or private
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
}

#[derive(Args, Clone, Debug)]
struct Generate {
    /// The algorithm
    #[arg(long, value_name = "NAME", default_value = "ES256")]
    algorithm: Algorithm,

    /// The key's name in a JWK. Default: its thumbprint
    #[arg(long, value_name = "NAME")]
    kid: Option<String>,

    /// The form. Default: PEM, or a JWK for a secret
    #[arg(long, value_name = "FORM")]
    to: Option<Form>,

    /// Writes a new file that only you can read, instead of the standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Args, Clone, Debug)]
struct Convert {
    /// A file with a key: a JWK or PEM, public or private
    file: PathBuf,

    /// The form to convert to
    #[arg(long, value_name = "FORM")]
    to: Form,

    /// Leaves the private part out
    #[arg(long)]
    public: bool,

    /// The algorithm of a PEM. Default: the first one that fits, which is RS256 for RSA
    #[arg(long, value_name = "NAME")]
    algorithm: Option<Algorithm>,

    /// The key's name in a JWK. Default: the one that it has, or its thumbprint
    #[arg(long, value_name = "NAME")]
    kid: Option<String>,

    /// Writes a new file that only you can read, instead of the standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Jwk,
    Pem,
}

impl Keys {
    pub(super) fn run(self, output: &mut dyn Write) -> Result<u8, CliError> {
        match self.command {
            Command::Generate(generate) => generate.run(output)?,
            Command::Convert(convert) => convert.run(output)?,
            Command::Thumbprint { file } => {
                let key = KeyFile::read(&file, None)?.verification_key();
                let none =
                    || CliError::Usage("a secret has no thumbprint, because it would help to guess it".to_owned());
                writeln!(output, "{}", thumbprint(&key).ok_or_else(none)?)?;
            }
            Command::Jwks { files } => {
                let keys = files.iter().map(|file| public_jwk(file)).collect::<Result<Vec<_>, _>>()?;
                writeln!(output, "{}", json!({"keys": keys}))?;
            }
        }
        Ok(0)
    }
}

impl Generate {
    fn run(self, output: &mut dyn Write) -> Result<(), CliError> {
        let key = SigningKey::generate(self.algorithm).map_err(unusable)?;
        let usual = if self.algorithm.is_symmetric() { Form::Jwk } else { Form::Pem };
        let key = KeyFile::Private(key).named(self.kid.as_deref());
        write(&key, self.to.unwrap_or(usual), false, self.output.as_deref(), output)
    }
}

impl Convert {
    fn run(self, output: &mut dyn Write) -> Result<(), CliError> {
        let key = KeyFile::read(&self.file, self.algorithm)?.named(self.kid.as_deref());
        write(&key, self.to, self.public, self.output.as_deref(), output)
    }
}

fn write(key: &KeyFile, form: Form, public: bool, file: Option<&Path>, output: &mut dyn Write) -> Result<(), CliError> {
    let mut new;
    let output: &mut dyn Write = match file {
        None => output,
        Some(path) => {
            new = create(path).map_err(CliError::file(path))?;
            &mut new
        }
    };
    // An exported private key is overwritten when it's dropped, so it's written without a copy.
    match (key, form) {
        (KeyFile::Private(key), Form::Pem) if !public => {
            output.write_all(key.export_pkcs8_pem().map_err(unusable)?.as_bytes())?;
        }
        (KeyFile::Private(key), Form::Jwk) if !public => {
            writeln!(output, "{}", &*key.export_private_jwk().map_err(unusable)?)?;
        }
        (key, form) => {
            let key = key.verification_key();
            let text = match form {
                Form::Jwk => key.public_jwk().map(|jwk| format!("{jwk}\n")),
                Form::Pem => key.public_pem(),
            };
            let text = text.ok_or_else(|| CliError::Usage("a secret has no public part".to_owned()))?;
            output.write_all(text.as_bytes())?;
        }
    }
    Ok(output.flush()?)
}

/// Creates a file that only this user can read. An existing file isn't overwritten: it may be the only copy of a key.
fn create(path: &Path) -> std::io::Result<std::fs::File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn public_jwk(file: &Path) -> Result<serde_json::Value, CliError> {
    let key = KeyFile::read(file, None)?.named(None).verification_key();
    key.public_jwk()
        .ok_or_else(|| CliError::Usage(format!("{} is a secret, which must not be published", file.display())))
}

fn unusable(error: KeyError) -> CliError {
    CliError::Usage(error.to_string())
}
