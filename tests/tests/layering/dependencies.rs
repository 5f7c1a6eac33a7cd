//! The crates that each crate depends on, with which features.

use std::collections::BTreeSet;
use std::process::Command;

use super::root;

/// Runs `cargo tree` and returns its lines without indentation.
fn tree(arguments: &[&str]) -> Vec<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--prefix", "none"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect()
}

fn names(lines: &[String]) -> Vec<&str> {
    lines.iter().filter_map(|line| line.split(' ').next()).collect()
}

#[test]
fn without_features_the_core_needs_no_runtime_no_client_and_no_cryptography() {
    let lines = tree(&["-p", "jwt-core", "--no-default-features", "-e", "normal"]);
    let names = names(&lines);
    assert!(names.contains(&"serde_json"), "{names:?}");
    for needless in [
        "actix-web",
        "arc-swap",
        "aws-lc-rs",
        "aws-lc-sys",
        "axum",
        "axum-core",
        "ed25519-dalek",
        "http",
        "hyper",
        "jsonwebtoken",
        "mio",
        "ml-dsa",
        "p256",
        "reqwest",
        "ring",
        "rsa",
        "rustls",
        "tokio",
        "tower",
        "tower-service",
        "url",
    ] {
        assert!(!names.contains(&needless), "jwt-core needs {needless}");
    }
}

#[test]
fn with_all_features_the_core_depends_on_no_framework_directly() {
    let lines = tree(&["-p", "jwt-core", "--all-features", "-e", "normal", "--depth", "1"]);
    for framework in ["http", "tower", "tower-service", "tower-layer", "axum", "axum-core", "actix-web", "hyper"] {
        assert!(!names(&lines).contains(&framework), "jwt-core depends on {framework}");
    }
}

#[test]
fn an_adapter_depends_only_on_its_own_framework() {
    for (package, others) in
        [("jwt-tower", ["actix-web", "actix-http", "tokio"]), ("jwt-actix", ["axum", "axum-core", "tower-layer"])]
    {
        let lines = tree(&["-p", package, "--no-default-features", "-e", "normal"]);
        for other in others {
            assert!(!names(&lines).contains(&other), "{package} depends on {other}");
        }
    }
}

#[test]
fn each_crate_depends_on_one_jsonwebtoken_by_default_and_can_do_without() {
    for package in ["jwt-core", "jwt-tower", "jwt-actix"] {
        let versions = |arguments: &[&str]| {
            let lines = tree(&[&["-p", package, "-e", "normal"], arguments].concat());
            let lines = lines.iter().filter_map(|line| line.strip_prefix("jsonwebtoken v"));
            lines.filter_map(|line| line.split('.').next()).map(str::to_owned).collect::<BTreeSet<_>>()
        };
        assert_eq!(versions(&[]), BTreeSet::from(["12".to_owned()]), "{package}");
        assert_eq!(versions(&["--no-default-features", "--features", "aws-lc-rs"]), BTreeSet::new(), "{package}");
    }
}

/// If an application enables two back ends of `jsonwebtoken`, or does not enable any, it panics at the first token.
#[test]
fn no_crate_of_the_workspace_enables_a_back_end_of_jsonwebtoken() {
    for major in ["11", "12"] {
        let package = format!("jsonwebtoken@{major}");
        let lines = tree(&["--workspace", "--all-features", "-e", "features", "-i", &package]);
        assert!(lines.iter().any(|line| line.starts_with(&format!("jsonwebtoken v{major}."))), "{lines:?}");
        for feature in ["aws_lc_rs", "rust_crypto", "default"] {
            let feature = format!("jsonwebtoken feature \"{feature}\"");
            assert!(!lines.iter().any(|line| line.starts_with(&feature)), "{package}: {feature} is on");
        }
    }
}
