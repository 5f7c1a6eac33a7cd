//! Everything that a program would have logged: all spans and events at every level, with all of their fields.

use std::cell::RefCell;
use std::fmt::{self, Write as _};
use std::marker::PhantomData;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use tracing::callsite;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

thread_local! {
    static TEXT: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// A log in memory of the thread that started it, at the level `TRACE`. It ends when it's dropped.
#[derive(Debug)]
#[must_use]
pub struct Log {
    this_thread: PhantomData<*const ()>,
}

impl Log {
    /// Starts to record.
    ///
    /// # Panics
    ///
    /// Panics if another subscriber is installed in the process.
    pub fn start() -> Self {
        static LISTEN: Once = Once::new();
        // One subscriber for the process, which sorts by thread. Subscribers of single threads would disable the
        // callsites that other threads reach first.
        LISTEN.call_once(|| {
            tracing::subscriber::set_global_default(Memory(AtomicU64::new(1))).expect("nobody else listens");
        });
        callsite::rebuild_interest_cache();
        TEXT.set(Some(String::new()));
        Self { this_thread: PhantomData }
    }

    /// Returns everything that was logged so far.
    #[must_use]
    pub fn text(&self) -> String {
        TEXT.with_borrow(|text| text.clone().unwrap_or_default())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        TEXT.set(None);
    }
}

struct Memory(AtomicU64);

fn write(record: impl FnOnce(&mut Line<'_>)) {
    TEXT.with_borrow_mut(|text| {
        if let Some(text) = text {
            record(&mut Line(text));
            text.push('\n');
        }
    });
}

impl Subscriber for Memory {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        write(|line| {
            line.place(span.metadata());
            span.record(line);
        });
        Id::from_u64(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        write(|line| values.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        write(|line| {
            line.place(event.metadata());
            event.record(line);
        });
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Line<'t>(&'t mut String);

impl Line<'_> {
    fn place(&mut self, metadata: &Metadata<'_>) {
        let _ = write!(self.0, "{} {}:", metadata.level(), metadata.target());
    }
}

impl Visit for Line<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        // Unescaped, as a careless logger would write it to a file.
        let _ = write!(self.0, " {}={value}", field.name());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}
