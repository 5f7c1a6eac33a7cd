//! What depends on what, as ARCHITECTURE.md says it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The rooms of `jwt-core` and their levels: a room uses rooms of lower levels only.
const LEVELS: &[(&str, u8)] = &[
    ("clock", 0),
    ("error", 0),
    ("json", 0),
    ("step", 0),
    ("claims", 1),
    ("http", 1),
    ("jose", 1),
    ("observe", 1),
    ("claim_rules", 2),
    ("crypto", 2),
    ("verified", 2),
    ("gate", 3),
    ("revocation", 3),
    ("authorize", 4),
    ("keys", 4),
    ("principal", 4),
    ("testing", 5),
    ("verify", 5),
    ("config", 6),
    ("forward", 6),
    ("interop", 6),
    ("issue", 6),
    ("logout", 6),
    ("redis", 7),
    ("guide", 8),
];

/// One source file, without comments and without its tests.
struct Source {
    /// Below the crate's `src`.
    path: String,
    code: String,
}

impl Source {
    /// The top-level module that the file belongs to.
    fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// Whether the file's module stands directly in the crate's root.
    fn is_root_of_room(&self) -> bool {
        match self.path.split_once('/') {
            None => true,
            Some((_, file)) => file == "mod.rs",
        }
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
                let path = entry.strip_prefix(&folder).expect("below").to_string_lossy().replace('\\', "/");
                let text = fs::read_to_string(&entry).expect("a source file");
                found.push(Source { path, code: code(&text) });
            }
        }
    }
    assert!(found.len() > 5, "{package} has sources");
    found
}

