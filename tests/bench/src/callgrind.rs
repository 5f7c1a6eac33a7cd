//! Counts instructions: the program runs itself again, under `valgrind`.

use std::error::Error;
use std::hint::black_box;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::{env, fs};

/// The name of [`counted`] in a profile.
const COUNTED: &str = concat!(module_path!(), "::counted");

/// Does the work, so that [`counts`] counts its instructions.
#[inline(never)]
pub fn counted(work: &mut dyn FnMut()) {
    work();
    // Keeps the compiler from replacing the call with a jump.
    black_box(());
}

/// The instructions of one run of this program.
pub struct Counts {
    /// The output of the program.
    pub printed: String,
    /// The instructions of each call of [`counted`], in the order of the calls.
    pub instructions: Vec<u64>,
}

/// Runs this program again with an argument and an input, and counts the instructions of each call of [`counted`].
pub fn counts(argument: &str, input: &str) -> Result<Counts, Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("jwt-callgrind-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let mut child = Command::new("valgrind")
        .args(["--tool=callgrind", "--quiet"])
        .arg(format!("--toggle-collect={COUNTED}"))
        .arg(format!("--dump-after={COUNTED}"))
        .arg(format!("--callgrind-out-file={}", folder.join("out").display()))
        .arg(env::current_exe()?)
        .arg(argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("valgrind: {error}"))?;
    child.stdin.take().ok_or("no input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let mut instructions = Vec::new();
    // One file for each call, then one for the rest of the program.
    while let Ok(profile) = fs::read_to_string(folder.join(format!("out.{}", instructions.len() + 1))) {
        let total = profile.lines().find_map(|line| line.strip_prefix("totals: "));
        instructions.push(total.ok_or("a profile without a total")?.trim().parse()?);
    }
    fs::remove_dir_all(&folder)?;
    if !output.status.success() {
        return Err(format!("`{argument}` failed under valgrind").into());
    }
    Ok(Counts { printed: String::from_utf8(output.stdout)?, instructions })
}
