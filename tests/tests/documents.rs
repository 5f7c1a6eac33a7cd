//! The documents: they read well in a repository and on docs.rs, and their links work in both.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Everything that is wrong with one document: line numbers, starting at 1, and what to do.
type Offences = Vec<(usize, String)>;

/// Text that helps to write or test a document and means nothing to its reader.
const SCAFFOLDING: &[&str] = &["<!--", "FIXME", "TODO", "TBD", "XXX", "block_on(", "doctest", "rustdoc-links"];

/// Beginnings of addresses that lead somewhere only under rustdoc. So do those with `::`.
const RUSTDOC_TARGETS: &[&str] = &["enum@", "fn@", "macro@", "mod@", "struct@", "trait@"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The documents: the pages of the guide, and those in the repository's root.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in [root(), root().join("jwt-core/doc")] {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.iter().any(|path| path.ends_with("README.md")) && found.len() > 10, "{found:?}");
    found
}

/// The lines of a document, each with its number. `code` is the language of the block that the line is in.
struct Line<'d> {
    number: usize,
    text: &'d str,
    code: Option<&'d str>,
}

fn lines(document: &str) -> Vec<Line<'_>> {
    let mut code = None;
    let mut found = Vec::new();
    for (index, text) in document.lines().enumerate() {
        match (text.trim_start().strip_prefix("```"), code) {
            (Some(language), None) => code = Some(language.trim()),
            (Some(_), Some(_)) => code = None,
            (None, code) => found.push(Line { number: index + 1, text, code }),
        }
    }
    found
}

/// Returns a text without the code spans in it, but with their line breaks. A span that is the text of a link, as in
/// `` [`X`] ``, becomes `code`.
fn without_spans(text: &str) -> String {
    let mut found = String::new();
    for (index, part) in text.split('`').enumerate() {
        if index % 2 == 0 {
            found.push_str(part);
        } else if found.ends_with('[') {
            found.push_str("code");
        } else {
            found.extend(part.matches('\n'));
        }
    }
    found
}

/// Returns the code spans of a paragraph, each with the number of lines above it.
fn spans(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut above = 0;
    text.split('`').enumerate().filter_map(move |(index, part)| {
        let line = above;
        above += part.matches('\n').count();
        (index % 2 == 1).then_some((line, part))
    })
}

/// Whether a code span is the path of a file or folder of the repository, and not a pattern or a command.
fn is_path(span: &str) -> bool {
    let folders = [".ci/", ".github/", "examples/", "jwt-actix/", "jwt-core/", "jwt-tower/", "tests/"];
    folders.iter().any(|folder| span.starts_with(folder)) && !span.contains([' ', '*', '<', '{'])
}

/// A link, by its address or by the name of its reference.
#[derive(Debug, PartialEq)]
enum Link {
    Inline(String),
    Reference(String),
    /// Text in brackets that nothing follows.
    Bare(String),
}

/// Returns the links of a paragraph, each with the number of lines above it.
fn links(text: &str) -> Vec<(usize, Link)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(open) = rest.find('[') {
        rest = &rest[open + 1..];
        let above = text[..text.len() - rest.len()].matches('\n').count();
        let Some(close) = rest.find(']') else { break };
        let (inner, behind) = (&rest[..close], &rest[close + 1..]);
        // An image in a link: its own link is found next.
        if inner.contains('[') {
            continue;
        }
        let until = |text: &str, end| text.split_once(end).map(|(inner, _)| inner.to_owned());
        if let Some(address) = behind.strip_prefix('(').and_then(|behind| until(behind, ')')) {
            found.push((above, Link::Inline(address.split(' ').next().unwrap_or_default().to_owned())));
        } else if let Some(name) = behind.strip_prefix('[').and_then(|behind| until(behind, ']')) {
            found.push((above, Link::Reference(if name.is_empty() { inner.to_owned() } else { name })));
            rest = &behind[1..];
        } else {
            found.push((above, Link::Bare(inner.to_owned())));
        }
    }
    found
}

/// Returns the paragraphs outside of code blocks, each with the number of its first line. Definitions of links are left out.
fn paragraphs(lines: &[Line<'_>]) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut continues = false;
    for line in lines {
        let text = line.code.is_none() && !line.text.trim().is_empty() && definition(line.text).is_none();
        match found.last_mut().filter(|_| continues && text) {
            Some((_, paragraph)) => paragraph.extend(["\n", line.text]),
            None if text => found.push((line.number, line.text.to_owned())),
            None => {}
        }
        continues = text;
    }
    found
}

/// Returns the `[name]: address` of a line.
fn definition(text: &str) -> Option<(&str, &str)> {
    let (name, address) = text.strip_prefix('[')?.split_once("]: ")?;
    Some((name, address.trim()))
}

/// Returns the anchor that a heading gets in a repository.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
    kept.flat_map(char::to_lowercase).map(|character| if character == ' ' { '-' } else { character }).collect()
}

