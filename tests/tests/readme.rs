//! The README and the guide show programs that the examples contain, word for word (so they compile). The README names the
//! MSRV of the manifest.

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The code blocks of a language in a document.
fn blocks(document: &str, language: &str) -> Vec<String> {
    let start = format!("\n```{language}\n");
    let parts = document.split(&start).skip(1);
    parts.map(|part| part.split("\n```").next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn every_program_of_the_readme_is_an_example() {
    let shown = blocks(&read("README.md"), "rust");
    assert_shown(&shown, ["readme_axum", "readme_actix", "readme_login"].map(|name| format!("examples/{name}.rs")));
}

#[test]
fn every_program_of_the_page_on_testing_is_a_test() {
    let shown = blocks(&read("jwt-core/doc/testing.md"), "rust,ignore");
    assert_shown(
        &shown,
        ["axum", "actix", "logins", "outage_axum", "outage_actix"].map(|name| format!("tests/testing_{name}.rs")),
    );
}

#[test]
fn every_program_of_the_guide_is_an_example() {
    for (page, programs) in [
        ("browsers", &["cookies_axum", "cookies_actix"][..]),
        ("errors", &["errors_axum", "errors_actix"]),
        ("metrics", &["metrics_axum"]),
        ("services", &["services_axum"]),
        ("streams", &["streams_axum", "streams_actix"]),
        ("tenants", &["tenants_axum", "tenants_actix"]),
    ] {
        let shown = blocks(&read(&format!("jwt-core/doc/{page}.md")), "rust,ignore");
        assert_eq!(shown.len(), programs.len(), "{page}: a program isn't compared");
        for (shown, name) in shown.iter().zip(programs) {
            let program = read(&format!("examples/examples/{name}.rs"));
            let (_, code) = program.split_once("\n\n").expect("a header");
            // The tests of an example are not shown.
            let code = code.split("\n#[cfg(test)]").next().unwrap_or_default();
            assert_eq!(shown, code.trim_end(), "{page}: {name}");
        }
    }
}

#[test]
fn the_whole_programs_of_the_page_on_proofs_are_examples() {
    let shown = blocks(&read("jwt-core/doc/proof.md"), "rust,ignore");
    // The other blocks are parts of programs.
    let whole: Vec<_> = shown.into_iter().filter(|block| block.contains("async fn main()")).collect();
    assert_shown(&whole, ["axum", "actix"].map(|name| format!("examples/proof_{name}.rs")));
}

/// Asserts that these are the programs in the files of `examples`, without their header.
fn assert_shown<const PROGRAMS: usize>(shown: &[String], files: [String; PROGRAMS]) {
    assert_eq!(shown.len(), PROGRAMS, "a program isn't compared");
    for (shown, file) in shown.iter().zip(files) {
        let program = read(&format!("examples/{file}"));
        let code: Vec<&str> = program.lines().skip_while(|line| line.starts_with("//!") || line.is_empty()).collect();
        assert_eq!(*shown, code.join("\n"), "{file}");
    }
}

#[test]
fn the_issuer_of_the_readme_has_a_client_as_rfc_9068_requires() {
    let builder = read("examples/examples/readme_login.rs");
    let builder = builder.split("TokenIssuer::builder(").nth(1).and_then(|rest| rest.split(".build()?").next());
    assert!(builder.expect("an issuer").contains(".client_id("));
}

#[test]
fn the_readme_names_the_msrv_of_the_manifest() {
    let manifest = read("Cargo.toml");
    let msrv = manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next());
    let expected = format!("The MSRV is {}.", msrv.expect("a version"));
    assert!(read("README.md").contains(&expected), "the README should say: {expected}");
}

#[test]
fn the_printed_dependencies_have_features_that_exist() {
    let pages = ["getting_started_axum", "getting_started_actix", "metrics", "testing"];
    let pages = pages.map(|page| format!("jwt-core/doc/{page}.md"));
    let readmes = ["README.md", "jwt-core/README.md", "jwt-tower/README.md", "jwt-actix/README.md"].map(str::to_owned);
    let mut seen = 0;
    for document in readmes.iter().chain(&pages) {
        let blocks = blocks(&read(document), "toml");
        for line in blocks.iter().flat_map(|block| block.lines()).filter(|line| line.starts_with("jwt-")) {
            let krate = line.split(' ').next().expect("a name");
            let manifest = read(&format!("{krate}/Cargo.toml"));
            let features =
                line.split("features = [").nth(1).and_then(|rest| rest.split(']').next()).unwrap_or_default();
            for feature in features.split('"').skip(1).step_by(2) {
                assert!(manifest.contains(&format!("\n{feature} = [")), "{document}: {krate} has no feature {feature}");
                seen += 1;
            }
        }
    }
    assert!(seen >= 12, "{seen} features were compared");
}