/// The lines that are no comments, up to the tests at the foot of the file.
fn code(text: &str) -> String {
    let end = text.match_indices("\nmod tests {").map(|(at, _)| at).next().unwrap_or(text.len());
    let (code, attribute) = text[..end].rsplit_once('\n').unwrap_or((&text[..end], ""));
    let code = if attribute.starts_with("#[cfg(") { code } else { &text[..end] };
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The words that follow each `crate::`.
fn rooms_named(code: &str) -> impl Iterator<Item = &str> {
    code.match_indices("crate::").map(|(at, prefix)| {
        let rest = &code[at + prefix.len()..];
        let end = rest.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
        &rest[..end.unwrap_or(rest.len())]
    })
}

fn level(room: &str) -> Option<u8> {
    LEVELS.iter().find(|(name, _)| *name == room).map(|(_, level)| *level)
}

#[test]
fn a_room_uses_rooms_of_lower_levels_only() {
    let mut seen = 0;
    for source in sources("jwt-core").iter().filter(|source| source.path != "lib.rs") {
        let room = source.room();
        let own = level(room).unwrap_or_else(|| panic!("`{room}` has no level: add it to the table"));
        for other in rooms_named(&source.code).filter(|other| *other != room) {
            let other_level = level(other).unwrap_or_else(|| panic!("{}: `crate::{other}` is no room", source.path));
            assert!(other_level < own, "{}: `{room}` ({own}) uses `{other}` ({other_level})", source.path);
            seen += 1;
        }
        // What these lead to the check above does not see.
        assert!(!source.code.contains("super::super::"), "{} reaches over its room's walls", source.path);
        assert!(
            !source.is_root_of_room() || !source.code.contains("super::"),
            "{} names the crate's root",
            source.path
        );
    }
    assert!(seen > 50, "the sources name {seen} other rooms");
}

#[test]
fn the_check_of_levels_sees_every_way_to_name_a_room() {
    let text = "use crate::json::{self};\n// crate::verify\nfn f() { crate::token::g() } // crate::keys\n\
                #[cfg(all(test, feature = \"a\"))]\nmod tests {\n    use crate::verify::Verifier;\n}\n";
    assert_eq!(rooms_named(&code(text)).collect::<Vec<_>>(), ["json", "token"]);
    assert_eq!(rooms_named("use crate::{json, token};").collect::<Vec<_>>(), [""], "is no room, so it is refused");
}

#[test]
fn the_manual_names_the_same_rooms_on_the_same_levels() {
    let manual = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the manual");
    let mut named = Vec::new();
    for row in manual.lines() {
        let Some((level, rooms)) = row.strip_prefix("| ").and_then(|row| row.split_once(" | ")) else { continue };
        if let Ok(level) = level.parse::<u8>() {
            named.extend(rooms.split('`').skip(1).step_by(2).map(|room| (room, level)));
        }
    }
    named.sort_unstable();
    let mut levels = LEVELS.to_vec();
    levels.sort_unstable();
    assert_eq!(named, levels);
}

#[test]
fn the_time_comes_from_the_clock() {
    for package in ["jwt-core", "jwt-tower", "jwt-actix"] {
        for source in sources(package).iter().filter(|source| (package, source.room()) != ("jwt-core", "clock")) {
            for clock in ["SystemTime", "Instant::now", "std::time::Instant"] {
                assert!(!source.code.contains(clock), "{package}/{} reads {clock}", source.path);
            }
        }
    }
}

#[test]
fn jsonwebtoken_lends_its_types_and_judges_nothing() {
    for source in sources("jwt-core") {
        if source.room() != "interop" {
            let code = source.code.replace("pub use interop::jsonwebtoken_", "");
            // `jsonwebtoken_12` and its siblings; a feature has a hyphen.
            for theirs in ["jsonwebtoken_", "jsonwebtoken::"] {
                assert!(!code.contains(theirs), "{} names {theirs}", source.path);
            }
            continue;
        }
        for judge in ["decode", "dangerous", "encode", "TokenData"] {
            assert!(!source.code.contains(judge), "{} uses {judge}", source.path);
        }
        for global in ["get_default", "install_default"] {
            assert!(!source.code.contains(global), "{} touches the process-wide provider", source.path);
        }
    }
}

#[test]
fn the_core_knows_no_framework() {
    for source in sources("jwt-core") {
        for framework in ["tower", "axum", "actix", "hyper", "http::Request", "http::header", "http::Status"] {
            let found = source.code.lines().find(|line| line.contains(framework) && !line.contains("reqwest"));
            assert_eq!(found, None, "{} names {framework}", source.path);
        }
    }
}

#[test]
fn an_adapter_knows_neither_the_other_nor_how_answers_are_written() {
    for (package, other) in [("jwt-tower", "actix"), ("jwt-actix", "tower")] {
        let manifest = fs::read_to_string(root().join(package).join("Cargo.toml")).expect("a manifest");
        let dependencies = manifest.split("[dependencies]").nth(1).expect("dependencies");
        let dependencies = dependencies.split("\n[").next().unwrap_or_default();
        assert!(!dependencies.contains(other), "{package} depends on {other}");
        for source in sources(package) {
            let code = source.code.to_ascii_lowercase();
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
fn the_files_that_name_modules_hold_no_code() {
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
            for line in source.code.lines() {
                let item = line.strip_prefix("pub(crate) ").or(line.strip_prefix("pub ")).unwrap_or(line);
                let code = items.iter().any(|word| item.strip_prefix(word).is_some_and(|rest| !rest.starts_with('_')));
                assert!(!code, "{package}/{}: {line}", source.path);
            }
        }
    }
}

/// The lines of `cargo tree`, without what tells a tree from a list.
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
fn with_all_features_the_core_asks_for_no_framework_itself() {
    let lines = tree(&["-p", "jwt-core", "--all-features", "-e", "normal", "--depth", "1"]);
    for framework in ["http", "tower", "tower-service", "tower-layer", "axum", "axum-core", "actix-web", "hyper"] {
        assert!(!names(&lines).contains(&framework), "jwt-core depends on {framework}");
    }
}

#[test]
fn an_adapter_brings_its_own_framework_alone() {
    for (package, others) in
        [("jwt-tower", ["actix-web", "actix-http", "tokio"]), ("jwt-actix", ["axum", "axum-core", "tower-layer"])]
    {
        let lines = tree(&["-p", package, "--no-default-features", "-e", "normal"]);
        for other in others {
            assert!(!names(&lines).contains(&other), "{package} brings {other}");
        }
    }
}

#[test]
fn each_crate_brings_one_jsonwebtoken_by_default_and_can_do_without() {
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

/// With two of its back ends on anywhere in an application, or without any, jsonwebtoken panics at the first token.
#[test]
fn no_manifest_of_ours_switches_a_back_end_of_jsonwebtoken_on() {
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
