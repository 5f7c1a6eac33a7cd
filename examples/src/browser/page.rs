//! The page: what is loaded, and what it may do.

/// Path, type and text of each file.
pub(super) const FILES: [(&str, &str, &str); 3] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
    ("/app.js", "text/javascript; charset=utf-8", include_str!("page/app.js")),
];

/// The headers of each of them. Nothing is loaded from elsewhere, nothing is inline, nobody frames the page, and no text
/// becomes a script.
pub(super) const HEADERS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    ),
    ("cache-control", "no-cache"),
    ("referrer-policy", "same-origin"),
    ("x-content-type-options", "nosniff"),
];
