use std::io::{self, Write};

/// Something that the examination found, in one line.
pub(super) struct Finding {
    pub(super) level: Level,
    /// The subject, in one word.
    pub(super) subject: &'static str,
    /// The finding and, unless it's fine, the remedy.
    pub(super) sentence: String,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Fine,
    /// It works, and could be better.
    Warn,
    /// Tokens will be refused.
    Fail,
}

pub(super) fn fine(subject: &'static str, sentence: impl Into<String>) -> Finding {
    Finding { level: Level::Fine, subject, sentence: sentence.into() }
}

pub(super) fn warn(subject: &'static str, sentence: impl Into<String>) -> Finding {
    Finding { level: Level::Warn, subject, sentence: sentence.into() }
}

pub(super) fn fail(subject: &'static str, sentence: impl Into<String>) -> Finding {
    Finding { level: Level::Fail, subject, sentence: sentence.into() }
}

impl Finding {
    pub(super) fn write(&self, output: &mut dyn Write) -> io::Result<()> {
        let level = match self.level {
            Level::Fine => "ok",
            Level::Warn => "warn",
            Level::Fail => "FAIL",
        };
        writeln!(output, "  {level:4}  {:10} {}", self.subject, self.sentence)
    }
}
