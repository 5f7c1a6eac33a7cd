//! Bytes with a checksum, written and read piece by piece.

use std::io::{self, Read, Write};

use super::digest::{Checksum, DigestKey};

const PIECE: usize = 64 * 1_024;

/// The longest form of a number.
const LONGEST_NUMBER: usize = 9;

pub(super) struct Writer<W> {
    sink: W,
    checksum: Checksum,
    piece: Vec<u8>,
}

impl<W: Write> Writer<W> {
    pub(super) fn new(sink: W, key: DigestKey) -> Self {
        Self { sink, checksum: key.checksum(), piece: Vec::with_capacity(2 * PIECE) }
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.piece.extend(bytes);
        if self.piece.len() < PIECE { Ok(()) } else { self.flush() }
    }

    pub(super) fn words(&mut self, words: &[u64]) -> io::Result<()> {
        words.iter().try_for_each(|word| self.bytes(&word.to_le_bytes()))
    }

    pub(super) fn second(&mut self, second: i64) -> io::Result<()> {
        self.bytes(&second.to_le_bytes())
    }

    /// Seven bits in each byte, the lowest first. All bytes but the last have the highest bit.
    pub(super) fn number(&mut self, mut number: u64) -> io::Result<()> {
        while number >= 0x80 {
            self.piece.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes(&[number as u8])
    }

    /// Writes the checksum.
    pub(super) fn finish(mut self) -> io::Result<()> {
        self.flush()?;
        self.sink.write_all(&self.checksum.finish().to_le_bytes())?;
        self.sink.flush()
    }

    fn flush(&mut self) -> io::Result<()> {
        self.checksum.add(&self.piece);
        self.sink.write_all(&self.piece)?;
        self.piece.clear();
        Ok(())
    }
}

/// Reads the bytes of a [`Writer`]. It returns an error if the source ends too early.
pub(super) struct Reader<R> {
    source: R,
    checksum: Checksum,
    piece: Vec<u8>,
    /// How much of the piece was taken.
    taken: usize,
    /// How many bytes follow the piece, without the checksum.
    left: u64,
}

impl<R: Read> Reader<R> {
    /// Reads `length` bytes and a checksum. The caller has read the ones that come `before` them.
    pub(super) fn new(source: R, key: DigestKey, before: &[u8], length: u64) -> Self {
        let mut checksum = key.checksum();
        checksum.add(before);
        Self { source, checksum, piece: Vec::new(), taken: 0, left: length }
    }

    /// How many bytes are left, at most.
    pub(super) fn left(&self) -> usize {
        usize::try_from(self.left).unwrap_or(usize::MAX).saturating_add(self.piece.len() - self.taken)
    }

    pub(super) fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        if let Some(taken) = self.piece.get(self.taken..).and_then(|rest| rest.first_chunk()) {
            self.taken += N;
            return Ok(*taken);
        }
        let mut taken = [0; N];
        for byte in &mut taken {
            if self.taken == self.piece.len() {
                self.read_piece()?;
            }
            *byte = *self.piece.get(self.taken).ok_or(io::ErrorKind::UnexpectedEof)?;
            self.taken += 1;
        }
        Ok(taken)
    }

    pub(super) fn words(&mut self) -> io::Result<[u64; 2]> {
        Ok([u64::from_le_bytes(self.take()?), u64::from_le_bytes(self.take()?)])
    }

    pub(super) fn second(&mut self) -> io::Result<i64> {
        self.take().map(i64::from_le_bytes)
    }

    pub(super) fn number(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for index in 0..LONGEST_NUMBER {
            let [byte] = self.take()?;
            number |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    }

    /// Whether nothing is left and the checksum fits.
    pub(super) fn finish(mut self) -> io::Result<bool> {
        let mut checksum = [0; 16];
        self.source.read_exact(&mut checksum)?;
        Ok(self.left() == 0 && checksum == self.checksum.finish().to_le_bytes())
    }

    fn read_piece(&mut self) -> io::Result<()> {
        let length = self.left.min(PIECE as u64);
        self.piece.resize(length as usize, 0);
        self.source.read_exact(&mut self.piece)?;
        self.checksum.add(&self.piece);
        (self.taken, self.left) = (0, self.left - length);
        Ok(())
    }
}
