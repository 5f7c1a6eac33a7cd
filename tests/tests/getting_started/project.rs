//! The folder of a reader: the page's files, built, started, called and tested.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jwt_core::{Clock as _, SystemClock};

use crate::page::{Part, matches, trim};
use crate::root;

/// The boundary between the answers of two commands.
const NEXT: &str = "=== next command ===";

pub(crate) struct Project<'p> {
    part: &'p Part,
    name: &'p str,
    folder: PathBuf,
    /// The names in the page, and their values here.
    replaced: Vec<(String, String)>,
    port: u16,
}

/// A running program. It ends with this value.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl<'p> Project<'p> {
    pub(crate) fn create(name: &'p str, part: &'p Part, issuer: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        fs::create_dir_all(folder.join("src")).expect("a folder");
        let printed = part.program.split("127.0.0.1:80").nth(1).and_then(|rest| rest.get(..2)).expect("an address");
        let port = free_port();
        let replaced = vec![
            (format!("127.0.0.1:80{printed}"), format!("127.0.0.1:{port}")),
            ("http://127.0.0.1:3000".to_owned(), issuer.to_owned()),
        ];
        let project = Self { part, name, folder, replaced, port };
        fs::write(project.folder.join("Cargo.toml"), with_paths(&part.manifest)).expect("a manifest");
        // The versions that this repository is tested with.
        fs::copy(root().join("Cargo.lock"), project.folder.join("Cargo.lock")).expect("a lock file");
        project.write(&part.program);
        project
    }

    fn here(&self, text: &str) -> String {
        self.replaced.iter().fold(text.to_owned(), |text, (printed, here)| text.replace(printed, here))
    }

    fn write(&self, program: &str) {
        fs::write(self.folder.join("src/main.rs"), self.here(program) + "\n").expect("a program");
    }

    fn target(&self) -> &'static Path {
        Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("a target folder")
    }

    fn cargo(&self, command: &str) {
        let began = SystemClock.monotonic();
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args([command, "--offline", "--quiet"]).current_dir(&self.folder).env("CARGO_TARGET_DIR", self.target());
        let output = cargo.output().expect("cargo");
        let (seen, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{}: cargo {command}: {seen}{errors}", self.name);
        assert!(command != "test" || seen.contains("1 passed"), "{}: {seen}", self.name);
        println!("{}: cargo {command}: {} s", self.name, (SystemClock.monotonic() - began).as_secs());
    }

    pub(crate) fn follow(self) {
        self.cargo("build");
        let log = self.folder.join("log");
        let running = self.start(&log);
        self.call();
        drop(running);
        let log = fs::read_to_string(&log).expect("a log");
        for printed in &self.part.log {
            assert!(log.lines().any(|line| matches(printed, line)), "{}: no {printed} in:\n{log}", self.name);
        }
        self.write(&format!("{}\n\n{}", self.part.program, self.part.tests));
        self.cargo("test");
        fs::remove_dir_all(&self.folder).expect("a folder that can be removed");
    }

    fn start(&self, log: &Path) -> Running {
        let package = self.part.manifest.split("name = \"").nth(1).and_then(|rest| rest.split('"').next());
        let mut program = Command::new(self.target().join("debug").join(package.expect("a name")));
        program.stdin(Stdio::null()).stdout(File::create(log).expect("a file")).env("NO_COLOR", "1");
        let running = Running(program.spawn().expect("it starts"));
        // A program that starts has to be waited for in real time.
        let began = SystemClock.monotonic();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(SystemClock.monotonic() - began < Duration::from_secs(60), "{}: it doesn't listen", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
        running
    }

    /// Runs the commands in one shell, and compares their output.
    fn call(&self) {
        let commands =
            self.part.calls.iter().map(|call| format!("{}\necho; echo '{NEXT}'\n", self.here(&call.command)));
        let script: String = commands.collect();
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).current_dir(&self.folder).env("NO_PROXY", "*");
        let output = shell.output().expect("a shell");
        let seen = String::from_utf8(output.stdout).expect("text");
        let seen: Vec<&str> = seen.split(NEXT).collect();
        assert_eq!(seen.len(), self.part.calls.len() + 1, "{}", String::from_utf8_lossy(&output.stderr));
        for (call, seen) in self.part.calls.iter().zip(seen) {
            let lines = seen.trim_start_matches('\n').lines().map(|line| line.trim_end().to_owned());
            let mut lines: Vec<String> = lines.filter(|line| !is_left_out(line)).collect();
            trim(&mut lines);
            let printed: Vec<String> = call.answer.iter().map(|line| self.here(line)).collect();
            let same = printed.len() == lines.len() && printed.iter().zip(&lines).all(|(p, line)| matches(p, line));
            assert!(same, "{}: {}\nprinted: {printed:#?}\nanswered: {lines:#?}", self.name, call.command);
        }
    }
}

/// Headers that the pages leave out.
fn is_left_out(line: &str) -> bool {
    ["date: ", "content-length: "].iter().any(|name| line.to_lowercase().starts_with(name))
}

/// The manifest with the crates of this repository instead of published ones.
fn with_paths(manifest: &str) -> String {
    let root = root().canonicalize().expect("a repository");
    let line = |line: &str| match line.split_once(" = { version = \"0.1\"") {
        Some((krate, rest)) if krate.starts_with("jwt-") => {
            format!("{krate} = {{ path = {:?}{rest}\n", root.join(krate).display().to_string())
        }
        _ => format!("{line}\n"),
    };
    manifest.lines().map(line).collect()
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("an address").port()
}
