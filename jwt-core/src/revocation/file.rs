//! The file with a list's snapshot.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::digest::DigestKey;
use super::entries::{Entries, Full};
use super::local::Now;
use super::snapshot::{Snapshot, Unusable, longest};

/// How much time passes at least between two writings.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// The file with a list's snapshot, and its content.
pub(super) struct SnapshotFile {
    path: PathBuf,
    /// The name of the store, so that the file of another one isn't used.
    store: String,
    state: Mutex<State>,
    /// Held while the file is being written.
    writing: Mutex<()>,
}

#[derive(Default)]
struct State {
    /// The snapshot that was read at the start, until it's known whether the store continues it.
    start: Option<Snapshot>,
    /// How far the list follows its store; `None` if it lacks something.
    mark: Option<String>,
    /// The mark of the file, and when it was written on the monotonic clock.
    saved: Option<(String, Duration)>,
}

impl SnapshotFile {
    /// Reads the file. If it cannot be used, a warning says why.
    pub(super) fn open(path: PathBuf, store: &str, capacity: usize) -> Self {
        let start = match read(&path, store, capacity) {
            Ok(start) => start.and_then(|start| start.map_err(Unusable::reason).map_err(warn_unused).ok()),
            Err(error) => {
                tracing::warn!(error = %error.kind(), "the snapshot of the revocations can't be read: reading everything");
                None
            }
        };
        let state = Mutex::new(State { start, ..State::default() });
        Self { path, store: store.to_owned(), state, writing: Mutex::new(()) }
    }

    /// The key of the digests in the file.
    pub(super) fn key(&self) -> Option<DigestKey> {
        self.state().start.as_ref().map(|start| start.key)
    }

    /// How far the file follows the store, until it's used or rejected.
    pub(super) fn start(&self) -> Option<String> {
        self.state().start.as_ref().map(|start| start.mark.clone())
    }

    /// Adds the file's entries, once.
    pub(super) fn use_start(&self, entries: &Entries, now: Now) -> Result<(), Full> {
        let Some(start) = self.state().start.take() else { return Ok(()) };
        self.state().saved = Some((start.mark.clone(), now.monotonic));
        entries.restore(start, now)
    }

    #[cfg(any(feature = "redis", test))]
    pub(super) fn reject_start(&self, reason: &'static str) {
        if self.state().start.take().is_some() {
            warn_unused(reason);
        }
    }

    pub(super) fn set_mark(&self, mark: Option<String>) {
        self.state().mark = mark;
    }

    /// Whether the file lacks something, and was written long enough ago.
    pub(super) fn is_due(&self, now: Now) -> bool {
        let state = self.state();
        match (&state.mark, &state.saved) {
            (Some(mark), Some((saved, at))) => mark != saved && now.monotonic >= at.saturating_add(SAVE_EVERY),
            (mark, _) => mark.is_some(),
        }
    }

    /// Writes the file, unless the list lacks something or has not changed.
    pub(super) fn save(&self, entries: &Entries, now: Now, is_incomplete: impl Fn() -> bool) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let state = self.state();
        // The mark is read before the entries, which may be ahead of it.
        let Some(mark) = state.mark.clone() else { return };
        if state.saved.as_ref().is_some_and(|(saved, _)| *saved == mark) {
            return;
        }
        drop(state);
        let write_to = |file: &File| entries.write_to(file, &self.store, &mark).map(|()| !is_incomplete());
        let saved = match write(&self.path, write_to) {
            Ok(true) => mark,
            Ok(false) => return,
            Err(error) => {
                match error.kind() {
                    io::ErrorKind::AlreadyExists => tracing::warn!(
                        "another process writes the same snapshot of the revocations: give each process a file of its own"
                    ),
                    error => tracing::warn!(%error, "the snapshot of the revocations can't be written"),
                }
                // It's tried again, but not all the time.
                String::new()
            }
        };
        self.state().saved = Some((saved, now.monotonic));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for SnapshotFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SnapshotFile").field("path", &self.path).finish_non_exhaustive()
    }
}

fn warn_unused(reason: &'static str) {
    tracing::warn!(reason, "the snapshot of the revocations isn't used: reading everything");
}

fn read(path: &Path, store: &str, capacity: usize) -> io::Result<Option<Result<Snapshot, Unusable>>> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let length = file.metadata()?.len();
    if length > longest(capacity) {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Snapshot::read(file, length, store, capacity).map(Some)
}

/// Replaces the file in one step if `write_to` says so, so that it's always a whole one. Only the process's user may read it.
fn write(path: &Path, write_to: impl FnOnce(&File) -> io::Result<bool>) -> io::Result<bool> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(".new");
    let new = path.with_file_name(name);
    // One that a process left behind when it was killed.
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&new)?;
    let is_replaced = write_to(&file).and_then(|is_wanted| {
        if is_wanted {
            file.sync_all()?;
            if !is_at(&file, &new) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(&new, path)?;
        }
        Ok(is_wanted)
    });
    if !matches!(is_replaced, Ok(true)) && is_at(&file, &new) {
        // It must not take the last space of a full disk.
        let _ = fs::remove_file(&new);
    }
    is_replaced
}

/// Whether the file is still the one with this name, and not that of another process that writes the same snapshot.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let id = |metadata: io::Result<fs::Metadata>| metadata.ok().map(|metadata| (metadata.dev(), metadata.ino()));
    id(file.metadata()) == id(fs::metadata(path))
}

