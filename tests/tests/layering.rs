//! Which module, file and crate may use which, as ARCHITECTURE.md describes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// Files of one module that still import each other in a circle. The table only gets shorter: a new circle fails the test, and
/// so does an entry whose circle is gone.
const KNOWN_CIRCLES: &[&[&str]] = &[];

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

/// Returns the code of a file: no comments, and nothing from `mod tests` on.
fn code(text: &str) -> String {
    let end = text.match_indices("\nmod tests {").map(|(at, _)| at).next().unwrap_or(text.len());
    let (code, attribute) = text[..end].rsplit_once('\n').unwrap_or((&text[..end], ""));
    let code = if attribute.starts_with("#[cfg(") { code } else { &text[..end] };
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Returns the name that follows each `crate::`.
fn modules_named(code: &str) -> impl Iterator<Item = &str> {
    code.match_indices("crate::").map(|(at, prefix)| name_at(&code[at + prefix.len()..]))
}

/// Returns the identifier that the code begins with, or an empty string.
fn name_at(code: &str) -> &str {
    let end = code.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    &code[..end.unwrap_or(code.len())]
}

/// Returns every path in the code that begins with `crate`, `super` or `self`; `use` trees are written out.
fn relative_paths(code: &str) -> Vec<Vec<&str>> {
    let mut found = Vec::new();
    let mut rest = code;
    while let Some(at) = rest.find(|character: char| character.is_ascii_alphabetic() || character == '_') {
        let continues =
            rest[..at].ends_with("::") || rest[..at].ends_with(|character: char| character.is_ascii_digit());
        rest = &rest[at..];
        let name = name_at(rest);
        if !continues && ["crate", "super", "self"].contains(&name) && rest[name.len()..].starts_with("::") {
            rest = path_tree(rest, &[], &mut found);
        } else {
            rest = &rest[name.len()..];
        }
    }
    found
}

/// Adds the paths of one `use` tree, or the single path of an expression, and returns the code behind it.
fn path_tree<'c>(mut code: &'c str, above: &[&'c str], found: &mut Vec<Vec<&'c str>>) -> &'c str {
    let mut path = above.to_vec();
    loop {
        if let Some(inner) = code.strip_prefix('{') {
            code = inner.trim_start();
            while !code.starts_with('}') {
                let before = code.len();
                code = path_tree(code, &path, found).trim_start_matches([',', ' ', '\n']);
                assert!(code.len() < before, "a `use` tree that this test can't read: {code:.60}");
            }
            return &code[1..];
        }
        let name = if code.starts_with('*') { &code[..1] } else { name_at(code) };
        path.push(name);
        code = &code[name.len()..];
        match code.strip_prefix("::") {
            Some(next) if next.starts_with(['{', '*', '_']) || next.starts_with(char::is_alphabetic) => code = next,
            _ => break,
        }
    }
    found.push(path);
    // The new name of `a as b` is part of the tree.
    code.strip_prefix(" as ").map_or(code, |renamed| &renamed[name_at(renamed).len()..])
}

/// Returns the path from the crate's root, for a path that is written in `module`.
fn absolute<'c>(module: &[&'c str], path: &[&'c str]) -> Vec<&'c str> {
    let mut absolute = module.to_vec();
    for name in path {
        match *name {
            "crate" => absolute.clear(),
            "super" => drop(absolute.pop()),
            "self" => {}
            name => absolute.push(name),
        }
    }
    absolute
}

/// The files of a crate by their module paths, and what each `mod.rs` re-exports.
struct Files<'s> {
    paths: BTreeMap<Vec<&'s str>, &'s str>,
    reexports: BTreeMap<Vec<&'s str>, Vec<&'s str>>,
}

impl<'s> Files<'s> {
    fn new(sources: &'s [Source]) -> Self {
        let paths = sources.iter().map(|source| (source.module_path(), source.path.as_str())).collect();
        let mut reexports = BTreeMap::new();
        for source in sources.iter().filter(|source| source.path.ends_with("mod.rs")) {
            let module = source.module_path();
            for (at, keyword) in source.code.match_indices("use ") {
                let mut found = Vec::new();
                path_tree(&source.code[at + keyword.len()..], &[], &mut found);
                for path in found {
                    let target = absolute(&module, &path);
                    let name = target.last().copied().unwrap_or_default();
                    reexports.insert([&module[..], &[name]].concat(), target);
                }
            }
        }
        Self { paths, reexports }
    }

