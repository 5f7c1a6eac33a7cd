use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;

use super::build_kind::BuildErrorKind;
use super::{Detail, Error, ErrorKind, advice};

/// Why something could not be built from its settings: a verifier, a table of routes, cookies, a key ring, or a token.
///
/// It names the setting and never contains its value.
///
/// ```
/// use jwt_core::{BuildErrorKind, TrustedIssuer, Verifier};
///
/// let issuer = TrustedIssuer::new("https://id.example");
/// let error = Verifier::builder().issuer(issuer).build().unwrap_err();
/// assert_eq!((error.kind(), error.setting()), (BuildErrorKind::Undecided, "audience"));
/// ```
///
/// It converts into an [`Error`] of the kind [`IssuingFailed`](ErrorKind::IssuingFailed), and into the adapters' `Rejection`, so
/// you can use `?` in a handler that issues tokens or sets cookies.
#[derive(Clone, PartialEq, Eq)]
pub struct BuildError {
    kind: BuildErrorKind,
    setting: Cow<'static, str>,
    problem: Cow<'static, str>,
    /// What to do, in the words of the builder that has the setting.
    hint: &'static str,
}

impl BuildError {
    pub(crate) const fn new(kind: BuildErrorKind, setting: &'static str) -> Self {
        Self { kind, setting: Cow::Borrowed(setting), problem: Cow::Borrowed(kind.problem()), hint: "" }
    }

    /// Replaces the kind's usual words, which follow the setting's name.
    pub(crate) fn because(self, problem: impl Into<Cow<'static, str>>) -> Self {
        Self { problem: problem.into(), ..self }
    }

    /// Adds what to do.
    pub(crate) fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    /// Adds the cause to the problem. It must not show a key.
    pub(crate) fn because_of(self, cause: Option<impl fmt::Display>) -> Self {
        match cause {
            Some(cause) => {
                let problem = format!("{}: {cause}", self.problem);
                self.because(problem)
            }
            None => self,
        }
    }

    /// Replaces the setting: by a path in a configuration, or by a name that isn't constant. A hint, which names methods, is
    /// dropped.
    pub(crate) fn at(self, setting: impl Into<Cow<'static, str>>) -> Self {
        Self { setting: setting.into(), hint: "", ..self }
    }

    /// Returns the words that follow the setting's name, without advice.
    #[cfg(all(test, feature = "config"))]
    pub(crate) fn problem(&self) -> &str {
        &self.problem
    }

    /// Returns the kind of problem.
    #[must_use]
    pub const fn kind(&self) -> BuildErrorKind {
        self.kind
    }

    /// Returns the stable name of [`kind`](Self::kind).
    #[must_use]
    pub const fn code(&self) -> &'static str {
        self.kind.code()
    }

    /// Returns the wrong setting: the name of the method that sets it, the path or the environment variable of a configuration, or
    /// the name of a claim, header or route as you wrote it.
    #[must_use]
    pub fn setting(&self) -> &str {
        &self.setting
    }
}

/// Issuing failed in a handler because of a setting or a bug: logged, and answered with 500. If a remote signer is unavailable,
/// the answer is 503.
impl From<BuildError> for Error {
    fn from(error: BuildError) -> Self {
        let kind = match error.kind {
            // The signer's outage is logged once a minute, not for each token.
            BuildErrorKind::SignerUnavailable => ErrorKind::SigningUnavailable,
            _ => {
                tracing::error!(%error, "a token could not be issued");
                ErrorKind::IssuingFailed
            }
        };
        Self::from(kind).with_detail(Detail::Text(error.to_string().into()))
    }
}

/// For conversions that cannot fail: a function that takes a [`ClaimPath`](crate::claims::ClaimPath) or a string takes both.
impl From<Infallible> for BuildError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = match self.hint {
            // Advice is for the usual problem; other words say what to do themselves.
            "" if self.problem.starts_with(self.kind.problem()) => advice::of(self.kind, &self.setting),
            hint => hint,
        };
        write!(f, "`{}` {}{hint}", self.setting, self.problem)
    }
}

// A `main` that returns a `Result` prints an error in this form, and the message says what to do.
impl fmt::Debug for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BuildError").field("kind", &self.kind).field("message", &self.to_string()).finish()
    }
}

impl std::error::Error for BuildError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_its_setting_and_its_problem() {
        let error = BuildError::new(BuildErrorKind::OutOfRange, "leeway");
        assert_eq!(
            (error.kind(), error.code(), error.setting()),
            (BuildErrorKind::OutOfRange, "out_of_range", "leeway")
        );
        assert_eq!(error.to_string(), "`leeway` is out of range: it's at most 300 s; correct the clocks instead");
        let error = error.at("issuers[0].leeway").because("is wrong");
        assert_eq!(error.to_string(), "`issuers[0].leeway` is wrong");
        assert_eq!(Error::from(error).to_string(), "token cannot be issued: `issuers[0].leeway` is wrong");
    }

    #[test]
    fn the_error_of_a_main_function_says_what_to_do() {
        let error = format!("{:?}", BuildError::new(BuildErrorKind::OutOfRange, "leeway"));
        assert!(error.starts_with("BuildError { kind: OutOfRange, message: \"`leeway`"), "{error}");
        assert!(error.contains("at most 300 s"), "{error}");
    }

    #[test]
    fn errors_are_send_sync_and_clone() {
        fn assert<T: std::error::Error + Send + Sync + Clone>() {}
        assert::<BuildError>();
    }
}
