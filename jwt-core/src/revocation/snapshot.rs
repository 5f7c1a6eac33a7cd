//! The revocations of a list as bytes, so that the next process need not read everything.
//!
//! Version 1, in little endian: the format's name and version, the list's key, the digest of the store's name, a mark, and
//! which kinds there are, and the bits of a fingerprint. Then for each shard the exact entries, the ends of the tags, and two sets of fingerprints as
//! differences. Last, a keyed checksum of all that. There are digests only: no subject, no session, no token id.

use std::io::{self, Read, Write};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::compact::{CompactSet, MAX_LEN, TAGS};
use super::digest::{Digest, DigestKey};
use super::entries::{Entries, Full, SEALED_SHARDS, fingerprint_bits};
use super::local::{Now, Origin};
use super::sealed::Sealed;
use super::stream::{Reader, Writer};
use super::target::Kind;

const FORMAT: [u8; 8] = *b"jwt-rvk\x01";

/// The length of the format and the key.
const HEAD: usize = FORMAT.len() + 16;

const CHECKSUM: usize = 16;

/// The most bytes that an exact entry takes, and a shard beside its entries.
const PER_ENTRY: usize = 33;
const PER_SHARD: usize = 128;

/// A snapshot that was read. It isn't known yet whether the store continues it.
pub(super) struct Snapshot {
    pub(super) key: DigestKey,
    /// How far the list had followed its store.
    pub(super) mark: String,
    kinds: u8,
    shards: Vec<Part>,
}

struct Part {
    exact: Vec<Exact>,
    ends: [i64; TAGS],
    current: CompactSet,
    orphaned: CompactSet,
}

#[derive(Clone, Copy)]
struct Exact {
    digest: Digest,
    kind: Kind,
    is_stored: bool,
    cutoff: i64,
    until: i64,
}

/// Why a snapshot isn't used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    Damaged,
    OtherVersion,
    OtherStore,
    OtherCapacity,
}

impl Unusable {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Damaged => "it's damaged",
            Self::OtherVersion => "another version has written it",
            Self::OtherStore => "it's of another server, database or prefix",
            Self::OtherCapacity => "it's of a list with another `capacity`, whose fingerprints had another length",
        }
    }
}

/// The longest snapshot of a list with this capacity.
pub(super) const fn longest(capacity: usize) -> u64 {
    (capacity.saturating_mul(2 * PER_ENTRY).saturating_add(SEALED_SHARDS * PER_SHARD + 4_096)) as u64
}

impl Snapshot {
    /// Reads a snapshot of this length.
    pub(super) fn read(
        mut source: impl Read,
        length: u64,
        store: &str,
        capacity: usize,
    ) -> io::Result<Result<Self, Unusable>> {
        let Some(content) = length.checked_sub((HEAD + CHECKSUM) as u64) else { return Ok(Err(Unusable::Damaged)) };
        let mut head = [0; HEAD];
        source.read_exact(&mut head)?;
        let (format, key) = head.split_at(FORMAT.len());
        if format[..7] != FORMAT[..7] {
            return Ok(Err(Unusable::Damaged));
        }
        if format[7] != FORMAT[7] {
            return Ok(Err(Unusable::OtherVersion));
        }
        let word = |bytes: &[u8]| bytes.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        let key = DigestKey::from_words([word(&key[..8]), word(&key[8..])]);
        let reader = Reader::new(source, key, &head, content);
        match Self::read_rest(reader, key, store, capacity) {
            // The lengths in it are wrong.
            Err(error) if [io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidData].contains(&error.kind()) => {
                Ok(Err(Unusable::Damaged))
            }
            read => read,
        }
    }