#[cfg(not(unix))]
const fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::local::Origin;
    use crate::revocation::target::{ANY_TIME, Kind};

    const fn now(seconds: u64) -> Now {
        Now { wall: 1_000, monotonic: Duration::from_secs(seconds) }
    }

    /// A folder of its own for each test.
    fn path(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("jwt-snapshot-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder");
        folder.join("revocations")
    }

    fn open(path: &Path) -> SnapshotFile {
        SnapshotFile::open(path.to_owned(), "store", 100)
    }

    fn entries(names: &[&str]) -> Entries {
        let entries = Entries::new(100).sealing(100, Duration::from_secs(60));
        for name in names {
            entries.add((Kind::Token, "i", name), ANY_TIME, 2_000, Origin::Store, now(0)).expect("space");
        }
        entries
    }

    fn save(file: &SnapshotFile, entries: &Entries, mark: &str, at: u64) {
        file.set_mark(Some(mark.to_owned()));
        file.save(entries, now(at), || false);
    }

    #[test]
    fn a_file_is_written_if_something_is_new_and_nothing_is_missing() {
        let path = path("due");
        let (file, list) = (open(&path), entries(&["a"]));
        assert!(!file.is_due(now(0)));
        file.save(&list, now(0), || false);
        file.set_mark(Some("1".to_owned()));
        file.save(&list, now(0), || true);
        assert!(!path.exists(), "something is missing");
        assert!(file.is_due(now(0)));
        file.save(&list, now(0), || false);
        assert_eq!(open(&path).start().as_deref(), Some("1"));
        assert!(!file.is_due(now(3_600)), "nothing is new");
        file.set_mark(Some("2".to_owned()));
        assert!(!file.is_due(now(59)) && file.is_due(now(60)));
        file.set_mark(None);
        assert!(!file.is_due(now(60)));
    }

    #[test]
    fn a_file_is_replaced_whole_and_only_its_user_may_read_it() {
        let path = path("whole");
        let (file, list) = (open(&path), entries(&["a", "b"]));
        save(&file, &list, "1", 0);
        // A process was killed while it wrote.
        let new = path.with_file_name("revocations.new");
        fs::write(&new, &fs::read(&path).expect("a file")[..50]).expect("written");
        assert_eq!(open(&path).start().as_deref(), Some("1"));
        save(&file, &list, "2", 0);
        assert_eq!(open(&path).start().as_deref(), Some("2"));
        assert!(!new.exists());
        #[cfg(unix)]
        assert_eq!(
            std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).expect("a file").permissions()) & 0o777,
            0o600
        );
        // Another process writes the same snapshot at that moment: a file that isn't finished never gets the name.
        #[cfg(unix)]
        {
            let other = write(&path, |_| {
                write(&path, |mut file| io::Write::write_all(&mut file, &fs::read(&path)?).and(Ok(true)))
            });
            assert_eq!(other.map_err(|error| error.kind()), Err(io::ErrorKind::AlreadyExists));
            assert_eq!(open(&path).start().as_deref(), Some("2"));
            let later = write(&path, |_| {
                let result = write(&path, |_| Err(io::ErrorKind::StorageFull.into()));
                assert_eq!(result.map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
                fs::write(&new, "of another process").and(Err(io::ErrorKind::StorageFull.into()))
            });
            assert!(later.is_err() && new.exists(), "it's the other one's");
            fs::remove_file(&new).expect("removed");
        }
        // As on a full disk: the space is free again.
        let full =
            write(&path, |mut file| io::Write::write_all(&mut file, b"a").and(Err(io::ErrorKind::StorageFull.into())));
        assert_eq!(full.map_err(|error| error.kind()), Err(io::ErrorKind::StorageFull));
        assert!(!new.exists());
        assert_eq!(open(&path).start().as_deref(), Some("2"));
        // A folder that is missing costs a warning, and a later attempt.
        let lost = open(&path.join("missing"));
        save(&lost, &list, "1", 0);
        assert!(!lost.is_due(now(59)) && lost.is_due(now(60)));
    }

    #[test]
    fn what_was_read_is_used_once_or_not_at_all() {
        let path = path("once");
        save(&open(&path), &entries(&["a"]), "1", 0);
        let file = open(&path);
        let list = Entries::new(100).sealing(100, Duration::from_secs(60)).keyed(file.key().expect("a key"));
        file.use_start(&list, now(0)).expect("space");
        assert!(list.find(Kind::Token, "i", "a").is_some() && file.start().is_none());
        file.set_mark(Some("1".to_owned()));
        assert!(!file.is_due(now(3_600)), "the file has it already");
        let file = open(&path);
        file.reject_start("it's old");
        let list = entries(&[]);
        file.use_start(&list, now(0)).expect("nothing");
        assert_eq!(list.len(), 0);
    }

    #[test]
    fn a_file_that_is_too_long_is_not_read() {
        let path = path("long");
        fs::write(&path, vec![0; longest(100) as usize + 1]).expect("written");
        assert_eq!(read(&path, "store", 100).err().expect("too long").kind(), io::ErrorKind::FileTooLarge);
        assert!(open(&path).start().is_none());
        assert!(read(&path.with_file_name("none"), "store", 1).expect("no error").is_none());
    }
}
