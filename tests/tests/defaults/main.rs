//! The documented table of defaults. Each row has a test that changes no other setting.

/// Defines one test for each row, and the list of the rows.
macro_rules! rows {
    ($($decision:literal, $default:literal => $name:ident $body:block)+) => {
        pub(crate) const ROWS: &[(&str, &str)] = &[$(($decision, $default)),+];
        $(
            #[actix_web::test]
            async fn $name() $body
        )+
    };
}

mod claims;
mod issuing;
mod keys;
mod proofs;
mod requests;
mod verifier;

use jwt_core::{BuildError, BuildErrorKind, ErrorKind};
use jwt_tests::answer::Answer;
use jwt_tests::ask::Ask;
use jwt_tests::setup::application;

const TABLE: &str = include_str!("../../../jwt-core/doc/defaults.md");

#[test]
fn the_documented_table_of_defaults_is_the_tested_one() {
    let documented: Vec<(&str, &str)> = TABLE
        .lines()
        .skip_while(|line| !line.starts_with('|'))
        .skip(2)
        .map(|line| {
            let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
            (cells.next().unwrap_or_default(), cells.next().unwrap_or_default())
        })
        .collect();
    let tested = [claims::ROWS, proofs::ROWS, requests::ROWS, keys::ROWS, verifier::ROWS, issuing::ROWS].concat();
    assert_eq!(documented, tested);
}

/// Asserts that the usual application accepts the token.
async fn accepts(token: &str) {
    let answer = application().send(&Ask::get("/me").bearer(token)).await;
    assert_eq!((answer.status, answer.code), (200, None));
}

/// Asserts that the usual application refuses the token.
async fn refuses(token: &str, kind: ErrorKind) {
    assert_eq!(application().send(&Ask::get("/me").bearer(token)).await, Answer::refused(kind));
}

fn problem(error: &BuildError) -> (BuildErrorKind, &str) {
    (error.kind(), error.setting())
}