    /// Returns the file that declares an item. A `mod.rs` declares nothing, so its re-exports are followed.
    fn declaring(&self, item: &[&'s str]) -> Option<&'s str> {
        let mut item = item.to_vec();
        for _ in 0..5 {
            let length = (1..=item.len()).rev().find(|length| self.paths.contains_key(&item[..*length]))?;
            let file = self.paths[&item[..length]];
            if !file.ends_with("mod.rs") {
                return Some(file);
            }
            let target = self.reexports.get(item.get(..=length)?)?;
            item = [&target[..], &item[length + 1..]].concat();
        }
        None
    }

    /// Returns the files of the same top-level module that a file uses.
    fn used_by(&self, source: &'s Source) -> BTreeSet<&'s str> {
        let module = source.module_path();
        let paths = relative_paths(&source.code);
        let items = paths.iter().map(|path| absolute(&module, path)).filter(|item| item.first() == module.first());
        items.filter_map(|item| self.declaring(&item)).filter(|file| *file != source.path).collect()
    }
}

/// Returns the groups of files that reach each other through their imports.
fn circles<'s>(uses: &BTreeMap<&'s str, BTreeSet<&'s str>>) -> BTreeSet<Vec<&'s str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> = uses
        .keys()
        .map(|file| {
            let (mut reached, mut next) = (BTreeSet::new(), vec![*file]);
            while let Some(file) = next.pop() {
                next.extend(uses.get(file).into_iter().flatten().copied().filter(|other| reached.insert(*other)));
            }
            (*file, reached)
        })
        .collect();
    let in_circles = uses.keys().copied().filter(|file| reached[file].contains(file));
    in_circles
        .map(|file| reached[file].iter().copied().filter(|other| reached[other].contains(file)).collect())
        .collect()
}

#[test]
fn files_of_one_module_do_not_import_each_other_in_circles() {
    let mut found = BTreeSet::new();
    let mut arrows = 0;
    let sources: Vec<(&str, Vec<Source>)> =
        ["jwt-core", "jwt-tower", "jwt-actix"].map(|package| (package, sources(package))).into();
    for (package, sources) in &sources {
        let files = Files::new(sources);
        let code = sources.iter().filter(|source| !source.path.ends_with("mod.rs") && source.path != "lib.rs");
        let uses: BTreeMap<&str, BTreeSet<&str>> =
            code.map(|source| (source.path.as_str(), files.used_by(source))).collect();
        arrows += uses.values().map(BTreeSet::len).sum::<usize>();
        let circles = circles(&uses).into_iter();
        found.extend(circles.map(|files| files.iter().map(|file| format!("{package}/{file}")).collect::<Vec<_>>()));
    }
    let known: BTreeSet<Vec<String>> =
        KNOWN_CIRCLES.iter().map(|files| files.iter().map(|file| (*file).to_owned()).collect()).collect();
    let new: Vec<String> = found.difference(&known).map(|files| format!("    &{files:?},")).collect();
    let gone: Vec<String> = known.difference(&found).map(|files| format!("    &{files:?},")).collect();
    assert!(
        new.is_empty() && gone.is_empty(),
        "circles that are not in `KNOWN_CIRCLES`; move what both files need into a third:\n{}\n\
         circles that no longer exist; remove them from `KNOWN_CIRCLES`:\n{}\n",
        new.join("\n"),
        gone.join("\n"),
    );
    assert!(arrows > 100, "only {arrows} uses were found");
}

#[test]
fn the_check_for_circles_sees_every_way_to_name_a_file() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), code: code(text) };
    let sources = [
        source("m/mod.rs", "mod a;\nmod b;\nmod c;\npub(crate) use a::A;\npub use self::c::{C, inner::D as E};"),
        source("m/a.rs", "use super::b::{\n    B,\n    deep::{self, X},\n};\nfn f(d: crate::m::D) {}"),
        source("m/b.rs", "use crate::n::N;\nfn f() { super::A::new(); let x = xsuper::c::C; }"),
        source("m/c.rs", "use crate::{json, m::b::B as Other};\n// super::a::A\n"),
        source("m/d/mod.rs", "mod e;"),
        source("m/d/e.rs", "use super::super::c::*;\n#[cfg(test)]\nmod tests {\n    use crate::m::A;\n}\n"),
        source("n.rs", ""),
    ];
    let files = Files::new(&sources);
    let uses: BTreeMap<_, _> = sources.iter().map(|source| (source.path.as_str(), files.used_by(source))).collect();
    assert_eq!(uses["m/a.rs"], BTreeSet::from(["m/b.rs", "m/c.rs"]));
    assert_eq!(uses["m/b.rs"], BTreeSet::from(["m/a.rs"]));
    assert_eq!(uses["m/c.rs"], BTreeSet::from(["m/b.rs"]));
    assert_eq!(uses["m/d/e.rs"], BTreeSet::from(["m/c.rs"]));
    assert_eq!(circles(&uses), BTreeSet::from([vec!["m/a.rs", "m/b.rs", "m/c.rs"]]));
}

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