fn has_anchor(document: &str, wanted: &str) -> bool {
    let headings = lines(document).into_iter().filter(|line| line.code.is_none());
    headings.filter_map(|line| line.text.strip_prefix('#')).any(|text| anchor(text.trim_start_matches('#')) == wanted)
}

fn check_address(folder: &Path, document: &str, address: &str) -> Option<String> {
    if address.contains("://") || address.starts_with("mailto:") {
        return None;
    }
    if address.contains("::") || RUSTDOC_TARGETS.iter().any(|target| address.starts_with(target)) {
        return Some(format!("`{address}` leads nowhere outside of rustdoc: write a code span"));
    }
    let (file, fragment) = address.split_once('#').unwrap_or((address, ""));
    let path = folder.join(file);
    if !path.exists() {
        return Some(format!("`{file}` does not exist"));
    }
    let target = if file.is_empty() { document.to_owned() } else { fs::read_to_string(path).unwrap_or_default() };
    (!fragment.is_empty() && !has_anchor(&target, fragment)).then(|| format!("`{address}` has no such heading"))
}

/// Returns the faults of a document in this folder.
fn offences(folder: &Path, document: &str) -> Offences {
    let mut found = Vec::new();
    if !document.starts_with("# ") {
        found.push((1, "the first line is not a title: `# …`".to_owned()));
    }
    let lines = lines(document);
    let prose = || lines.iter().filter(|line| line.code.is_none());
    let defined: BTreeMap<&str, &str> = prose().filter_map(|line| definition(line.text)).collect();
    let mut used = BTreeSet::new();
    for line in &lines {
        for word in SCAFFOLDING.iter().filter(|word| line.text.contains(**word)) {
            found.push((line.number, format!("`{word}` means nothing to a reader")));
        }
        if let Some(language) = line.code {
            let rust = language.is_empty() || language.starts_with("rust") || language.starts_with("no_run");
            let text = line.text.trim();
            if rust && (text == "#" || text.starts_with("# ")) {
                found.push((line.number, format!("`{text}` is hidden only under rustdoc: write a complete program")));
            }
            continue;
        }
        if let Some((_, address)) = definition(line.text) {
            found.extend(check_address(folder, document, address).map(|wrong| (line.number, wrong)));
        }
    }
    for (first, paragraph) in paragraphs(&lines) {
        for (above, span) in spans(&paragraph).filter(|(_, span)| is_path(span)) {
            let exists = ["", "jwt-tower"].iter().any(|package| root().join(package).join(span).exists());
            // The paths in a changelog may be gone.
            if !exists && !document.starts_with("# Changelog") {
                found.push((first + above, format!("`{span}` does not exist")));
            }
        }
        for (above, link) in links(&without_spans(&paragraph)) {
            let wrong = match &link {
                Link::Inline(address) => check_address(folder, document, address),
                Link::Reference(name) | Link::Bare(name) if defined.contains_key(name.as_str()) => {
                    used.insert(name.clone());
                    None
                }
                Link::Reference(name) => Some(format!("`[{name}]: …` is missing at the foot of the document")),
                Link::Bare(name) if name == "code" => {
                    Some("a code span in brackets is a link only under rustdoc: remove the brackets".to_owned())
                }
                Link::Bare(_) => None,
            };
            found.extend(wrong.map(|wrong| (first + above, wrong)));
        }
    }
    for line in prose() {
        if let Some((name, _)) = definition(line.text).filter(|(name, _)| !used.contains(*name)) {
            found.push((line.number, format!("no text uses `[{name}]`")));
        }
    }
    found.sort();
    found
}

#[test]
fn documents_have_titles_working_links_and_no_scaffolding() {
    let mut report = String::new();
    for path in documents() {
        let document = fs::read_to_string(&path).expect("a document");
        let name = path.strip_prefix(root()).expect("a path in the repository").display().to_string();
        for (line, wrong) in offences(path.parent().expect("a folder"), &document) {
            report.push_str(&format!("{name}:{line}: {wrong}\n"));
        }
    }
    assert!(report.is_empty(), "{} offences:\n{report}", report.lines().count());
}

