//! Changing inputs: without knowing what they mean, but with pieces that readers stumble over.

/// What readers stumble over.
const PIECES: &[&str] = &[
    "null",
    "[]",
    "{}",
    "\"\"",
    "[",
    "{",
    "]",
    "}",
    ":",
    ",",
    "\\u0000",
    "\\ud800",
    "\\",
    "\"",
    "'",
    "`",
    "0",
    "-1",
    "1e999",
    "-0.0",
    "99999999999999999999",
    "9223372036854775807",
    "-9223372036854775808",
    "1.",
    "true",
    "\0",
    "\u{feff}",
    "\u{202e}",
    "é",
    "\u{10ffff}",
    "\u{1f468}\u{200d}\u{1f469}",
    "<",
    ">",
    "</",
    "/>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml",
    "<!DOCTYPE x [<!ENTITY a \"aaaa\">]>",
    "&a;",
    "&#0;",
    "&#x110000;",
    "&lt;",
    "xmlns",
    "%00",
    "%",
    "%C3%28",
    "+",
    "&",
    "=",
    "$",
    "|",
    "(",
    ")",
    ".",
    "..",
    "/",
    "//",
    "/-",
    "~0",
    "~1",
    "~",
    "*",
    "-",
    "_",
    "@",
    "#",
    " ",
    "\t",
    "\r\n",
    "\n\n",
    "0000-00-00",
    "2024-02-30",
    "9999-12-31T23:59:60+14:00",
    "-9999",
    "resourceType",
    "extension",
    "contained",
    "valueString",
    ":missing",
    ":not",
    ":exact",
    "_include",
    "_has:",
    "ap",
    "patient/*.cruds",
    "?_",
    "eyJ",
    "==",
    "alg",
    "none",
    "jwk",
    "%resource",
    "where(",
    "first()",
    "repeat(",
    "is ",
];

/// Makes new inputs of old ones. The same seed makes the same ones.
pub struct Mutator(u64);

impl Mutator {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `end` (`SplitMix64`, <https://prng.di.unimi.it/splitmix64.c>).
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % u64::try_from(end.max(1)).expect("a length")).expect("below a length")
    }

    /// A part of an input: where it begins, and where it ends.
    fn part(&mut self, input: &[u8], longest: usize) -> (usize, usize) {
        let start = self.below(input.len() + 1);
        (start, (start + self.below(longest + 1)).min(input.len()))
    }

    /// One of these, changed in one to eight places.
    pub fn change(&mut self, kept: &[Vec<u8>]) -> Vec<u8> {
        let mut input = kept[self.below(kept.len())].clone();
        for _ in 0..=self.below(8) {
            self.change_once(&mut input, kept);
        }
        input
    }

    fn change_once(&mut self, input: &mut Vec<u8>, kept: &[Vec<u8>]) {
        let (start, end) = self.part(input, 40);
        match self.below(10) {
            0 => drop(input.drain(start..end)),
            1 => input.truncate(start),
            2 if start < input.len() => input[start] ^= 1 << self.below(8),
            3 if start < input.len() => input[start] = u8::try_from(self.below(256)).expect("a byte"),
            4 => {
                let part = input[start..end].to_vec();
                let times = [1, 2, 10, 500][self.below(4)];
                input.splice(start..start, part.repeat(times));
            }
            5 => {
                let other = &kept[self.below(kept.len())];
                let (from, to) = self.part(other, 400);
                input.splice(start..end, other[from..to].iter().copied());
            }
            6 => {
                // An opening mark so often that a reader without a limit runs out of its stack.
                let opening = ["[", "{\"a\":", "<a>", "(", "not ", "-", "/a", "%5B"][self.below(8)];
                input.splice(start..start, opening.repeat(1 + self.below(3000)).into_bytes());
            }
            _ => {
                let piece = PIECES[self.below(PIECES.len())];
                let to = if self.below(2) == 0 { start } else { end };
                input.splice(start..to, piece.bytes());
            }
        }
    }
}

/// The input without what it does not need to fail.
pub fn smallest(input: &[u8], fails: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut input = input.to_vec();
    let mut step = input.len() / 2;
    while step > 0 {
        let mut start = 0;
        while start < input.len() {
            let end = (start + step).min(input.len());
            let shorter = [&input[..start], &input[end..]].concat();
            if fails(&shorter) { input = shorter } else { start = end }
        }
        step /= 2;
    }
    input
}

#[test]
fn fuzz_inputs_are_reproducible_and_failures_are_minimized() {
    let kept = vec![b"one input".to_vec(), b"and another".to_vec()];
    let made = |seed| {
        let mut mutator = Mutator::new(seed);
        (0..50).map(|_| mutator.change(&kept)).collect::<Vec<_>>()
    };
    assert_eq!(made(7), made(7));
    assert_ne!(made(7), made(8));
    let fails = |input: &[u8]| input.contains(&b'x') && input.contains(&b'y');
    assert_eq!(smallest(b"a long text with an x and with a y in it", fails), b"xy");
}
