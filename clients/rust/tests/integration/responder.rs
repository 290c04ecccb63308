//! A worker that plays a script.

use std::sync::{Arc, Mutex};

use async_nats::{Client, HeaderMap, Message};
use futures_util::StreamExt;

/// A request, as the script sees it.
#[derive(Clone, Debug)]
pub(crate) struct Ask {
    pub(crate) subject: String,
    pub(crate) reply: String,
    pub(crate) n: u32,
    pub(crate) mode: Option<String>,
    /// The element as it stands in the body.
    pub(crate) nonce: Vec<u8>,
    pub(crate) idempotency_key: Option<String>,
    pub(crate) timeout_ms: u64,
}

/// What the script sends: to a reply subject, headers and a body.
pub(crate) type Answer = (String, HeaderMap, Vec<u8>);

/// The requests so far.
#[derive(Clone, Default)]
pub(crate) struct Asked(Arc<Mutex<Vec<Ask>>>);

impl Asked {
    pub(crate) fn all(&self) -> Vec<Ask> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

/// Answers each request under `seq.` with what `script` says, which also gets
/// the number of the request, from 1.
pub(crate) async fn respond(
    nats: &Client,
    mut script: impl FnMut(usize, &Ask) -> Vec<Answer> + Send + 'static,
) -> Asked {
    let nats = nats.clone();
    let mut requests = nats.subscribe("seq.>").await.unwrap();
    nats.flush().await.unwrap();
    let asked = Asked::default();
    let seen = asked.clone();
    tokio::spawn(async move {
        while let Some(message) = requests.next().await {
            let ask = parse(&message);
            seen.0.lock().unwrap().push(ask.clone());
            for (subject, headers, body) in script(seen.count(), &ask) {
                nats.publish_with_headers(subject, headers, body.into())
                    .await
                    .unwrap();
            }
        }
    });
    asked
}

/// A script that issues 1, 2, 3 …
pub(crate) fn counter() -> impl FnMut(usize, &Ask) -> Vec<Answer> + Send + 'static {
    let mut last = 0;
    move |_, ask| {
        let first = last + 1;
        last += i64::from(ask.n);
        vec![ask.ids(first)]
    }
}

impl Ask {
    /// The ids asked for, from `first`.
    pub(crate) fn ids(&self, first: i64) -> Answer {
        self.range(first, self.n)
    }

    pub(crate) fn range(&self, first: i64, n: u32) -> Answer {
        (self.reply.clone(), HeaderMap::new(), body(first, n, &self.nonce))
    }

    /// The ids from `first` with what a numbered key adds: elements, as they stand in
    /// the body, between n and nonce.
    pub(crate) fn numbered(&self, first: i64, fields: &[(&str, Vec<u8>)], replayed: &str) -> Answer {
        let mut body = body(first, self.n, &[]);
        body[0] = 0x83 + fields.len() as u8;
        for (name, element) in fields {
            body.extend(string(name));
            body.extend(element);
        }
        body.extend(b"\xa5nonce");
        body.extend(&self.nonce);
        let mut headers = HeaderMap::new();
        if !replayed.is_empty() {
            headers.insert("Seq-Replayed", replayed);
        }
        (self.reply.clone(), headers, body)
    }

    pub(crate) fn error(&self, number: u32, code: &str, text: &str, retry_after_ms: u8) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Service-Error-Code", number.to_string());
        headers.insert("Nats-Service-Error", format!("{code}: {text}"));
        let mut body = vec![0x84];
        for word in ["code", code, "error", text, "retry_after_ms"] {
            body.push(0xa0 | word.len() as u8);
            body.extend(word.as_bytes());
        }
        body.extend([0xcc, retry_after_ms]);
        body.extend(b"\xa5nonce");
        body.extend(&self.nonce);
        (self.reply.clone(), headers, body)
    }
}

/// A string of less than 32 bytes as a msgpack element.
pub(crate) fn string(s: &str) -> Vec<u8> {
    [&[0xa0 | s.len() as u8], s.as_bytes()].concat()
}

/// Less than 16 strings as a msgpack element.
pub(crate) fn strings(all: &[&str]) -> Vec<u8> {
    let mut array = vec![0x90 | all.len() as u8];
    array.extend(all.iter().flat_map(|s| string(s)));
    array
}

/// A reply with `nonce`, which is an element or empty.
pub(crate) fn body(first: i64, n: u32, nonce: &[u8]) -> Vec<u8> {
    let mut body = vec![if nonce.is_empty() { 0x82 } else { 0x83 }];
    body.extend(b"\xa2id\xd3");
    body.extend(first.to_be_bytes());
    body.extend(b"\xa1n\xce");
    body.extend(n.to_be_bytes());
    if !nonce.is_empty() {
        body.extend(b"\xa5nonce");
        body.extend(nonce);
    }
    body
}

/// Reads a canonical body, in which the fields have one order and an integer nonce
/// has 9 bytes.
fn parse(message: &Message) -> Ask {
    let body = &message.payload[..];
    let rest = |name: &[u8]| {
        let at = body.windows(name.len()).position(|part| part == name)?;
        Some(&body[at + name.len()..])
    };
    let n = rest(b"\xa1n").map_or(1, |n| match n[0] {
        small @ 0..=0x7f => u32::from(small),
        0xcc => u32::from(n[1]),
        0xcd => u32::from(u16::from_be_bytes([n[1], n[2]])),
        _ => u32::from_be_bytes(n[1..5].try_into().unwrap()),
    });
    let mode =
        rest(b"\xa4mode").map(|m| String::from_utf8_lossy(&m[1..=usize::from(m[0] & 0x1f)]).into_owned());
    let idempotency_key = rest(b"\xafidempotency_key").map(|key| {
        let head = if key[0] == 0xd9 { 2 } else { 1 };
        String::from_utf8(key[head..].to_vec()).unwrap()
    });
    let headers = message.headers.as_ref().expect("headers");
    Ask {
        subject: message.subject.to_string(),
        reply: message.reply.as_ref().expect("a reply subject").to_string(),
        n,
        mode,
        nonce: rest(b"\xa5nonce").expect("a nonce")[..9].to_vec(),
        idempotency_key,
        timeout_ms: headers
            .get("Seq-Timeout-Ms")
            .expect("a timeout")
            .as_str()
            .parse()
            .unwrap(),
    }
}
