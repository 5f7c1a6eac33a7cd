//! Reads a page: its blocks of code, and the commands with their answers.

/// A reader's steps in one of the two parts of a page.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) manifest: String,
    pub(crate) program: String,
    /// The code that the reader appends to the program.
    pub(crate) tests: String,
    pub(crate) calls: Vec<Call>,
    /// Lines that the program writes to its log.
    pub(crate) log: Vec<String>,
}

/// A command that a reader pastes into a shell, and its output.
#[derive(Debug, PartialEq)]
pub(crate) struct Call {
    pub(crate) command: String,
    pub(crate) answer: Vec<String>,
}

/// The parts of a page that have a program.
pub(crate) fn parts(document: &str) -> Vec<Part> {
    let sections = document.split("\n## ").filter(|section| section.contains("```toml"));
    sections
        .map(|section| {
            let mut programs = blocks(section, "rust,ignore").into_iter();
            let mut next = || programs.next().expect("a program and its tests");
            Part {
                manifest: blocks(section, "toml").remove(0),
                program: next(),
                tests: next(),
                calls: blocks(section, "console").iter().flat_map(|block| calls(block)).collect(),
                log: blocks(section, "text").iter().flat_map(|block| block.lines().map(str::to_owned)).collect(),
            }
        })
        .collect()
}

fn blocks(section: &str, language: &str) -> Vec<String> {
    let start = format!("\n```{language}\n");
    let parts = section.split(&start).skip(1);
    parts.map(|part| part.split("\n```").next().unwrap_or_default().to_owned()).collect()
}

fn calls(block: &str) -> Vec<Call> {
    let mut found: Vec<Call> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), found.last_mut()) {
            (Some(command), _) => found.push(Call { command: command.to_owned(), answer: Vec::new() }),
            (None, Some(call)) => call.answer.push(line.to_owned()),
            (None, None) => panic!("a block begins with a command: {line}"),
        }
    }
    for call in &mut found {
        trim(&mut call.answer);
    }
    found
}

/// Removes empty lines at the end.
pub(crate) fn trim(lines: &mut Vec<String>) {
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
}

/// Whether a line is the printed one. A `…` in the printed line matches anything.
pub(crate) fn matches(printed: &str, line: &str) -> bool {
    let mut parts = printed.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = line.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        // The last part is at the end, unless the line has been used up.
        let found = if parts.peek().is_none() { rest.strip_suffix(part).map(|_| "") } else { behind(rest, part) };
        let Some(found) = found else { return false };
        rest = found;
    }
    rest.is_empty()
}

fn behind<'l>(line: &'l str, part: &str) -> Option<&'l str> {
    line.find(part).map(|at| &line[at + part.len()..])
}

#[test]
fn an_ellipsis_stands_for_anything_and_the_rest_for_itself() {
    for (printed, line, same) in [
        ("ok", "ok", true),
        ("ok", "okay", false),
        ("a…", "abc", true),
        ("…c", "abc", true),
        ("a…b…c", "a1b2c", true),
        ("a…b…c", "a1c2b", false),
        ("a…b", "a1b2", false),
    ] {
        assert_eq!(matches(printed, line), same, "{printed} and {line}");
    }
    let call = |command: &str, answer: &[&str]| Call {
        command: command.to_owned(),
        answer: answer.iter().map(|&line| line.to_owned()).collect(),
    };
    let read = calls("$ one\nHTTP/1.1 200 OK\n\nbody\n\n$ two");
    assert_eq!(read, [call("one", &["HTTP/1.1 200 OK", "", "body"]), call("two", &[])]);
}
