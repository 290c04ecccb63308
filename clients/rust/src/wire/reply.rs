//! Answers.

use std::time::Duration;

use async_nats::HeaderMap;

use super::msgpack::{Reader, Value};
use super::request::Nonce;
use super::{ERROR_CODE_HEADER, ERROR_HEADER, REPLAYED_HEADER};
use crate::code::Code;
use crate::error::Outcome;
use crate::{IdRange, Numbers};

/// A retry_after beyond that says no more than that one.
const MAX_RETRY_AFTER_MS: i64 = 24 * 60 * 60 * 1000;

/// What an answer says, and the nonce it says it for.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) nonce: Option<Nonce>,
    /// The headers or the body call it an error, and it can be read as one.
    pub(crate) is_error: bool,
    pub(crate) result: Result<Numbers, Outcome>,
}

/// Reads an answer. One that is neither ids nor an error is an `INTERNAL`.
pub(crate) fn decode(headers: Option<&HeaderMap>, body: &[u8]) -> Answer {
    let mut fields = Fields::default();
    let whole = fields.read(body).is_some();
    let number = headers.and_then(|h| h.get(ERROR_CODE_HEADER));
    if let (true, None, Some(ids)) = (whole, number, fields.range()) {
        let replayed = headers.and_then(|h| h.get(REPLAYED_HEADER));
        return Answer {
            nonce: fields.nonce,
            is_error: false,
            result: Ok(Numbers {
                ids,
                period: fields.period,
                numbers: fields.numbers,
                replayed: replayed.is_some_and(|v| v.as_str() == "true"),
            }),
        };
    }

    let mut code = Code::Internal;
    let mut text = "the worker's answer can't be read".to_owned();
    if let Some(number) = number {
        // The headers alone make an error; the body adds what they can't say.
        code = Code::of_number(number.as_str());
        let header = headers
            .and_then(|h| h.get(ERROR_HEADER))
            .map_or("", |v| v.as_str());
        let prefix = format!("{}: ", code.name());
        text = header.strip_prefix(&prefix).unwrap_or(header).to_owned();
    }
    if let Some(name) = fields.code.filter(|name| !name.is_empty()) {
        code = Code::of_name(&text_of(name));
    }
    if let Some(said) = fields.text {
        text = text_of(said);
    }
    let retry_after = u64::try_from(fields.retry_after_ms.min(MAX_RETRY_AFTER_MS))
        .ok()
        .filter(|&ms| ms > 0)
        .map(Duration::from_millis);
    Answer {
        nonce: fields.nonce,
        is_error: number.is_some(),
        result: Err(Outcome {
            retry_after,
            ..Outcome::new(code, text)
        }),
    }
}

/// The fields of both kinds of answer, while nobody knows yet which it is. A
/// field of the wrong type counts as absent.
#[derive(Default)]
struct Fields<'a> {
    id: i64,
    n: i64,
    retry_after_ms: i64,
    nonce: Option<Nonce>,
    code: Option<&'a [u8]>,
    text: Option<&'a [u8]>,
    period: String,
    numbers: Vec<String>,
}

impl<'a> Fields<'a> {
    /// Reads `body`; none unless it is one whole map. What stands before the
    /// damage is read.
    fn read(&mut self, body: &'a [u8]) -> Option<()> {
        let mut reader = Reader { rest: body };
        let Value::Map(pairs) = reader.next()?.value else {
            return None;
        };
        for _ in 0..pairs {
            let name = reader.next()?;
            reader.skip(name)?;
            let value = reader.next()?;
            let items = reader;
            reader.skip(value)?;
            let Value::Str(name) = name.value else {
                continue;
            };
            match (name, value.value) {
                (b"nonce", _) => self.nonce = Nonce::element(value).or(self.nonce),
                (b"id", Value::Int(i)) => self.id = i,
                (b"n", Value::Int(i)) => self.n = i,
                (b"retry_after_ms", Value::Int(i)) => self.retry_after_ms = i,
                (b"code", Value::Str(s)) => self.code = Some(s),
                (b"error", Value::Str(s)) => self.text = Some(s),
                (b"period", Value::Str(s)) => self.period = text_of(s),
                (b"number", Value::Str(s)) => self.numbers = vec![text_of(s)],
                (b"numbers", Value::Array(n)) => self.numbers = texts(items, n).unwrap_or_default(),
                _ => {}
            }
        }
        reader.rest.is_empty().then_some(())
    }

    /// The range, if it is there, is positive and does not wrap.
    fn range(&self) -> Option<IdRange> {
        let len = u32::try_from(self.n).ok().filter(|&n| n >= 1)?;
        let last = self.id.checked_add(self.n - 1)?;
        (self.id >= 1 && last >= self.id).then_some(IdRange { start: self.id, len })
    }
}

/// Reads `n` strings; none where one of them is something else.
fn texts(mut items: Reader<'_>, n: usize) -> Option<Vec<String>> {
    let mut all = Vec::with_capacity(n);
    for _ in 0..n {
        let Value::Str(s) = items.next()?.value else {
            return None;
        };
        all.push(text_of(s));
    }
    Some(all)
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
