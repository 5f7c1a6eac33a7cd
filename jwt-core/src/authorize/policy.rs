use super::Requirement;

/// A requirement that is a type, so that it can stand in the signature of a handler.
///
/// The adapters' extractor `Authorized<T, P>` judges by it before it gives the claims: a handler that takes one cannot be
/// mounted without the check. [`policy!`](crate::claim_rules!) declares policies.
///
/// ```
/// use jwt_core::authorize::{Policy, any, check_async, roles, scopes};
///
/// # async fn on_duty(_: &jwt_core::Verified) -> std::io::Result<bool> { Ok(true) }
/// jwt_core::policy! {
///     /// May read reports.
///     pub ReadReports = scopes(["reports:read"]);
///     pub DeleteReports = any((roles("/roles", ["admin"]), check_async("on duty", |verified| async move {
///         Ok(on_duty(&verified).await?)
///     })));
/// }
///
/// let requirement = ReadReports::requirement();
/// ```
///
/// Not every type is one:
///
/// ```compile_fail
/// struct ReadReports;
///
/// let requirement = <ReadReports as jwt_core::authorize::Policy>::requirement();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    label = "does not say what a token must carry",
    note = "declare it with `jwt_core::policy! {{ pub ReadReports = scopes([\"reports:read\"]); }}`, or implement \
            `jwt_core::authorize::Policy`"
)]
pub trait Policy: 'static {
    /// Returns the requirement, the same one at each call: it is made once, not for each request.
    fn requirement() -> &'static dyn Requirement;
}

/// Declares types that are each a [`Policy`](crate::authorize::Policy).
///
/// Each line is a name, with its visibility and documentation, and the expression of a
/// [`Requirement`](crate::authorize::Requirement), which is evaluated once, when the first request asks for it.
#[macro_export]
macro_rules! policy {
    ($($(#[$attribute:meta])* $visibility:vis $name:ident = $requirement:expr;)+) => {$(
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug)]
        $visibility struct $name;

        impl $crate::authorize::Policy for $name {
            fn requirement() -> &'static dyn $crate::authorize::Requirement {
                static REQUIREMENT: ::std::sync::LazyLock<
                    ::std::boxed::Box<dyn $crate::authorize::Requirement>,
                > = ::std::sync::LazyLock::new(|| ::std::boxed::Box::new($requirement));
                &**REQUIREMENT
            }
        }
    )+};
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::authorize::{RequiredScopes, scopes};
    use crate::error::ErrorKind;
    use crate::verified::Verified;

    static MADE: AtomicU32 = AtomicU32::new(0);

    fn made() -> RequiredScopes {
        MADE.fetch_add(1, Ordering::Relaxed);
        scopes(["a"])
    }

    policy! {
        /// Of scopes.
        Scoped = made();
        Open = ();
    }

    #[test]
    fn a_policys_requirement_is_made_once() {
        for (payload, expected) in [(r#"{"scope":"a"}"#, Ok(())), ("{}", Err(ErrorKind::InsufficientScope))] {
            let verified = Verified::of_payload(payload);
            assert_eq!(Scoped::requirement().check(&verified).map_err(|error| error.kind()), expected);
            assert_eq!(Open::requirement().check(&verified), Ok(()));
        }
        assert_eq!(MADE.load(Ordering::Relaxed), 1);
    }
}
