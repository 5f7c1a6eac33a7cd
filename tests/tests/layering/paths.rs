//! The paths that a source file names.

/// Returns the code of a file: no comments, and nothing from `mod tests` on.
pub(crate) fn code(text: &str) -> String {
    let end = text.match_indices("\nmod tests {").map(|(at, _)| at).next().unwrap_or(text.len());
    let (code, attribute) = text[..end].rsplit_once('\n').unwrap_or((&text[..end], ""));
    let code = if attribute.starts_with("#[cfg(") { code } else { &text[..end] };
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.map(|line| line.split(" // ").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// Returns the name that follows each `crate::`.
pub(crate) fn modules_named(code: &str) -> impl Iterator<Item = &str> {
    code.match_indices("crate::").map(|(at, prefix)| name_at(&code[at + prefix.len()..]))
}

/// Returns the identifier that the code begins with, or an empty string.
fn name_at(code: &str) -> &str {
    let end = code.find(|character: char| !character.is_ascii_alphanumeric() && character != '_');
    &code[..end.unwrap_or(code.len())]
}

/// Returns every path in the code that begins with `crate`, `super` or `self`; `use` trees are written out.
pub(crate) fn relative_paths(code: &str) -> Vec<Vec<&str>> {
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
pub(crate) fn path_tree<'c>(mut code: &'c str, above: &[&'c str], found: &mut Vec<Vec<&'c str>>) -> &'c str {
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
pub(crate) fn absolute<'c>(module: &[&'c str], path: &[&'c str]) -> Vec<&'c str> {
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