#[test]
fn every_page_of_the_guide_can_be_linked_to_from_the_others() {
    let folder = root().join("jwt-core/doc");
    let references = fs::read_to_string(folder.join("rustdoc-links.txt")).expect("the references");
    let references: BTreeSet<&str> = references.lines().filter_map(definition).map(|(name, _)| name).collect();
    let pages = documents().into_iter().filter(|path| path.parent() == Some(&folder));
    let pages: Vec<String> =
        pages.map(|path| path.file_name().expect("a name").to_string_lossy().into_owned()).collect();
    assert_eq!(references, pages.iter().map(String::as_str).collect(), "rustdoc-links.txt, left, and the pages, right");
}

/// Words that people search a guide for.
const SUBJECTS: &[&str] = &[
    "api key",
    "cors",
    "csrf",
    "docker",
    "grpc",
    "keycloak",
    "logout",
    "metrics",
    "migration",
    "multi-tenant",
    "password",
    "prometheus",
    "proxy",
    "refresh",
    "roles",
    "scopes",
    "service to service",
    "test",
    "toml",
    "websocket",
];

/// Folds a word: the names of pages have `_` for the space.
fn folded(text: &str) -> String {
    text.to_lowercase().replace('_', " ")
}

#[test]
fn a_search_for_a_subject_finds_its_page() {
    let guide = fs::read_to_string(root().join("jwt-core/src/guide.rs")).expect("the guide");
    let aliases = guide.split("alias(").skip(1).filter_map(|rest| rest.split(')').next());
    let aliases = aliases.flat_map(|list| list.split('"').skip(1).step_by(2).map(folded));
    let names = guide.lines().filter_map(|line| line.split_once(" = \"")).map(|(name, _)| folded(name.trim()));
    let found: BTreeSet<String> = aliases.chain(names).collect();
    let index = folded(&fs::read_to_string(root().join("jwt-core/doc/index.md")).expect("the index"));
    for subject in SUBJECTS {
        assert!(found.contains(*subject), "guide.rs: no page has the alias {subject:?}");
        assert!(index.contains(subject), "index.md: no row has the word {subject:?}");
    }
}

/// The text of every Rust file below a folder.
fn sources(folder: &Path, found: &mut String) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push_str(&fs::read_to_string(&path).expect("a source"));
        }
    }
}

#[test]
fn every_attack_of_the_threat_model_has_a_test_of_this_name() {
    let mut code = String::new();
    for folder in ["tests/tests", "jwt-core/src", "jwt-tower/src", "jwt-actix/src"] {
        sources(&root().join(folder), &mut code);
    }
    let document = fs::read_to_string(root().join("jwt-core/doc/threat_model.md")).expect("the page");
    let mut attacks = 0;
    let mut tables = document.lines().skip_while(|line| !line.ends_with("| test |"));
    // The rows of the tables whose last column has tests.
    for line in tables.by_ref().filter(|line| line.starts_with("| ") && !line.starts_with("| ---")) {
        let last = line.trim_end_matches(" |").rsplit(" | ").next().unwrap_or_default();
        if last == "test" {
            continue;
        }
        let names: Vec<&str> = spans(last).map(|(_, name)| name).collect();
        assert!(!names.is_empty(), "no test stops this: {line}");
        for name in names {
            assert!(code.contains(&format!("fn {name}(")), "there is no test {name}");
        }
        attacks += 1;
    }
    assert!(attacks >= 45, "{attacks} attacks");
}

#[test]
fn the_check_of_documents_finds_every_offence_and_accepts_a_good_page() {
    let folder = root().join("jwt-core/doc");
    let good = "# Keys\n\nA `KeySet`, see [the defaults][defaults.md] or [the table](defaults.md), `x[0]`, [1], `jwt-core/src/*.rs`. A link [over\n\
                two lines](keys.md), and `a span\n[over]` two lines.\n\n\
                [![badge](https://ci.example/badge.svg)](https://ci.example)\n\n```rust\n#[tokio::main]\n\
                async fn main() {}\n```\n\n```sh\n# a comment\n```\n\n## Long text\n\n[above](#long-text)\n\n\
                [defaults.md]: defaults.md\n";
    assert_eq!(offences(&folder, good), []);

    let bad = "\n# Late title\n[`KeySet`] and [`Key`](crate::keys::Key), [a](missing.md), [b](defaults.md#missing)\n\
               [c][missing.md] <!-- note -->\n\nA\n[link\nin two](lines.md) `tests/missing.rs`\n```\n# use hidden;\n#\nlet x = 1;\n```\n[defaults.md]: defaults.md\n\
               [keys.md]: nowhere.md\n";
    let lines: Vec<usize> = offences(&folder, bad).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [1, 3, 3, 3, 3, 4, 4, 7, 8, 10, 11, 14, 15, 15]);
}
