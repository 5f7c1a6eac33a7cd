//! The pages "Getting started", followed word for word. Only ports and the sources of our crates are replaced.

mod page;
mod project;

use std::fs;
use std::path::{Path, PathBuf};

use jwt_examples::demo::{Demo, Options};

use crate::page::{Part, parts};
use crate::project::Project;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The parts of both pages, each with the name of its example.
fn pages() -> Vec<(String, Part)> {
    let mut found = Vec::new();
    for framework in ["axum", "actix"] {
        let path = root().join(format!("jwt-core/doc/getting_started_{framework}.md"));
        let document = fs::read_to_string(path).expect("a page");
        for (part, name) in parts(&document).into_iter().zip(["provider", "logins"]) {
            found.push((format!("start_{framework}_{name}"), part));
        }
    }
    assert_eq!(found.len(), 4);
    found
}

#[test]
fn every_program_of_the_pages_is_an_example_with_its_tests() {
    for (name, part) in pages() {
        let example = fs::read_to_string(root().join(format!("examples/examples/{name}.rs"))).expect("an example");
        let code: Vec<&str> = example.lines().skip_while(|line| line.starts_with("//!") || line.is_empty()).collect();
        assert_eq!(format!("{}\n\n{}", part.program, part.tests), code.join("\n"), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs curl, and builds four projects: see CONTRIBUTING.md"]
async fn from_an_empty_folder_the_pages_lead_to_the_printed_answers_and_a_passing_test() {
    // What `cargo run` starts in a checkout.
    let demo = Demo::start(Options::on_free_ports()).await.expect("free ports");
    let issuer = demo.axum_url().to_owned();
    let followed = tokio::task::spawn_blocking(move || {
        for (name, part) in pages() {
            assert!(part.calls.len() >= 8, "{name}: {} calls", part.calls.len());
            Project::create(&name, &part, &issuer).follow();
        }
    });
    if let Err(error) = followed.await {
        std::panic::resume_unwind(error.into_panic());
    }
    demo.stop().await;
}
