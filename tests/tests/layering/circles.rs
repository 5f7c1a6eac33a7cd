//! Files of one module do not import each other in circles, and neither do the files of an adapter.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::{absolute, code, path_tree, relative_paths};
use super::{Source, sources};

/// Files that still import each other in a circle. The table only gets shorter: a new circle fails the test, and
/// so does an entry whose circle is gone.
const KNOWN_CIRCLES: &[&[&str]] = &[];

/// The files of a crate by their module paths, and what each `mod.rs` and `lib.rs` re-exports.
struct Files<'s> {
    paths: BTreeMap<Vec<&'s str>, &'s str>,
    reexports: BTreeMap<Vec<&'s str>, Vec<&'s str>>,
}

impl<'s> Files<'s> {
    fn new(sources: &'s [Source]) -> Self {
        let paths = sources.iter().map(|source| (source.module_path(), source.path.as_str())).collect();
        let mut reexports = BTreeMap::new();
        for source in sources.iter().filter(|source| declares_nothing(&source.path)) {
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

    /// Returns the file that declares an item. Re-exports are followed.
    fn declaring(&self, item: &[&'s str]) -> Option<&'s str> {
        let mut item = item.to_vec();
        for _ in 0..5 {
            let length = (0..=item.len()).rev().find(|length| self.paths.contains_key(&item[..*length]))?;
            let file = self.paths[&item[..length]];
            if !declares_nothing(file) {
                return Some(file);
            }
            let target = self.reexports.get(item.get(..=length)?)?;
            item = [&target[..], &item[length + 1..]].concat();
        }
        None
    }

    /// Returns the files that a file uses: those of its own top-level module, or of the whole crate.
    fn used_by(&self, source: &'s Source, whole_crate: bool) -> BTreeSet<&'s str> {
        let module = source.module_path();
        let paths = relative_paths(&source.code);
        let items = paths.iter().map(|path| absolute(&module, path));
        let items = items.filter(|item| whole_crate || item.first() == module.first());
        items.filter_map(|item| self.declaring(&item)).filter(|file| *file != source.path).collect()
    }
}

/// A `mod.rs` or `lib.rs` only names modules and items of other files.
fn declares_nothing(file: &str) -> bool {
    file.ends_with("mod.rs") || file == "lib.rs"
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
fn files_of_one_module_or_adapter_do_not_import_each_other_in_circles() {
    let mut found = BTreeSet::new();
    let mut arrows = 0;
    let sources: Vec<(&str, Vec<Source>)> =
        ["jwt-core", "jwt-tower", "jwt-actix"].map(|package| (package, sources(package))).into();
    for (package, sources) in &sources {
        let files = Files::new(sources);
        let code = sources.iter().filter(|source| !declares_nothing(&source.path));
        // The levels of the core's modules rule out circles between them. An adapter has no levels.
        let whole_crate = *package != "jwt-core";
        let uses: BTreeMap<&str, BTreeSet<&str>> =
            code.map(|source| (source.path.as_str(), files.used_by(source, whole_crate))).collect();
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
    assert!(arrows > 400, "only {arrows} uses were found");
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
        source("n.rs", "use crate::A;"),
        source("lib.rs", "mod m;\npub use m::A;"),
    ];
    let files = Files::new(&sources);
    let uses = |whole_crate| -> BTreeMap<_, _> {
        sources.iter().map(|source| (source.path.as_str(), files.used_by(source, whole_crate))).collect()
    };
    let whole = uses(true);
    assert_eq!(whole["m/b.rs"], BTreeSet::from(["m/a.rs", "n.rs"]));
    assert_eq!(whole["n.rs"], BTreeSet::from(["m/a.rs"]));
    let uses = uses(false);
    assert!(uses["n.rs"].is_empty());
    assert_eq!(uses["m/a.rs"], BTreeSet::from(["m/b.rs", "m/c.rs"]));
    assert_eq!(uses["m/b.rs"], BTreeSet::from(["m/a.rs"]));
    assert_eq!(uses["m/c.rs"], BTreeSet::from(["m/b.rs"]));
    assert_eq!(uses["m/d/e.rs"], BTreeSet::from(["m/c.rs"]));
    assert_eq!(circles(&uses), BTreeSet::from([vec!["m/a.rs", "m/b.rs", "m/c.rs"]]));
}
