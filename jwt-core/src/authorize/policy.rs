use super::Requirement;

/// A requirement with a type of its own, for the signature of a handler.
///
/// The adapters' extractor `Authorized<T, P>` checks the policy before the handler gets the claims, so you cannot forget the
/// check when you add the handler to a router. Declare policies with [`policy!`](crate::policy!):
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
/// A type that isn't a policy does not compile:
///
/// ```compile_fail
/// struct ReadReports;
///
/// let requirement = <ReadReports as jwt_core::authorize::Policy>::requirement();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a policy",
    label = "does not say what a token must have",
    note = "declare it with `jwt_core::policy! {{ pub ReadReports = scopes([\"reports:read\"]); }}`, or implement \
            `jwt_core::authorize::Policy`"
)]
pub trait Policy: 'static {
    /// Returns the requirement. Create it once and return the same one each time: every request calls this method.
    fn requirement() -> &'static dyn Requirement;
}

/// Declares one or more types that implement [`Policy`](crate::authorize::Policy).
///
/// Each line has a name, with its visibility and attributes, and an expression that creates a
/// [`Requirement`](crate::authorize::Requirement). The expression is evaluated once, when the first request needs it.
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

    static CREATED: AtomicU32 = AtomicU32::new(0);

    fn create() -> RequiredScopes {
        CREATED.fetch_add(1, Ordering::Relaxed);
        scopes(["a"])
    }

    policy! {
        /// Needs a scope.
        Scoped = create();
        Open = ();
    }

    #[test]
    fn the_requirement_of_a_policy_is_created_once() {
        for (payload, expected) in [(r#"{"scope":"a"}"#, Ok(())), ("{}", Err(ErrorKind::InsufficientScope))] {
            let verified = Verified::of_payload(payload);
            assert_eq!(Scoped::requirement().check(&verified).map_err(|error| error.kind()), expected);
            assert_eq!(Open::requirement().check(&verified), Ok(()));
        }
        assert_eq!(CREATED.load(Ordering::Relaxed), 1);
    }
}
