//! The parser of chunked bodies (RFC 9112 §7.1): finds their end.
//!
//! The library skips a bare LF in a trailer section and accepts spaces after a chunk size. This parser
//! accepts one to sixteen hexadecimal digits as a size, a short and printable extension, and a list of fields
//! as the trailer section.

use crate::head::{MOST_HEADERS, has_strict_lines};

/// The most digits of a size: a u64.
const DIGITS: u8 = 16;
/// The longest extension of a chunk.
const EXTENSION: u16 = 256;
/// The longest trailer section.
const TRAILERS: usize = 8 * 1024;

/// A chunked body violates the strict syntax.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadChunk;

/// The parser's state within a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Chunks {
    /// In the size of a chunk: its digits so far, and their value.
    Size { digits: u8, size: u64 },
    /// In an extension of so many bytes.
    Extension { length: u16, size: u64 },
    /// Before the LF after a size.
    SizeLf { size: u64 },
    /// In the data of a chunk.
    Data { left: u64 },
    /// After the data of a chunk, before CR LF.
    DataCr,
    /// Before that LF.
    DataLf,
    /// In the trailer section: its bytes so far.
    Trailers(Vec<u8>),
    /// After the last byte.
    End,
}

impl Chunks {
    pub(crate) const START: Self = Self::Size { digits: 0, size: 0 };

    /// Parses the next bytes. Returns how many of them belong to this body, and whether it continues after
    /// them. When bytes are refused, those before the returned position still belong to the body.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> (usize, Result<(), BadChunk>) {
        let mut at = 0;
        while let Some(byte) = bytes.get(at).copied().filter(|_| *self != Self::End) {
            if let Self::Data { left } = self {
                let rest = bytes.len() - at;
                let taken = usize::try_from(*left).unwrap_or(usize::MAX).min(rest);
                *left -= u64::try_from(taken).unwrap_or(*left);
                at += taken;
                if *left == 0 {
                    *self = Self::DataCr;
                }
                continue;
            }
            match self.step(byte) {
                Ok(()) => at += 1,
                Err(bad) => return (at, Err(bad)),
            }
        }
        (at, Ok(()))
    }

    fn step(&mut self, byte: u8) -> Result<(), BadChunk> {
        let next = match self {
            Self::Size { digits, size } => match (char::from(byte).to_digit(16), byte) {
                (Some(digit), _) if *digits < DIGITS => {
                    Self::Size { digits: *digits + 1, size: (*size << 4) | u64::from(digit) }
                }
                (None, b'\r') if *digits > 0 => Self::SizeLf { size: *size },
                (None, b';') if *digits > 0 => Self::Extension { length: 0, size: *size },
                (Some(_) | None, _) => return Err(BadChunk),
            },
            Self::Extension { length, size } => match byte {
                b'\r' => Self::SizeLf { size: *size },
                b'\t' | b' '..=b'~' if *length < EXTENSION => {
                    Self::Extension { length: *length + 1, size: *size }
                }
                _ => return Err(BadChunk),
            },
            Self::SizeLf { size: 0 } if byte == b'\n' => Self::Trailers(Vec::new()),
            Self::SizeLf { size } if byte == b'\n' => Self::Data { left: *size },
            Self::DataCr if byte == b'\r' => Self::DataLf,
            Self::DataLf if byte == b'\n' => Self::START,
            Self::Trailers(seen) => {
                if seen.len() == TRAILERS || !has_strict_lines(seen.last().copied(), &[byte]) {
                    return Err(BadChunk);
                }
                seen.push(byte);
                if byte != b'\n' || (seen.len() != 2 && !seen.ends_with(b"\r\n\r\n")) {
                    return Ok(());
                }
                if !are_fields(seen) {
                    return Err(BadChunk);
                }
                Self::End
            }
            Self::SizeLf { .. } | Self::Data { .. } | Self::DataCr | Self::DataLf | Self::End => {
                return Err(BadChunk);
            }
        };
        *self = next;
        Ok(())
    }
}

fn are_fields(section: &[u8]) -> bool {
    let mut fields = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let whole = httparse::parse_headers(section, &mut fields);
    matches!(whole, Ok(httparse::Status::Complete((length, _))) if length == section.len())
}

#[cfg(test)]
mod tests {
    use super::{BadChunk, Chunks};

    /// The length of the body, or the position of the fault, however the bytes are split.
    fn read(text: &str) -> Result<usize, usize> {
        let run = |parts: &[&[u8]]| {
            let (mut chunks, mut all) = (Chunks::START, 0);
            for part in parts {
                let (taken, outcome) = chunks.take(part);
                all += taken;
                if outcome == Err(BadChunk) {
                    return Err(all);
                }
            }
            if chunks == Chunks::End { Ok(all) } else { Err(usize::MAX) }
        };
        let whole = run(&[text.as_bytes()]);
        for cut in 0..text.len() {
            let (one, other) = text.as_bytes().split_at(cut);
            assert_eq!(run(&[one, other]), whole, "{text:?} cut at {cut}");
        }
        whole
    }

    #[test]
    fn chunked_body_ends_after_its_trailer_section() {
        for body in [
            "0\r\n\r\n",
            "1\r\na\r\n0\r\n\r\n",
            "a\r\n0123456789\r\n000\r\n\r\n",
            "1;a=b;c=\"d e\"\r\na\r\n0\r\nX-Sum: 1\r\nY:\r\n\r\n",
        ] {
            assert_eq!(read(&format!("{body}GET / HTTP/1.1\r\n\r\n")), Ok(body.len()), "{body:?}");
        }
    }

    #[test]
    fn malformed_chunk_is_rejected_at_its_position() {
        for (body, at) in [
            ("\r\n", 0),
            (";a\r\n", 0),
            ("+1\r\n", 0),
            ("0x1\r\n", 1),
            ("1 \r\na\r\n", 1),
            ("1\na\r\n", 1),
            ("1\ra\r\n", 2),
            ("1;a\nb\r\n", 3),
            ("1\r\na\n0\r\n\r\n", 4),
            ("1\r\nab\r\n", 4),
            ("1\r\na\r0\r\n\r\n", 5),
            ("00000000000000001\r\n", 16),
            ("0\r\n\n", 3),
            ("0\r\nX: y\n\r\n", 7),
            ("0\r\nX: \0\r\n\r\n", 6),
            ("0\r\nno field\r\n\r\n", 14),
            ("0\r\n X: folded\r\n\r\n", 16),
        ] {
            assert_eq!(read(body), Err(at), "{body:?}");
        }
        let long = |length| format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(length));
        assert_eq!(read(&long(256)), Ok(long(256).len()));
        assert_eq!(read(&long(257)), Err(258));
        let trailers = format!("0\r\n{}\r\n", "X: y\r\n".repeat(2000));
        let mut chunks = Chunks::START;
        assert_eq!(chunks.take(trailers.as_bytes()), (3 + 8192, Err(BadChunk)));
    }
}
