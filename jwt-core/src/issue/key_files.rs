//! Signing keys in files: a directory of PEM and JSON files, or one JSON file.

use std::ffi::OsStr;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use zeroize::Zeroizing;

use crate::claims::NumericDate;
use crate::crypto::SigningKey;
use crate::jose::key_set::{MAX_BYTES, MAX_KEYS};
use crate::jose::{Algorithm, KeyError};
use crate::json::{self, Unique, Value};

use super::key_list::ListedKey;
use crate::error::{BuildError, BuildErrorKind};

/// Reads the keys of a directory, or of one file. Symbolic links are followed once, so that all files are of one version.
pub(super) fn read(path: &Path) -> Result<Vec<ListedKey>, BuildError> {
    let place = resolve(path)?;
    let keys = read_resolved(path, &place);
    // Kubernetes removes the old version file by file, soon after it has moved the link.
    let current = resolve(path)?;
    if current == place { keys } else { read_resolved(path, &current) }
}

/// Follows the links to a path, and the link by which Kubernetes changes all files of a volume at once.
fn resolve(path: &Path) -> Result<PathBuf, BuildError> {
    let place = fs::canonicalize(path).map_err(|error| unreadable(path, &error))?;
    Ok(fs::canonicalize(place.join("..data")).unwrap_or(place))
}

fn read_resolved(path: &Path, place: &Path) -> Result<Vec<ListedKey>, BuildError> {
    let mut keys = Vec::new();
    if place.is_dir() {
        let entries = fs::read_dir(place).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        let mut files: Vec<PathBuf> = entries.map_err(|error: io::Error| unreadable(path, &error))?;
        files.retain(|file| !is_hidden(file) && !file.is_dir());
        files.sort();
        for file in files {
            read_file(&file, &file, &mut keys)?;
            // Reading thousands of keys would take long.
            if keys.len() > MAX_KEYS {
                return Err(too_large(path, "has more than 100 keys: remove those that have ended"));
            }
        }
    } else {
        read_file(place, path, &mut keys)?;
    }
    if keys.is_empty() {
        return Err(BuildError::new(BuildErrorKind::Missing, "")
            .at(name(path))
            .because("has no key: put at least one there"));
    }
    if keys.iter().filter(|key| key.signs_from.is_none() && !key.revoked).count() > 1 {
        let detail = "of several keys, at most one may leave out the moment from which it signs";
        return Err(BuildError::new(BuildErrorKind::Undecided, "nbf").because_of(Some(detail)));
    }
    Ok(keys)
}

fn is_hidden(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Reads one file. `named` is its name for people, which ends as a file name.
fn read_file(file: &Path, named: &Path, keys: &mut Vec<ListedKey>) -> Result<(), BuildError> {
    let extension = named.extension().and_then(OsStr::to_str).unwrap_or_default();
    if !matches!(extension, "pem" | "json" | "jwk" | "jwks") {
        let detail = "the name must end in .pem, .json, .jwk or .jwks";
        return Err(BuildError::new(BuildErrorKind::Unreadable, "").at(name(named)).because_of(Some(detail)));
    }
    let content = content(file, named)?;
    let bad = |about: String| move |error: KeyError| BuildError::from(error).at(about);
    if extension == "pem" {
        let (signs_from, algorithm) = parse_stem(named).ok_or_else(|| unreadable(named, &NO_MOMENT))?;
        let key = SigningKey::from_pem_of(algorithm, &content).map_err(bad(name(named)))?;
        keys.push(ListedKey { key, signs_from, revoked: false });
        return Ok(());
    }
    let not_text = |_| KeyError::malformed("the file isn't UTF-8");
    let text = std::str::from_utf8(&content).map_err(not_text).map_err(bad(name(named)))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let members = Members::read(text).map_err(bad(name(named)))?;
    let Some(set) = members.keys else {
        keys.push(members.key(text).map_err(bad(name(named)))?);
        return Ok(());
    };
    let (mut index, mut outcome) = (0, Ok(()));
    let read = json::array(set, |value| {
        if outcome.is_ok() {
            let key = match value {
                Value::Object(text) => Members::read(text).and_then(|members| members.key(text)),
                _ => Err(KeyError::malformed("the key is not a JSON object")),
            };
            outcome = key.map(|key| keys.push(key)).map_err(bad(format!("{}[{index}]", name(named))));
            index += 1;
        }
    });
    read.map_err(|error| bad(name(named))(KeyError::malformed(error.message())))?;
    outcome
}

/// Reads a file of bounded size into a buffer that is overwritten.
fn content(file: &Path, named: &Path) -> Result<Zeroizing<Vec<u8>>, BuildError> {
    let failed = |error: io::Error| unreadable(named, &error);
    // Opening a pipe would wait for its writer.
    if !fs::metadata(file).map_err(failed)?.is_file() {
        return Err(unreadable(named, &"it isn't a regular file"));
    }
    // Large enough from the start: growing would leave a copy of the key behind.
    let mut content = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 1));
    let mut file = File::open(file).map_err(failed)?.take(MAX_BYTES as u64 + 1);
    file.read_to_end(&mut content).map_err(failed)?;
    if content.len() > MAX_BYTES {
        return Err(too_large(named, "has more than 512 KiB: it must have only keys in it"));
    }
    Ok(content)
}

/// The members of a JWK, or of a set, that a list of signing keys reads itself.
#[derive(Default)]
struct Members<'a> {
    keys: Option<&'a str>,
    alg: Option<Value<'a>>,
    not_before: Option<Value<'a>>,
    expires: Option<Value<'a>>,
    revoked: Option<Value<'a>>,
}

