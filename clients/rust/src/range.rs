use std::fmt;

/// `len` contiguous ids: `start`, `start + 1`, … The default is empty. As text it
/// reads `7`, or `7..16` for ten ids.
///
/// It is not called `Range`, as the standard library has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct IdRange {
    /// The lowest id.
    pub start: i64,
    /// How many ids.
    pub len: u32,
}

impl IdRange {
    /// The greatest id of a range that is not empty.
    #[must_use]
    pub fn last(self) -> i64 {
        self.start + (i64::from(self.len) - 1)
    }

    /// Cuts `n` ids off the front; none where there are fewer.
    pub(crate) fn take(&mut self, n: u32) -> Option<IdRange> {
        let left = self.len.checked_sub(n)?;
        let front = IdRange { len: n, ..*self };
        // Past the last id of all there is no next one, and none is needed.
        self.start = self.start.saturating_add(i64::from(n));
        self.len = left;
        Some(front)
    }
}

impl fmt::Display for IdRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.len {
            0 => f.write_str("none"),
            1 => write!(f, "{}", self.start),
            _ => write!(f, "{}..{}", self.start, self.last()),
        }
    }
}

/// Yields the ids in increasing order.
impl IntoIterator for IdRange {
    type Item = i64;
    type IntoIter = Ids;

    fn into_iter(self) -> Ids {
        Ids(self)
    }
}

/// The ids of an [`IdRange`].
#[derive(Clone, Debug)]
pub struct Ids(IdRange);

impl Iterator for Ids {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        self.0.take(1).map(|id| id.start)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let n = self.0.len as usize;
        (n, Some(n))
    }
}

impl ExactSizeIterator for Ids {}
