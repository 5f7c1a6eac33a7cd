//! Sends refused requests to both adapters, and reads their lines in the log.

use jwt_core::VerifierBuilder;
use jwt_examples::cli::explain_request;
use jwt_tests::adapter::{Adapter, Application};
use jwt_tests::ask::Ask;
use jwt_tests::log::Log;
use jwt_tests::setup::{application, behind};

use super::assert_words;

/// The codes of errors that only a route, or a handler's type, can cause.
const OF_ROUTES: [&str; 7] = [
    "claims_mismatch",
    "insufficient_scope",
    "insufficient_role",
    "requirement_not_met",
    "insufficient_user_authentication",
    "undecided_route",
    "layer_missing",
];

/// A mistake, the application and the request, the code, and words of the explanation.
pub(crate) type Case = (&'static str, Application, Ask, &'static str, &'static [&'static str]);

/// The usual application, with a token on `/me`.
pub(crate) fn sent(name: &'static str, token: &str, code: &'static str, words: &'static [&'static str]) -> Case {
    (name, application(), Ask::get("/me").bearer(token), code, words)
}

pub(crate) fn with(
    name: &'static str,
    builder: VerifierBuilder,
    token: &str,
    code: &'static str,
    words: &'static [&'static str],
) -> Case {
    (name, behind(builder), Ask::get("/me").bearer(token), code, words)
}

/// Any application and request.
pub(crate) fn at(
    name: &'static str,
    application: Application,
    ask: Ask,
    code: &'static str,
    words: &'static [&'static str],
) -> Case {
    (name, application, ask, code, words)
}

/// Sends each request to each adapter, and asserts that the first line that has a detail explains the refusal.
pub(crate) async fn explain(cases: impl IntoIterator<Item = Case>, least: usize) {
    let mut count = 0;
    for (name, application, ask, code, words) in cases {
        // The tool's first line says the same, unless the route decides, which the tool does not know.
        if !OF_ROUTES.contains(&code) {
            let explanation = explain_request(application.verifier(), &ask.bare(), "").await;
            assert_eq!(explanation.code, code, "{name}");
            assert_words(name, &explanation.summary, words);
        }
        // The adapters answer alike, and the answer has nothing of the explanation.
        let answer = application.send(&ask).await;
        assert_eq!((answer.code, answer.body.len()), (Some(code), 0), "{name}");
        for adapter in Adapter::ALL {
            let log = Log::start();
            adapter.send(&application, &ask).await;
            let text = log.text();
            let ours = |line: &&str| line.contains(" jwt_") && (line.contains(" detail=") || line.starts_with("ERROR"));
            let line = text.lines().find(ours).unwrap_or_else(|| panic!("{name}: nothing explains it: {text}"));
            assert!(text.contains(code), "{name}: the code is logged: {text}");
            assert_words(name, line, words);
        }
        count += 1;
    }
    assert!(count >= least, "{count} cases");
}