impl<'a> Members<'a> {
    fn read(text: &'a str) -> Result<Self, KeyError> {
        let mut members = Self::default();
        let read = json::object(text, Unique::Outermost, |name, value| match (name, value) {
            (_, Value::Null) => {}
            ("keys", Value::Array(keys)) => members.keys = Some(keys),
            ("alg", _) => members.alg = Some(value),
            ("nbf", _) => members.not_before = Some(value),
            ("exp", _) => members.expires = Some(value),
            ("revoked", _) => members.revoked = Some(value),
            _ => {}
        });
        read.map_err(|error| KeyError::malformed(error.message()))?;
        Ok(members)
    }

    /// Reads a private JWK with the members that OpenID Federation 1.0 section 8.7.2 adds.
    fn key(&self, text: &str) -> Result<ListedKey, KeyError> {
        if self.expires.is_some() {
            return Err(KeyError::malformed("`exp` isn't supported: a key ends when its last token has expired"));
        }
        let signs_from = match self.not_before {
            None => None,
            Some(Value::Number(number)) => {
                let seconds = NumericDate::parse(number).and_then(|date| u64::try_from(date.seconds()).ok());
                Some(Duration::from_secs(seconds.ok_or(KeyError::malformed("`nbf` is out of range"))?))
            }
            Some(_) => return Err(KeyError::malformed("`nbf` must be a number: the seconds since 1970")),
        };
        let algorithm = match self.alg {
            Some(value) => value.as_text().and_then(|name| name.parse().ok()),
            None => None,
        };
        let key = SigningKey::from_jwk_of(algorithm, text)?;
        Ok(ListedKey { key, signs_from, revoked: self.revoked.is_some() })
    }
}

const NO_MOMENT: &str = "a name that begins with a digit must be a moment, as in `20270101T000000Z.pem` or \
                         `20270101T000000Z.PS256.pem`";

/// Reads the moment and the algorithm from a name such as `20270101T000000Z.PS256.pem`. Both may be missing. A moment with a
/// mistake is refused, because its key would never sign.
fn parse_stem(file: &Path) -> Option<(Option<Duration>, Option<Algorithm>)> {
    let stem = file.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let (rest, last) = stem.rsplit_once('.').unwrap_or(("", stem));
    let (stem, algorithm) = match last.parse() {
        Ok(algorithm) => (rest, Some(algorithm)),
        Err(_) => (stem, None),
    };
    let moment = parse_moment(stem);
    (moment.is_some() || !stem.starts_with(|first: char| first.is_ascii_digit())).then_some((moment, algorithm))
}

/// Reads the basic format of ISO 8601, `20270101T000000Z`: Kubernetes allows no colons in names.
fn parse_moment(text: &str) -> Option<Duration> {
    let digits = |range: std::ops::Range<usize>| {
        let digits = text.get(range)?;
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten()
    };
    if text.len() != 16 || text.as_bytes()[8] != b'T' || text.as_bytes()[15] != b'Z' {
        return None;
    }
    let (year, month, day) = (digits(0..4)?, digits(4..6)?, digits(6..8)?);
    let (hour, minute, second) = (digits(9..11)?, digits(11..13)?, digits(13..15)?);
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month.checked_sub(1)?).ok()?)?;
    if year < 1970 || day == 0 || day > length || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let before = year - 1;
    // The days before this year, less those before 1970.
    let years = before * 365 + before / 4 - before / 100 + before / 400 - 719_162;
    let days = years + lengths.iter().take(month as usize - 1).sum::<u64>() + day - 1;
    Some(Duration::from_secs(days * 86_400 + hour * 3_600 + minute * 60 + second))
}

fn unreadable(path: &Path, error: &dyn fmt::Display) -> BuildError {
    BuildError::new(BuildErrorKind::Unreadable, "").at(name(path)).because_of(Some(error))
}

fn too_large(path: &Path, problem: &'static str) -> BuildError {
    BuildError::new(BuildErrorKind::OutOfRange, "").at(name(path)).because(problem)
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_from_the_name_of_a_pem_file_and_a_mistaken_one_is_refused() {
        for (name, moment, algorithm) in [
            ("19700101T000000Z.pem", Some(0), None),
            ("20270101T000000Z.pem", Some(1_798_761_600), None),
            ("20240229T235959Z.pem", Some(1_709_251_199), None),
            ("20001231T120000Z.pem", Some(978_264_000), None),
            ("20270101T000000Z.PS256.pem", Some(1_798_761_600), Some(Algorithm::PS256)),
            ("PS256.pem", None, Some(Algorithm::PS256)),
            ("shop.PS256.pem", None, Some(Algorithm::PS256)),
            ("shop.blue.pem", None, None),
        ] {
            let read = parse_stem(Path::new(name));
            assert_eq!(read, Some((moment.map(Duration::from_secs), algorithm)), "{name}");
        }
        for name in [
            "20270101.pem",
            "2027-01-01T00:00:00Z.pem",
            "20270101T000000Z.PS265.pem",
            "20270101.PS256.pem",
            "20270001T000000Z.pem",
            "20271301T000000Z.pem",
            "20270229T000000Z.pem",
            "21000229T000000Z.pem",
            "20270101T240000Z.pem",
            "20270101T000000z.pem",
            "2027+101T000000Z.pem",
            "20270101Té00000.pem",
        ] {
            assert_eq!(parse_stem(Path::new(name)), None, "{name}");
        }
    }
}
