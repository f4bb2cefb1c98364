//! What does a compressed head say that its codec cuts off, or drops in silence: a `#` in its path, a
//! pseudo-header among its trailers? It is read as it passes (HPACK, RFC 7541). No table of what was said
//! before is kept for that: of the last entries it is enough to know which are pseudo-headers.

/// The last of the static table, and in it the last pseudo-header and those that are paths (Appendix A).
const STATIC: usize = 61;
const LAST_PSEUDO: usize = 14;
const PATHS: [usize; 2] = [4, 5];
/// `:` and `:path` by the code of Appendix B: 7 bits, and 29.
const COLON: u8 = 0x5c;
const PATH: [u8; 3] = [0xb9, 0x58, 0xd3];
const PATH_ENDS: u8 = 0x38;
/// Entries that a table of 4 KiB, the size that is agreed to, can hold of 32 bytes at least (§4.1).
const ENTRIES: usize = 128;
/// Octets of a number (§5.1).
const MOST_OCTETS: usize = 5;

/// What one head, or one section of trailers, holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// A path has a `#`.
    pub(super) fragment: bool,
    pub(super) pseudo: bool,
}

/// What one side has said on a connection. Of each entry of its table there is a bit, the newest lowest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    pseudo: u128,
    paths: u128,
    fragments: u128,
}

/// A field's name, as far as it matters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Path,
    Pseudo,
    Other,
}

impl Fields {
    pub(super) const fn new() -> Self {
        Self {
            pseudo: 0,
            paths: 0,
            fragments: 0,
        }
    }

    /// Reads a block of fields. `None`: no codec can read it either, nor what follows.
    pub(super) fn read(&mut self, mut block: &[u8]) -> Option<Held> {
        let mut held = Held::default();
        while let Some(first) = block.first() {
            if first & 0x80 != 0 {
                let index = number(&mut block, 7)?;
                held.pseudo |= self.name(index)? != Name::Other;
                held.fragment |= bit(self.fragments, index);
                continue;
            }
            if first & 0xe0 == 0x20 {
                number(&mut block, 5)?;
                continue;
            }
            let is_kept = first & 0x40 != 0;
            let name = match number(&mut block, if is_kept { 6 } else { 4 })? {
                0 => named(string(&mut block)?),
                index => self.name(index)?,
            };
            let value = string(&mut block)?;
            let fragment = name == Name::Path && has_hash(value);
            held.pseudo |= name != Name::Other;
            held.fragment |= fragment;
            if is_kept {
                self.keep(name, fragment);
            }
        }
        Some(held)
    }

    fn name(&self, index: usize) -> Option<Name> {
        let (is_pseudo, is_path) = match index {
            0 => return None,
            1..=STATIC => (index <= LAST_PSEUDO, PATHS.contains(&index)),
            _ if index > STATIC + ENTRIES => return None,
            _ => (bit(self.pseudo, index), bit(self.paths, index)),
        };
        Some(match (is_pseudo, is_path) {
            (_, true) => Name::Path,
            (true, false) => Name::Pseudo,
            (false, false) => Name::Other,
        })
    }

    fn keep(&mut self, name: Name, fragment: bool) {
        let push = |bits: &mut u128, is: bool| *bits = *bits << 1 | u128::from(is);
        push(&mut self.pseudo, name != Name::Other);
        push(&mut self.paths, name == Name::Path);
        push(&mut self.fragments, fragment);
    }
}

/// The bit of an entry; none of the static table has any.
fn bit(bits: u128, index: usize) -> bool {
    let entry = index.checked_sub(STATIC + 1);
    entry.is_some_and(|entry| entry < ENTRIES && bits >> entry & 1 == 1)
}

/// A number that begins in the low bits of an octet (§5.1).
fn number(block: &mut &[u8], bits: u32) -> Option<usize> {
    let (first, mut rest) = block.split_first()?;
    let most = (1_usize << bits) - 1;
    let mut number = usize::from(*first) & most;
    if number == most {
        let mut shift = 0_usize;
        loop {
            let (next, behind) = rest.split_first()?;
            rest = behind;
            number = number.checked_add(usize::from(next & 0x7f) << shift)?;
            shift += 7;
            match next & 0x80 {
                0 => break,
                _ if shift > 7 * (MOST_OCTETS - 1) => return None,
                _ => {}
            }
        }
    }
    *block = rest;
    Some(number)
}

/// A string, and whether it is compressed (§5.2).
fn string<'b>(block: &mut &'b [u8]) -> Option<(&'b [u8], bool)> {
    let is_compressed = block.first()? & 0x80 != 0;
    let length = number(block, 7)?;
    let (string, rest) = block.split_at_checked(length)?;
    *block = rest;
    Some((string, is_compressed))
}

fn named((name, is_compressed): (&[u8], bool)) -> Name {
    let (is_pseudo, is_path) = match is_compressed {
        false => (name.first() == Some(&b':'), name == b":path"),
        true => {
            let ends = |byte: &u8| byte & 0xf8 == PATH_ENDS;
            let is_path = name.starts_with(&PATH) && name.get(PATH.len()).is_some_and(ends);
            (name.first().is_some_and(|byte| byte >> 1 == COLON), is_path)
        }
    };
    match (is_pseudo, is_path) {
        (_, true) => Name::Path,
        (true, false) => Name::Pseudo,
        (false, false) => Name::Other,
    }
}

/// How many codes there are of each length (Appendix B). They count up, and from one length to the next
/// each has a bit more: what a code stands for need not be known to find where it ends.
const CODES: [(u32, u32); 21] = [
    (5, 10),
    (6, 26),
    (7, 32),
    (8, 6),
    (10, 5),
    (11, 3),
    (12, 2),
    (13, 6),
    (14, 2),
    (15, 3),
    (19, 3),
    (20, 8),
    (21, 13),
    (22, 26),
    (23, 29),
    (24, 12),
    (25, 4),
    (26, 15),
    (27, 19),
    (28, 29),
    (30, 4),
];
/// That of `#`: its length, and its bits.
const HASH: (u32, u32) = (12, 0xffa);

fn has_hash((value, is_compressed): (&[u8], bool)) -> bool {
    if !is_compressed {
        return value.contains(&b'#');
    }
    let (mut bits, mut here) = (0_u64, 0);
    for byte in value {
        bits = bits << 8 | u64::from(*byte);
        here += 8;
        while let Some(code) = first_code(bits, here) {
            if code == HASH {
                return true;
            }
            here -= code.0;
            bits &= (1 << here) - 1;
        }
    }
    false
}

/// The code that begins with the highest of so many bits, with its length; `None`: it is not whole.
fn first_code(bits: u64, here: u32) -> Option<(u32, u32)> {
    let (mut beyond, mut before) = (0, 0);
    for (length, count) in CODES {
        let code = u32::try_from(bits >> here.checked_sub(length)?).ok()?;
        beyond = (beyond << (length - before)) + count;
        before = length;
        if code < beyond {
            return Some((length, code));
        }
    }
    None
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
