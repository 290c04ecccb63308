//! Request bodies.

use super::msgpack::{put_str, put_u32, Element, Value};
use crate::Mode;

/// A mark on a request that its answer echoes: a whole msgpack element, as it
/// is written. It tells the answer to this request from a late one to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nonce {
    bytes: [u8; MAX_NONCE],
    len: usize,
}

/// A bin32 head and the 16 bytes a string or binary nonce may have.
const MAX_NONCE: usize = 5 + 16;

impl Nonce {
    /// An integer nonce, always in the 9-byte form.
    pub(crate) fn int(u: u64) -> Nonce {
        let mut raw = [0xcf; 9];
        raw[1..].copy_from_slice(&u.to_be_bytes());
        Nonce::raw(&raw)
    }

    /// What an answer echoes, if that can be a nonce.
    pub(crate) fn element(e: Element<'_>) -> Option<Nonce> {
        match e.value {
            Value::Int(_) | Value::Uint => Some(Nonce::raw(e.raw)),
            Value::Str(s) | Value::Bin(s) if s.len() <= 16 => Some(Nonce::raw(e.raw)),
            _ => None,
        }
    }

    fn raw(raw: &[u8]) -> Nonce {
        let mut bytes = [0; MAX_NONCE];
        bytes[..raw.len()].copy_from_slice(raw);
        Nonce {
            bytes,
            len: raw.len(),
        }
    }
}

/// What a request's body says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) n: u32,
    pub(crate) mode: Mode,
    pub(crate) nonce: Option<Nonce>,
    pub(crate) idempotency_key: Option<&'a str>,
}

/// Writes the canonical body: what differs from the default, in this order.
pub(crate) fn encode(request: &Request<'_>) -> Vec<u8> {
    let Request { n, nonce, .. } = *request;
    let mode = match request.mode {
        Mode::Default => None,
        Mode::Weak => Some("weak"),
        Mode::Strong => Some("strong"),
    };
    let fields = u8::from(n != 1)
        + u8::from(mode.is_some())
        + u8::from(nonce.is_some())
        + u8::from(request.idempotency_key.is_some());
    if fields == 0 {
        return Vec::new();
    }
    let mut body = Vec::with_capacity(40 + request.idempotency_key.map_or(0, |key| 18 + key.len()));
    body.push(0x80 | fields);
    if n != 1 {
        put_str(&mut body, "n");
        put_u32(&mut body, n);
    }
    if let Some(mode) = mode {
        put_str(&mut body, "mode");
        put_str(&mut body, mode);
    }
    if let Some(nonce) = nonce {
        put_str(&mut body, "nonce");
        body.extend_from_slice(&nonce.bytes[..nonce.len]);
    }
    if let Some(key) = request.idempotency_key {
        put_str(&mut body, "idempotency_key");
        put_str(&mut body, key);
    }
    body
}
