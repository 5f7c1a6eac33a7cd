//! What errors call a setting: its path in a file, or its environment variable.

use std::borrow::Cow;

use crate::error::{BuildError, BuildErrorKind};

/// How the settings of a configuration are named in its errors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Names {
    /// By their path in the file: `issuers[0].audience`.
    #[default]
    Paths,
    /// By their environment variable, which starts with this prefix: `JWT_AUDIENCE`.
    Variables(String),
    /// By their environment variable if they are among these fields, otherwise by their path.
    Overlaid(String, Vec<&'static str>),
}

impl Names {
    /// The name of a setting of the whole verifier.
    pub(super) fn verifier(&self, field: &str) -> String {
        self.variable(field).unwrap_or_else(|| field.to_owned())
    }

    /// The name of a setting of one issuer.
    pub(super) fn issuer(&self, index: usize, field: &str) -> String {
        self.variable(field).unwrap_or_else(|| format!("issuers[{index}].{field}"))
    }

    /// The environment variable of a setting, if it comes from one.
    fn variable(&self, field: &str) -> Option<String> {
        match self {
            Self::Paths => None,
            Self::Overlaid(_, fields) if !fields.contains(&field) => None,
            Self::Variables(prefix) | Self::Overlaid(prefix, _) => Some(format!("{prefix}_{}", variable(field))),
        }
    }
}

/// The environment variable of a field, without the prefix: `refresh.timeout` becomes `REFRESH_TIMEOUT`.
pub(super) fn variable(field: &str) -> String {
    field.replace('.', "_").to_ascii_uppercase()
}

/// Names the settings of one issuer in errors.
pub(super) struct IssuerPaths<'c> {
    pub(super) names: &'c Names,
    pub(super) index: usize,
}

impl IssuerPaths<'_> {
    pub(super) fn of(&self, field: &str) -> String {
        self.names.issuer(self.index, field)
    }

    pub(super) fn conflict(&self, field: &str, other: &str) -> BuildError {
        conflict(self.of(field), &self.of(other))
    }

    pub(super) fn missing(&self, field: &str, instruction: &str) -> BuildError {
        let problem = format!("is missing: {instruction}");
        refused(BuildErrorKind::Undecided, self.of(field), problem)
    }
}

/// Returns the error of a setting, with words that follow its path.
pub(super) fn refused(
    kind: BuildErrorKind,
    path: impl Into<Cow<'static, str>>,
    problem: impl Into<Cow<'static, str>>,
) -> BuildError {
    BuildError::new(kind, "").at(path).because(problem)
}

/// Names the setting by its path in an error of the builder.
pub(super) fn at_path(error: BuildError, path: String) -> BuildError {
    match error.kind() {
        BuildErrorKind::AmbiguousKeys => error.at(path).because(
            "has keys that can't be told apart: give each a `kid`, or set try_keys_in_turn to true for the time of a rotation \
             (at most four keys)",
        ),
        BuildErrorKind::Undecided if error.setting() == "github_actions" => error.at(path).because(
            "must pin `repository_id` or `repository_owner_id`, because every workflow on GitHub can get a token for your audience",
        ),
        _ => error.at(path),
    }
}

/// Returns what's wrong with the form of a name from a file or a variable. Templates, shells and copying leave it there.
pub(super) fn malformed_name(name: &str) -> Option<&'static str> {
    let is_between = |start, end| name.len() > 1 && name.starts_with(start) && name.ends_with(end);
    if name.trim() != name {
        Some("has white space at its start or its end: remove it")
    } else if is_between('"', '"') || is_between('\'', '\'') {
        Some("is in quotes: remove them (`docker --env-file` keeps them, for example)")
    } else if name.starts_with('[') || name.starts_with("${") {
        Some(
            "is a list in brackets or a placeholder that nothing replaced: write the plain name; commas separate several",
        )
    } else {
        None
    }
}

pub(super) fn conflict(path: impl Into<Cow<'static, str>>, other: &str) -> BuildError {
    refused(BuildErrorKind::Contradiction, path, format!("conflicts with {other}: remove one of them"))
}

/// Returns the error's text without the quotes around the setting and without advice, so that tables of tests stay readable.
#[cfg(test)]
pub(super) fn plain(error: &BuildError) -> String {
    format!("{} {}", error.setting(), error.problem())
}