    fn read_rest(
        mut reader: Reader<impl Read>,
        key: DigestKey,
        store: &str,
        capacity: usize,
    ) -> io::Result<Result<Self, Unusable>> {
        if u128::from_le_bytes(reader.take()?) != key.digest_of(store) {
            return Ok(Err(Unusable::OtherStore));
        }
        let length = reader.number()?;
        let mark = (0..length).map(|_| reader.take().map(u8::from_le_bytes)).collect::<io::Result<_>>()?;
        let [kinds, bits] = reader.take()?;
        if u32::from(bits) != fingerprint_bits(capacity) {
            return Ok(Err(Unusable::OtherCapacity));
        }
        let shards = (0..SEALED_SHARDS).map(|_| part(&mut reader, bits.into())).collect::<io::Result<_>>()?;
        let is_whole = reader.finish()?;
        let snapshot = String::from_utf8(mark).ok().filter(|_| is_whole).map(|mark| Self { key, mark, kinds, shards });
        Ok(snapshot.ok_or(Unusable::Damaged))
    }
}

fn part(reader: &mut Reader<impl Read>, bits: u32) -> io::Result<Part> {
    let count = reader.number()?;
    let exact = (0..count).map(|_| exact(reader)).collect::<io::Result<_>>()?;
    let mut ends = [0; TAGS];
    for end in &mut ends {
        *end = reader.second()?;
    }
    Ok(Part { exact, ends, current: set(reader, bits)?, orphaned: set(reader, bits)? })
}

fn exact(reader: &mut Reader<impl Read>) -> io::Result<Exact> {
    let digest = Digest::from_words(reader.words()?);
    let [flags] = reader.take()?;
    let kind = *Kind::ALL.get(usize::from(flags & 3)).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Exact { digest, kind, is_stored: flags & 4 != 0, cutoff: reader.second()?, until: reader.second()? })
}

fn set(reader: &mut Reader<impl Read>, bits: u32) -> io::Result<CompactSet> {
    let count = usize::try_from(reader.number()?).unwrap_or(usize::MAX);
    if count > MAX_LEN.min(reader.left()) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let (mut next, mut result) = (0_u64, Ok(()));
    let fingerprints = (0..count).map_while(|_| {
        let number = reader.number().map_err(|error| result = Err(error)).ok()?;
        let fingerprint = next.saturating_add(number / TAGS as u64);
        next = fingerprint + 1;
        (fingerprint >> bits == 0).then_some((fingerprint, (number % TAGS as u64) as u8))
    });
    let set = CompactSet::new(bits, count, fingerprints);
    result?;
    if set.len() == count { Ok(set) } else { Err(io::ErrorKind::InvalidData.into()) }
}

fn write_set(writer: &mut Writer<impl Write>, set: &CompactSet) -> io::Result<()> {
    writer.number(set.len() as u64)?;
    let mut next = 0;
    for (fingerprint, tag) in set.iter() {
        writer.number((fingerprint - next) * TAGS as u64 + u64::from(tag))?;
        next = fingerprint + 1;
    }
    Ok(())
}

