//! Which module, file and crate may use which, as ARCHITECTURE.md describes it.

mod circles;
mod dependencies;
mod levels;
mod paths;

use std::fs;
use std::path::{Path, PathBuf};

use crate::paths::code;

/// A source file, without comments and without its tests.
struct Source {
    /// The file's path, relative to the crate's `src`.
    path: String,
    code: String,
}

impl Source {
    /// The top-level module that the file belongs to.
    fn module(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Whether the file is the root of a top-level module.
    fn is_module_root(&self) -> bool {
        match self.path.split_once('/') {
            None => true,
            Some((_, file)) => file == "mod.rs",
        }
    }

    /// The path of the file's own module, from the crate's root: `verify/cache/mod.rs` is `[verify, cache]`.
    fn module_path(&self) -> Vec<&str> {
        let path = self.path.strip_suffix(".rs").unwrap_or(&self.path);
        path.strip_suffix("/mod").unwrap_or(path).split('/').filter(|name| *name != "lib").collect()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(package: &str) -> Vec<Source> {
    let folder = root().join(package).join("src");
    let mut found = Vec::new();
    let mut folders = vec![folder.clone()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder").map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                folders.push(entry);
            } else if entry.extension().is_some_and(|extension| extension == "rs") {
                let path = entry.strip_prefix(&folder).expect("a path in `src`").to_string_lossy().replace('\\', "/");
                let text = fs::read_to_string(&entry).expect("a source file");
                found.push(Source { path, code: code(&text) });
            }
        }
    }
    assert!(found.len() > 5, "{package} has only {} source files", found.len());
    found
}

#[test]
fn only_the_clock_reads_the_time() {
    for package in ["jwt-core", "jwt-tower", "jwt-actix"] {
        for source in sources(package).iter().filter(|source| (package, source.module()) != ("jwt-core", "clock")) {
            for clock in ["SystemTime", "Instant::now", "std::time::Instant"] {
                assert!(!source.code.contains(clock), "{package}/{} reads {clock}", source.path);
            }
        }
    }
}

#[test]
fn jsonwebtoken_is_used_for_conversions_and_verifies_nothing() {
    for source in sources("jwt-core") {
        if source.module() != "interop" {
            let code = source.code.replace("pub use interop::jsonwebtoken_", "");
            // The crates are named like `jsonwebtoken_12`; the names of features have hyphens.
            for theirs in ["jsonwebtoken_", "jsonwebtoken::"] {
                assert!(!code.contains(theirs), "{} names {theirs}", source.path);
            }
            continue;
        }
        for item in ["decode", "dangerous", "encode", "TokenData"] {
            assert!(!source.code.contains(item), "{} uses {item}", source.path);
        }
        for global in ["get_default", "install_default"] {
            assert!(!source.code.contains(global), "{} uses the process-wide provider", source.path);
        }
    }
}

#[test]
fn the_core_names_no_framework() {
    // The guide is documentation, and its search words name the frameworks.
    for source in sources("jwt-core").into_iter().filter(|source| source.path != "guide.rs") {
        // An error message may say which crate's feature to enable.
        let code = source.code.replace("jwt-tower", "").replace("jwt-actix", "");
        for framework in ["tower", "axum", "actix", "hyper", "http::Request", "http::header", "http::Status"] {
            let found = code.lines().find(|line| line.contains(framework) && !line.contains("reqwest"));
            assert_eq!(found, None, "{} names {framework}", source.path);
        }
    }
}

#[test]
fn an_adapter_names_neither_the_other_framework_nor_the_syntax_of_challenges() {
    for (package, other) in [("jwt-tower", "actix"), ("jwt-actix", "tower")] {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).expect("a manifest");
        let dependencies = manifest.split("[dependencies]").nth(1).expect("dependencies");
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        assert!(!dependencies.contains(other), "{package} depends on {other}");
        for source in sources(package) {
            // The search words of a page may name anything.
            let lines = source.code.lines().filter(|line| !line.trim_start().starts_with("#[doc(alias("));
            let code = lines.collect::<Vec<_>>().join("\n").to_ascii_lowercase();
            for word in [
                "\"bearer",
                "invalid_token",
                "invalid_request",
                "insufficient_scope",
                "www-authenticate",
                "www_authenticate",
                "realm",
                "split('.')",
                "jsonwebtoken",
                other,
            ] {
                assert!(!code.contains(word), "{package}/{} has {word}", source.path);
            }
        }
    }
}

#[test]
fn mod_rs_and_lib_rs_declare_nothing_but_modules_and_exports() {
    let items = [
        "async fn",
        "const",
        "enum",
        "extern",
        "fn",
        "impl",
        "macro_rules!",
        "static",
        "struct",
        "trait",
        "type",
        "union",
        "unsafe",
    ];
    for package in ["jwt-core", "jwt-tower", "jwt-actix"] {
        for source in sources(package) {
            if !(source.path == "lib.rs" || source.path.ends_with("mod.rs")) {
                continue;
            }
            // `struct Readme;` runs the crate's README as a doc test.
            for line in source.code.lines().filter(|line| *line != "struct Readme;") {
                let item = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line);
                let code = items.iter().any(|word| item.strip_prefix(word).is_some_and(|rest| !rest.starts_with('_')));
                assert!(!code, "{package}/{}: {line}", source.path);
            }
        }
    }
}
