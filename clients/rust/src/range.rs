/// `n` contiguous ids: `first`, `first + 1`, … The default is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Range {
    /// The lowest id.
    pub first: i64,
    /// How many ids.
    pub n: u32,
}

impl Range {
    /// The greatest id of a range that is not empty.
    #[must_use]
    pub fn last(self) -> i64 {
        self.first + (i64::from(self.n) - 1)
    }

    /// Cuts `n` ids off the front; none where there are fewer.
    pub(crate) fn take(&mut self, n: u32) -> Option<Range> {
        let left = self.n.checked_sub(n)?;
        let front = Range { first: self.first, n };
        // Past the last id of all there is no next one, and none is needed.
        self.first = self.first.saturating_add(i64::from(n));
        self.n = left;
        Some(front)
    }
}

/// Yields the ids in increasing order.
impl IntoIterator for Range {
    type Item = i64;
    type IntoIter = Ids;

    fn into_iter(self) -> Ids {
        Ids(self)
    }
}

/// The ids of a [`Range`].
#[derive(Clone, Debug)]
pub struct Ids(Range);

impl Iterator for Ids {
    type Item = i64;

    fn next(&mut self) -> Option<i64> {
        self.0.take(1).map(|id| id.first)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let n = self.0.n as usize;
        (n, Some(n))
    }
}

impl ExactSizeIterator for Ids {}
