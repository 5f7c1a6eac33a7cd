//! The revocations of a list as bytes, so that the next process need not read everything.
//!
//! Version 1, in little endian: the format's name and version, the list's key, the digest of the store's name, a mark, and
//! which kinds there are. Then for each shard the exact entries, the ends of the tags, and two sets of fingerprints as
//! differences. Last, a keyed checksum of all that. There are digests only: no subject, no session, no token id.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;

use super::compact::{CompactSet, MAX_LEN, TAGS};
use super::digest::DigestKey;
use super::entries::{Entries, Full, SHARDS};
use super::local::{Now, Origin};
use super::sealed::Sealed;
use super::target::Kind;

const FORMAT: [u8; 8] = *b"jwt-rvk\x01";

/// The length of the format, the key, the store, the checksum, and the shortest mark and shards.
const SHORTEST: usize = 8 + 16 + 16 + 16;

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
    digest: u128,
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
}

impl Unusable {
    pub(super) const fn reason(self) -> &'static str {
        match self {
            Self::Damaged => "it's damaged",
            Self::OtherVersion => "another version has written it",
            Self::OtherStore => "it's of another server, database or prefix",
        }
    }
}

/// The longest snapshot of a list with this capacity.
pub(super) const fn longest(capacity: usize) -> u64 {
    (capacity.saturating_mul(2 * PER_ENTRY).saturating_add(SHARDS * PER_SHARD + 4_096)) as u64
}

impl Snapshot {
    pub(super) fn read(bytes: &[u8], store: &str) -> Result<Self, Unusable> {
        if bytes.len() < SHORTEST || !bytes.starts_with(&FORMAT[..7]) {
            return Err(Unusable::Damaged);
        }
        if bytes[7] != FORMAT[7] {
            return Err(Unusable::OtherVersion);
        }
        let (content, checksum) = bytes.split_at(bytes.len() - 16);
        let mut reader = Reader(&content[FORMAT.len()..]);
        let key = reader.words().map(DigestKey::from_words).ok_or(Unusable::Damaged)?;
        if key.digest_of(content).to_le_bytes() != checksum {
            return Err(Unusable::Damaged);
        }
        if reader.take::<16>().map(u128::from_le_bytes) != Some(key.digest_of(store.as_bytes())) {
            return Err(Unusable::OtherStore);
        }
        reader.rest(key).filter(|_| reader.0.is_empty()).ok_or(Unusable::Damaged)
    }
}

/// What's left to read.
struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*taken)
    }

    fn words(&mut self) -> Option<[u64; 2]> {
        Some([u64::from_le_bytes(self.take()?), u64::from_le_bytes(self.take()?)])
    }

    fn second(&mut self) -> Option<i64> {
        self.take().map(i64::from_le_bytes)
    }

    /// Seven bits in each byte, the lowest first. All bytes but the last have the highest bit.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let [byte] = self.take()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    fn rest(&mut self, key: DigestKey) -> Option<Snapshot> {
        let length = usize::try_from(self.number()?).ok()?;
        let (mark, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        let mark = str::from_utf8(mark).ok()?.to_owned();
        let [kinds] = self.take()?;
        let shards = (0..SHARDS).map(|_| self.part()).collect::<Option<_>>()?;
        Some(Snapshot { key, mark, kinds, shards })
    }

    fn part(&mut self) -> Option<Part> {
        let count = self.number()?;
        let exact = (0..count).map(|_| self.exact()).collect::<Option<_>>()?;
        let mut ends = [0; TAGS];
        for end in &mut ends {
            *end = self.second()?;
        }
        Some(Part { exact, ends, current: self.set()?, orphaned: self.set()? })
    }

    fn exact(&mut self) -> Option<Exact> {
        let digest = self.take().map(u128::from_le_bytes)?;
        let [flags] = self.take()?;
        let kind = *Kind::ALL.get(usize::from(flags & 3))?;
        Some(Exact { digest, kind, is_stored: flags & 4 != 0, cutoff: self.second()?, until: self.second()? })
    }

    fn set(&mut self) -> Option<CompactSet> {
        let count = usize::try_from(self.number()?).ok().filter(|count| *count <= MAX_LEN.min(self.0.len()))?;
        let mut next = 0_u64;
        let fingerprints = (0..count).map_while(|_| {
            let number = self.number()?;
            let fingerprint = u32::try_from(next.saturating_add(number / TAGS as u64)).ok()?;
            next = u64::from(fingerprint) + 1;
            Some((fingerprint, (number % TAGS as u64) as u8))
        });
        let set = CompactSet::new(count, fingerprints);
        (set.len() == count).then_some(set)
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn set(&mut self, set: &CompactSet) {
        self.number(set.len() as u64);
        let mut next = 0;
        for (fingerprint, tag) in set.iter() {
            self.number((u64::from(fingerprint) - next) * TAGS as u64 + u64::from(tag));
            next = u64::from(fingerprint) + 1;
        }
    }
}

