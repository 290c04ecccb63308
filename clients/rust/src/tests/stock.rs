//! The stock of a sequence that prefetches.

use std::time::Duration;

use tokio::time::advance;

use crate::stock::{Stock, Taken};
use crate::IdRange;

fn range(start: i64, len: u32) -> IdRange {
    IdRange { start, len }
}

#[tokio::test(start_paused = true)]
async fn spends_ranges_in_order() {
    let mut stock = Stock::new(100);
    assert_eq!(stock.take(1), Taken::Empty);
    assert_eq!(stock.wanted(), 1);
    stock.put(range(10, 2));
    assert_eq!(stock.take(1), Taken::NewSpan(range(10, 1)));
    assert_eq!(stock.wanted(), 2);
    stock.put(range(20, 2));
    assert_eq!(stock.take(1), Taken::Ids(range(11, 1)));
    assert_eq!(stock.take(1), Taken::NewSpan(range(20, 1)));
}

/// Later calls must not get lower ids than one that found too few.
#[tokio::test(start_paused = true)]
async fn gives_up_what_was_too_little() {
    let mut stock = Stock::new(100);
    stock.take(1);
    stock.put(range(10, 5));
    assert_eq!(stock.take(6), Taken::Empty);
    assert_eq!(stock.take(1), Taken::Empty);
}

#[tokio::test(start_paused = true)]
async fn size_follows_use_and_stays_below_the_maximum() {
    let mut stock = Stock::new(16);
    let mut sizes = Vec::new();
    for wait in [0, 0, 0, 0, 0, 2000, 5000, 5000] {
        advance(Duration::from_millis(wait)).await;
        stock.take(u32::MAX);
        sizes.push(stock.wanted());
    }
    assert_eq!(sizes, [1, 2, 4, 8, 8, 8, 4, 2]);
}

#[test]
fn a_range_ends_with_the_last_id_of_all() {
    let mut all = range(i64::MAX - 1, 2);
    assert_eq!(all.last(), i64::MAX);
    assert_eq!(all.into_iter().collect::<Vec<_>>(), [i64::MAX - 1, i64::MAX]);
    assert_eq!(all.take(3), None);
    assert_eq!(all.take(2), Some(range(i64::MAX - 1, 2)));
    assert_eq!(all.len, 0);
}

#[test]
fn a_range_as_text() {
    assert_eq!(IdRange::default().to_string(), "none");
    assert_eq!(range(7, 1).to_string(), "7");
    assert_eq!(range(7, 10).to_string(), "7..16");
}
