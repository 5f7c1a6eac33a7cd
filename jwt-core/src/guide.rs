//! The guide: one page for each subject. The pages are the files of `jwt-core/doc`, so they read the same in the repository.

/// A page for each file of `doc`. In the pages, a link to another page is the file's name in brackets; here it leads to the page.
macro_rules! pages {
    ($($(#[$attribute:meta])* $page:ident = $file:literal;)+) => {$(
        $(#[$attribute])*
        #[doc = include_str!("../doc/rustdoc-links.txt")]
        #[doc = include_str!(concat!("../doc/", $file))]
        pub mod $page {}
    )+};
}

pages! {
    defaults = "defaults.md";
    #[cfg(feature = "remote")]
    keys = "keys.md";
    #[cfg(all(feature = "aws-lc-rs", feature = "jwks"))]
    providers = "providers.md";
    #[cfg(feature = "remote")]
    tenants = "tenants.md";
    #[cfg(feature = "config")]
    configuration = "configuration.md";
    requirements = "requirements.md";
    rejections = "rejections.md";
    codes = "codes.md";
    why_401 = "why_401.md";
    problem = "problem.md";
    revocation = "revocation.md";
    #[cfg(feature = "postgres")]
    postgres = "postgres.md";
    #[cfg(feature = "redis")]
    redis = "redis.md";
    #[cfg(feature = "issue")]
    sessions = "sessions.md";
    #[cfg(feature = "issue")]
    signing_keys = "signing_keys.md";
    browsers = "browsers.md";
    #[cfg(feature = "metrics")]
    metrics = "metrics.md";
    #[cfg(all(feature = "testing", any(feature = "aws-lc-rs", feature = "rust-crypto")))]
    testing = "testing.md";
    performance = "performance.md";
    measured = "measured.md";
    #[cfg(feature = "jsonwebtoken-12")]
    jsonwebtoken = "jsonwebtoken.md";
}