impl Entries {
    /// The entries as bytes. `mark` says how far they follow the store, which has this name.
    pub(super) fn to_bytes(&self, store: &str, mark: &str) -> Vec<u8> {
        let mut writer = Writer(Vec::with_capacity(self.len().saturating_mul(4)));
        writer.0.extend(FORMAT);
        writer.0.extend(self.key.to_words().iter().flat_map(|word| word.to_le_bytes()));
        writer.0.extend(self.key.digest_of(store.as_bytes()).to_le_bytes());
        writer.number(mark.len() as u64);
        writer.0.extend(mark.as_bytes());
        let is_there = |kind: Kind| u8::from(self.kinds[kind as usize].load(Ordering::Acquire) > 0) << kind as u8;
        writer.0.push(Kind::ALL.into_iter().map(is_there).sum());
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            writer.number(shard.entries.len() as u64);
            for (digest, entry) in &shard.entries {
                writer.0.extend(digest.to_le_bytes());
                writer.0.push(entry.kind as u8 | u8::from(entry.is_stored) << 2);
                writer.0.extend(entry.cutoff.to_le_bytes());
                writer.0.extend(entry.until.to_le_bytes());
            }
            let sealed = shard.sealed.clone();
            drop(shard);
            let (current, orphaned, ends) = sealed.parts();
            writer.0.extend(ends.iter().flat_map(|end| end.to_le_bytes()));
            writer.set(&current);
            writer.set(orphaned);
        }
        let checksum = self.key.digest_of(&writer.0);
        writer.0.extend(checksum.to_le_bytes());
        writer.0
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
        let snapshot = Snapshot::read(bytes, STORE).expect("a snapshot");
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
        let bytes = list.to_bytes(STORE, "epoch 7-9");
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
        other.restore(Snapshot::read(&copy.to_bytes(STORE, "m"), STORE).expect("a snapshot"), now(60)).expect("space");
        assert!(names().all(|(kind, name)| other.find(kind, "i", &name).is_some()));
        assert!((0..3_000).all(|number| other.find(Kind::Session, "i", &format!("new-{number}")).is_some()));
    }

    #[test]
    fn what_has_ended_is_not_restored_and_the_rest_ends_in_time() {
        let bytes = list().to_bytes(STORE, "epoch 7-9");
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
        let mut bytes = list().to_bytes(STORE, "epoch 7-9");
        let unusable = |bytes: &[u8], store| Snapshot::read(bytes, store).err();
        assert_eq!(unusable(&bytes, STORE), None);
        assert_eq!(unusable(&bytes, "redis 127.0.0.1/ other"), Some(Unusable::OtherStore));
        bytes[7] = 2;
        assert_eq!(unusable(&bytes, STORE), Some(Unusable::OtherVersion));
        assert_eq!(unusable(b"", STORE), Some(Unusable::Damaged));
        assert_eq!(unusable(b"-----BEGIN CERTIFICATE-----", STORE), Some(Unusable::Damaged));
    }

    #[test]
    fn a_snapshot_shows_no_name() {
        let bytes = list().to_bytes(STORE, "epoch 7-9");
        for secret in ["ada-1", "own-1", "s-1", "127.0.0.1"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
        assert!((bytes.len() as u64) < longest(list().len()), "{}", bytes.len());
    }

    /// Reading arbitrary bytes does not panic, and using them drops nothing.
    #[test]
    fn damaged_bytes_are_not_used_and_with_another_checksum_they_only_add() {
        let list = list();
        let good = list.to_bytes(STORE, "epoch 7-9");
        for length in (0..good.len()).step_by(97) {
            assert!(matches!(Snapshot::read(&good[..length], STORE), Err(Unusable::Damaged)), "{length}");
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
            assert!(Snapshot::read(&bytes, STORE).is_err());
            // With a checksum that fits, as from a program with another idea of the format.
            bytes.truncate(bytes.len() - 16 - random(3) * random(5_000));
            bytes.splice(24..40, list.key.digest_of(STORE.as_bytes()).to_le_bytes());
            bytes.splice(8..24, list.key.to_words().iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
            bytes.extend(list.key.digest_of(&bytes).to_le_bytes());
            if let Ok(snapshot) = Snapshot::read(&bytes, STORE) {
                used += 1;
                let _ = list.restore(snapshot, now(60));
            }
        }
        assert!(used > 5, "{used}");
        assert!(names().all(|(kind, name)| list.find(kind, "i", &name).is_some()));
    }
}