impl Entries {
    /// Writes the entries. `mark` says how far they follow the store, which has this name.
    pub(super) fn write_to(&self, sink: impl Write, store: &str, mark: &str) -> io::Result<()> {
        let mut writer = Writer::new(sink, self.key);
        writer.bytes(&FORMAT)?;
        writer.words(&self.key.to_words())?;
        writer.bytes(&self.key.digest_of(store).to_le_bytes())?;
        writer.number(mark.len() as u64)?;
        writer.bytes(mark.as_bytes())?;
        let is_there = |kind: Kind| u8::from(self.kinds[kind as usize].load(Ordering::Acquire) > 0) << kind as u8;
        writer.bytes(&[Kind::ALL.into_iter().map(is_there).sum(), fingerprint_bits(self.capacity()) as u8])?;
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            // No entry is written under the lock, because a disk can be slow.
            let exact: Vec<_> = shard.entries.iter().map(|(digest, entry)| (*digest, *entry)).collect();
            let sealed = shard.sealed.clone();
            drop(shard);
            writer.number(exact.len() as u64)?;
            for (digest, entry) in exact {
                writer.words(&digest.to_words())?;
                writer.bytes(&[entry.kind as u8 | u8::from(entry.is_stored) << 2])?;
                writer.second(entry.cutoff)?;
                writer.second(entry.until)?;
            }
            let (current, orphaned, ends) = sealed.parts();
            ends.iter().try_for_each(|end| writer.second(*end))?;
            write_set(&mut writer, current)?;
            write_set(&mut writer, orphaned)?;
        }
        writer.finish()
    }

    /// Adds a snapshot's entries. Its key must be the list's. Existing entries are not changed or dropped.
    pub(super) fn restore(&self, snapshot: Snapshot, now: Now) -> Result<(), Full> {
        let mut result = Ok(());
        for (index, part) in snapshot.shards.into_iter().enumerate() {
            self.join(index, &Sealed::from_parts(part.current, part.orphaned, part.ends, now));
            for exact in part.exact {
                let origin = if exact.is_stored { Origin::Store } else { Origin::Process };
                let added = self.insert(exact.digest, exact.kind, exact.cutoff, exact.until, origin, now);
                result = result.and(added);
            }
        }
        for kind in Kind::ALL.into_iter().filter(|kind| snapshot.kinds >> *kind as u8 & 1 == 1) {
            // Sealed ones count without end.
            self.kinds[kind as usize].fetch_add(1, Ordering::AcqRel);
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::revocation::local::Known;
    use crate::revocation::target::ANY_TIME;

    const DAY: i64 = 24 * 3_600;
    const END: i64 = 1_000_000 + DAY;
    const STORE: &str = "redis 127.0.0.1/ jwt";

    fn read(bytes: &[u8], store: &str) -> Result<Snapshot, Unusable> {
        Snapshot::read(bytes, bytes.len() as u64, store, 100_000).expect("bytes can be read")
    }

    fn written(list: &Entries, mark: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        list.write_to(&mut bytes, STORE, mark).expect("memory");
        bytes
    }

    const fn now(seconds: u64) -> Now {
        Now { wall: 1_000_000 + seconds as i64, monotonic: Duration::from_secs(7 + seconds) }
    }

    fn empty() -> Entries {
        Entries::new(100_000).sealing(640, Duration::from_secs(DAY as u64))
    }

    /// A list with sealed, orphaned, exact and unconfirmed revocations, and with cutoffs.
    fn list() -> Entries {
        let list = empty();
        let add = |kind, name: String, cutoff, until, origin| {
            list.add((kind, "i", &name), cutoff, until, origin, now(0)).expect("space");
        };
        (0..3_000).for_each(|number| add(Kind::Token, format!("lost-{number}"), ANY_TIME, END, Origin::Store));
        list.orphan();
        (0..6_000).for_each(|number| add(Kind::Session, format!("s-{number}"), ANY_TIME, END, Origin::Store));
        (0..50).for_each(|number| add(Kind::Subject, format!("ada-{number}"), number, END, Origin::Store));
        (0..50).for_each(|number| add(Kind::Token, format!("own-{number}"), ANY_TIME, i64::MAX, Origin::Process));
        list
    }

    fn restored(bytes: &[u8], at: Now) -> Entries {
        let snapshot = read(bytes, STORE).expect("a snapshot");
        assert_eq!(snapshot.mark, "epoch 7-9");
        let list = empty().keyed(snapshot.key);
        list.restore(snapshot, at).expect("space");
        list
    }

    fn names() -> impl Iterator<Item = (Kind, String)> {
        let lost = (0..3_000).map(|number| (Kind::Token, format!("lost-{number}")));
        let sessions = (0..6_000).map(|number| (Kind::Session, format!("s-{number}")));
        let subjects = (0..50).map(|number| (Kind::Subject, format!("ada-{number}")));
        let own = (0..50).map(|number| (Kind::Token, format!("own-{number}")));
        lost.chain(sessions).chain(subjects).chain(own)
    }

    #[test]
    fn a_restored_list_knows_about_each_name_what_the_list_knew() {
        let list = list();
        let bytes = written(&list, "epoch 7-9");
        let copy = restored(&bytes, now(60));
        for (kind, name) in names() {
            let expected = list.find(kind, "i", &name);
            let found = copy.find(kind, "i", &name);
            // Some of the stored ones may be sealed meanwhile.
            let is_sealed = kind == Kind::Session && found == Some(Known::Sealed { is_orphaned: false });
            assert!(expected.is_some() && (found == expected || is_sealed), "{name} {found:?}");
            assert_eq!(copy.find(kind, "j", &name), None);
        }
        let sealed = names().filter(|(kind, name)| matches!(list.find(*kind, "i", name), Some(Known::Sealed { .. })));
        assert!(sealed.count() > 7_000);
        assert!(copy.len().abs_diff(list.len()) < 10, "{} {}", copy.len(), list.len());
        // Again, and into a list that has something already.
        let other = empty().keyed(list.key);
        for number in 0..3_000 {
            let name = format!("new-{number}");
            other.add((Kind::Session, "i", &name), ANY_TIME, END, Origin::Store, now(0)).expect("space");
        }
        other.restore(read(&written(&copy, "m"), STORE).expect("a snapshot"), now(60)).expect("space");
        assert!(names().all(|(kind, name)| other.find(kind, "i", &name).is_some()));
        assert!((0..3_000).all(|number| other.find(Kind::Session, "i", &format!("new-{number}")).is_some()));
    }

    #[test]
    fn what_has_ended_is_not_restored_and_the_rest_ends_in_time() {
        let bytes = written(&list(), "epoch 7-9");
        let late = restored(&bytes, now(2 * DAY as u64));
        assert_eq!(late.len(), 50, "those without an end");
        let copy = restored(&bytes, now(DAY as u64 - 1));
        assert!(copy.len() > 5_000);
        for number in 0..100_000 {
            let name = format!("later-{number}");
            let added = copy.add((Kind::Token, "i", &name), ANY_TIME, END + DAY, Origin::Store, now(DAY as u64 + 1));
            assert!(added.is_ok() || number > 99_000, "{number}");
        }
    }

    #[test]
    fn a_snapshot_of_another_store_or_version_is_not_used() {
        let mut bytes = written(&list(), "epoch 7-9");
        let unusable = |bytes: &[u8], store| read(bytes, store).err();
        assert_eq!(unusable(&bytes, STORE), None);
        assert_eq!(unusable(&bytes, "redis 127.0.0.1/ other"), Some(Unusable::OtherStore));
        bytes[7] = 2;
        assert_eq!(unusable(&bytes, STORE), Some(Unusable::OtherVersion));
        assert_eq!(unusable(b"", STORE), Some(Unusable::Damaged));
        assert_eq!(unusable(b"-----BEGIN CERTIFICATE-----", STORE), Some(Unusable::Damaged));
    }

    #[test]
    fn a_snapshot_shows_no_name() {
        let bytes = written(&list(), "epoch 7-9");
        for secret in ["ada-1", "own-1", "s-1", "127.0.0.1"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
        assert!((bytes.len() as u64) < longest(list().len()), "{}", bytes.len());
    }

    /// Reading arbitrary bytes does not panic, and using them drops nothing.
    #[test]
    fn damaged_bytes_are_not_used_and_with_another_checksum_they_only_add() {
        let list = list();
        let good = written(&list, "epoch 7-9");
        for length in (0..good.len()).step_by(97) {
            assert!(matches!(read(&good[..length], STORE), Err(Unusable::Damaged)), "{length}");
        }
        let mut state = 7_u64;
        let mut random = |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let mut used = 0;
        for round in 0..150 {
            let mut bytes = good.clone();
            for _ in 0..=random(4) {
                // Often near the beginning, which has the lengths.
                let reach = if round % 2 == 0 { 200 } else { bytes.len() };
                bytes[8 + random(reach - 8)] = random(256) as u8;
            }
            if bytes == good {
                continue;
            }
            assert!(read(&bytes, STORE).is_err());
            // With a checksum that fits, as from a program with another idea of the format.
            bytes.truncate(bytes.len() - 16 - random(3) * random(5_000));
            bytes.splice(24..40, list.key.digest_of(STORE).to_le_bytes());
            bytes.splice(8..24, list.key.to_words().iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
            let mut checksum = list.key.checksum();
            checksum.add(&bytes);
            bytes.extend(checksum.finish().to_le_bytes());
            if let Ok(snapshot) = read(&bytes, STORE) {
                used += 1;
                let _ = list.restore(snapshot, now(60));
            }
        }
        assert!(used > 5, "{used}");
        assert!(names().all(|(kind, name)| list.find(kind, "i", &name).is_some()));
    }
}
