//! What a verified token must carry for an operation to be allowed.

use std::fmt;

use crate::challenge::{Refusal, is_scope};
use crate::error::{Error, ErrorKind};
use crate::verified::{Anonymous, Verified, require};

/// A condition on verified tokens, checked once for each request.
///
/// Requirements see claims, not requests; they neither wait nor fail for reasons of their own. [`scopes`] makes the
/// usual one; `()` is the null object, which every verified token meets.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a requirement on verified tokens",
    note = "make one with `jwt_core::authorize::scopes([..])`, or implement `Requirement`"
)]
pub trait Requirement: fmt::Debug + Send + Sync {
    /// Judges `verified`.
    ///
    /// # Errors
    ///
    /// Why the operation is not allowed, usually of the class [`Class::Forbidden`](crate::Class::Forbidden).
    fn check(&self, verified: &Verified) -> Result<(), Error>;
}

impl Requirement for () {
    fn check(&self, _verified: &Verified) -> Result<(), Error> {
        Ok(())
    }
}

/// Judges a request by what a layer left behind in it; `layer` is the type whose absence is reported.
///
/// # Errors
///
/// The refusal to answer with: that of [`require`], or of the requirement.
pub fn permit(
    requirement: &dyn Requirement,
    verified: Option<&Verified>,
    anonymous: Option<&Anonymous>,
    layer: &'static str,
) -> Result<(), Refusal> {
    let verified = require(verified, anonymous, layer)?;
    requirement.check(verified).map_err(|error| verified.refuse(error))
}

/// The requirement that a token carries scopes; made by [`scopes`].
#[derive(Clone, Debug)]
pub struct RequiredScopes {
    names: Vec<String>,
}

/// Requires every one of `names` among the token's scopes, from `scope` or `scp`.
///
/// Names are compared whole. A refusal is 403 `insufficient_scope` and names the scopes that are missing (RFC 6750
/// section 3.1). Without names, every verified token passes.
///
/// ```
/// let requirement = jwt_core::authorize::scopes(["reports:read"]);
/// ```
#[must_use]
pub fn scopes<N: Into<String>>(names: impl IntoIterator<Item = N>) -> RequiredScopes {
    RequiredScopes { names: names.into_iter().map(Into::into).collect() }
}

impl Requirement for RequiredScopes {
    fn check(&self, verified: &Verified) -> Result<(), Error> {
        let registered = verified.registered();
        let missing: Vec<&str> =
            self.names.iter().map(String::as_str).filter(|name| !registered.scopes().contains(name)).collect();
        if missing.is_empty() {
            return Ok(());
        }
        let error = Error::from(ErrorKind::InsufficientScope);
        // A name that is no scope-token cannot stand in a challenge; no token is ever asked to carry it.
        if missing.iter().all(|name| is_scope(name)) { Err(error.with_detail(missing.join(" "))) } else { Err(error) }
    }
}
