//! The part of msgpack that an answer of a few dozen bytes needs. By hand,
//! because a reader that keeps an element's bytes as they came (for the nonce),
//! refuses trailing bytes and never converts a number is shorter than the code
//! that would make a library do so.

/// One msgpack element. Of an array or a map it is the head only: the items
/// follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Element<'a> {
    pub(crate) value: Value<'a>,
    /// The element, or the head, as it was written.
    pub(crate) raw: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// Any integer that fits an i64.
    Int(i64),
    /// An integer above `i64::MAX`.
    Uint,
    Str(&'a [u8]),
    Bin(&'a [u8]),
    Array(usize),
    /// How many pairs follow.
    Map(usize),
    /// nil, bool, float, ext.
    Other,
}

/// Takes elements off a buffer. It never reads past the buffer, and believes no
/// length that the rest of the buffer could not hold.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    pub(crate) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Takes one element; none where the buffer holds no whole one.
    pub(crate) fn next(&mut self) -> Option<Element<'a>> {
        let head = *self.rest.first()?;
        match head {
            0x00..=0x7f | 0xe0..=0xff => self.cut(1, 0, |_| Value::Int(i64::from(head.cast_signed()))),
            0x80..=0x8f => self.cut(1, 0, |_| Value::Map(usize::from(head & 0x0f))),
            0x90..=0x9f => self.cut(1, 0, |_| Value::Array(usize::from(head & 0x0f))),
            0xa0..=0xbf => self.cut(1, usize::from(head & 0x1f), Value::Str),
            0xc1 => None, // never used
            0xc0 | 0xc2 | 0xc3 => self.cut(1, 0, |_| Value::Other),
            0xc4..=0xc6 => self.sized(1 << (head - 0xc4), 0, Value::Bin),
            0xc7..=0xc9 => self.sized(1 << (head - 0xc7), 1, |_| Value::Other), // ext: a type follows the length
            0xca | 0xcb => self.cut(1, 4 << (head - 0xca), |_| Value::Other),
            0xcc..=0xcf => {
                let width = 1 << (head - 0xcc);
                let u = self.uint(width)?;
                self.cut(1 + width, 0, |_| i64::try_from(u).map_or(Value::Uint, Value::Int))
            }
            0xd0..=0xd3 => {
                let width = 1 << (head - 0xd0);
                let unused = 64 - 8 * width;
                let i = (self.uint(width)? << unused).cast_signed() >> unused; // the sign fills what is unused
                self.cut(1 + width, 0, |_| Value::Int(i))
            }
            0xd4..=0xd8 => self.cut(2, 1 << (head - 0xd4), |_| Value::Other),
            0xd9..=0xdb => self.sized(1 << (head - 0xd9), 0, Value::Str),
            0xdc | 0xdd => self.items(2 << (head - 0xdc), 1, Value::Array),
            0xde | 0xdf => self.items(2 << (head - 0xde), 2, Value::Map),
        }
    }

    /// Passes over what follows an element's head: nothing, or a whole tree of
    /// items. It keeps a count in place of a stack, so depth costs nothing.
    pub(crate) fn skip(&mut self, e: Element<'a>) -> Option<()> {
        let mut left = items(e.value);
        while left > 0 {
            left = left - 1 + items(self.next()?.value);
        }
        Some(())
    }

    /// Takes an element whose length stands in `width` bytes behind the first,
    /// with `extra` bytes between the length and the content.
    fn sized(
        &mut self,
        width: usize,
        extra: usize,
        value: impl FnOnce(&'a [u8]) -> Value<'a>,
    ) -> Option<Element<'a>> {
        let len = usize::try_from(self.uint(width)?).ok()?;
        self.cut(1 + width + extra, len, value)
    }

    /// Takes the head of `count` items, each of at least `min` bytes.
    fn items(
        &mut self,
        width: usize,
        min: usize,
        value: impl FnOnce(usize) -> Value<'a>,
    ) -> Option<Element<'a>> {
        let count = usize::try_from(self.uint(width)?).ok()?;
        if count > self.rest.len() / min {
            return None;
        }
        self.cut(1 + width, 0, |_| value(count))
    }

    /// Cuts an element of `head` and `len` bytes off the buffer.
    fn cut(
        &mut self,
        head: usize,
        len: usize,
        value: impl FnOnce(&'a [u8]) -> Value<'a>,
    ) -> Option<Element<'a>> {
        let (raw, rest) = self.rest.split_at_checked(head.checked_add(len)?)?;
        self.rest = rest;
        Some(Element {
            value: value(&raw[head..]),
            raw,
        })
    }

    /// Reads `width` big-endian bytes behind the first.
    fn uint(&self, width: usize) -> Option<u64> {
        let bytes = self.rest.get(1..1 + width)?;
        Some(bytes.iter().fold(0, |u, &b| u << 8 | u64::from(b)))
    }
}

fn items(value: Value<'_>) -> usize {
    match value {
        Value::Array(n) => n,
        Value::Map(n) => 2 * n,
        _ => 0,
    }
}

/// Writes a string of less than 256 bytes in the shortest form.
pub(crate) fn put_str(out: &mut Vec<u8>, s: &str) {
    debug_assert!(s.len() < 256);
    match s.len() as u8 {
        len @ 0..32 => out.push(0xa0 | len),
        len => out.extend_from_slice(&[0xd9, len]),
    }
    out.extend_from_slice(s.as_bytes());
}

/// Writes `u` in the shortest form.
pub(crate) fn put_u32(out: &mut Vec<u8>, u: u32) {
    match u {
        0..=0x7f => out.push(u as u8),
        0x80..=0xff => out.extend_from_slice(&[0xcc, u as u8]),
        0x100..=0xffff => {
            out.push(0xcd);
            out.extend_from_slice(&(u as u16).to_be_bytes());
        }
        _ => {
            out.push(0xce);
            out.extend_from_slice(&u.to_be_bytes());
        }
    }
}
