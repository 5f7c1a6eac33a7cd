//! A module uses only modules of lower levels.

use std::fs;

use super::paths::{code, modules_named};
use super::{root, sources};

/// The modules of `jwt-core` and their levels: a module uses only modules of lower levels.
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
    ("proof", 3),
    ("revocation", 3),
    ("authorize", 4),
    ("keys", 4),
    ("verify", 5),
    ("config", 6),
    ("forward", 6),
    ("interop", 6),
    ("issue", 6),
    ("logout", 6),
    ("postgres", 7),
    ("redis", 7),
    ("testing", 7),
    ("store", 8),
    ("guide", 8),
];

fn level(module: &str) -> Option<u8> {
    LEVELS.iter().find(|(name, _)| *name == module).map(|(_, level)| *level)
}

#[test]
fn a_module_uses_only_modules_of_lower_levels() {
    let mut seen = 0;
    for source in sources("jwt-core").iter().filter(|source| source.path != "lib.rs") {
        let module = source.module();
        let own = level(module).unwrap_or_else(|| panic!("`{module}` has no level: add it to `LEVELS`"));
        for other in modules_named(&source.code).filter(|other| *other != module) {
            let other_level =
                level(other).unwrap_or_else(|| panic!("{}: `crate::{other}` is not a module in `LEVELS`", source.path));
            assert!(other_level < own, "{}: `{module}` ({own}) uses `{other}` ({other_level})", source.path);
            seen += 1;
        }
        // The check above cannot follow these paths.
        assert!(
            !source.code.contains("super::super::"),
            "{}: `super::super::` may leave the module; write `crate::module::`",
            source.path
        );
        assert!(
            !source.is_module_root() || !source.code.contains("super::"),
            "{}: `super::` is the crate's root here; write `crate::module::`",
            source.path
        );
    }
    assert!(seen > 50, "the sources name only {seen} other modules");
}

#[test]
fn the_check_of_levels_sees_every_way_to_name_a_module() {
    let text = "use crate::json::{self};\n// crate::verify\nfn f() { crate::token::g() } // crate::keys\n\
                #[cfg(all(test, feature = \"a\"))]\nmod tests {\n    use crate::verify::Verifier;\n}\n";
    assert_eq!(modules_named(&code(text)).collect::<Vec<_>>(), ["json", "token"]);
    assert_eq!(
        modules_named("use crate::{json, token};").collect::<Vec<_>>(),
        [""],
        "not a module, so the check fails"
    );
}

#[test]
fn architecture_md_lists_the_same_modules_on_the_same_levels() {
    let document = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut named = Vec::new();
    for row in document.lines() {
        let Some((level, modules)) = row.strip_prefix("| ").and_then(|row| row.split_once(" | ")) else { continue };
        if let Ok(level) = level.parse::<u8>() {
            named.extend(modules.split('`').skip(1).step_by(2).map(|module| (module, level)));
        }
    }
    named.sort_unstable();
    let mut levels = LEVELS.to_vec();
    levels.sort_unstable();
    assert_eq!(named, levels);
}
