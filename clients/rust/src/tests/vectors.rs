//! The byte vectors every client must reproduce: subjects/testdata.

use std::path::PathBuf;

use async_nats::HeaderMap;
use serde_json::Value;

use crate::code::{Code, NO_WORKERS};
use crate::wire::msgpack::Reader;
use crate::wire::reply::decode;
use crate::wire::request::{encode, Nonce, Request};
use crate::wire::subject::{check_token, escape, subject};
use crate::{IdRange, Mode, Numbers};

#[test]
fn subjects() {
    for v in vectors("subjects.json", "good") {
        assert_eq!(
            subject(text(&v["root"]), text(&v["store"]), text(&v["key"])),
            text(&v["subject"])
        );
        check_token("store", text(&v["store"])).unwrap();
        check_token("root", text(&v["root"])).unwrap();
    }
    let mut refused = 0;
    for v in vectors("subjects.json", "bad") {
        if text(&v["reason"]).starts_with("store-") {
            let store = text(&v["subject"]).split('.').nth(1).unwrap();
            check_token("store", store).expect_err(store);
            refused += 1;
        }
    }
    assert!(refused >= 5, "only {refused} bad stores");
}

#[test]
fn keys() {
    for v in vectors("keys.json", "good") {
        if let Some(text) = v["text"].as_str() {
            assert_eq!(hex(text.as_bytes()), v["text_hex"]);
            assert_eq!(escape(text).as_deref(), Ok(self::text(&v["key"])));
        }
    }
    for v in vectors("keys.json", "bad") {
        if let Some(text) = v["text"].as_str() {
            let why = escape(text).unwrap_err();
            let says = match self::text(&v["reason"]) {
                "too-many-tokens" => "tokens",
                _ => "must have 1 to 200 bytes",
            };
            assert!(why.contains(says), "{text:?}: {why}");
        }
    }
}

#[test]
fn requests() {
    let (mut seen, mut keyed) = (0, 0);
    for v in vectors("requests.json", "good") {
        if v["canonical"] != true {
            continue;
        }
        let mode = match v["mode"].as_str() {
            Some("weak") => Mode::Weak,
            Some("strong") => Mode::Strong,
            _ => Mode::Default,
        };
        let n = u32::try_from(v["n"].as_u64().unwrap()).unwrap();
        // An integer is written by the code that writes the client's own.
        let nonce = match v["nonce"]["kind"].as_str() {
            Some("int") => Some(Nonce::int(text(&v["nonce"]["value"]).parse().unwrap())),
            _ => nonce(&v["nonce"]),
        };
        let request = Request {
            n,
            mode,
            nonce,
            idempotency_key: v["idempotency_key"].as_str(),
        };
        assert_eq!(hex(&encode(&request)), v["body"], "{}", v["name"]);
        seen += 1;
        keyed += usize::from(request.idempotency_key.is_some());
    }
    assert!(
        seen >= 20 && keyed >= 5,
        "only {seen} canonical bodies, {keyed} with a key"
    );
}

#[test]
fn replies() {
    let plain = vectors("replies.json", "replies");
    for v in plain.into_iter().chain(vectors("replies.json", "numbered")) {
        let body = unhex(&v["msgpack"]);
        let answer = decode(Some(&headers(&v)), &body);
        assert_eq!(answer.result, Ok(reply(&v)), "{v}");
        assert_eq!(answer.nonce, nonce(&v["nonce"]), "{v}");
        for end in 0..body.len() {
            assert!(
                decode(None, &body[..end]).result.is_err(),
                "{v} cut to {end} bytes"
            );
        }
    }
}

#[test]
fn codes() {
    for v in vectors("errors.json", "codes") {
        let code = Code::of_name(text(&v["code"]));
        assert_eq!(code, Code::of_number(&v["number"].to_string()), "{v}");
        assert_eq!(code.name(), text(&v["code"]));
        assert_eq!(Value::Bool(code.ids_may_be_spent()), v["ids_may_be_spent"], "{v}");
        // A client may try EXPIRED again: its own attempt was short.
        let retryable = v["retryable"] == true || code == Code::Expired;
        assert_eq!(code.retryable(), retryable, "{v}");
    }
}

/// What only a client sees has the same name in every client.
#[test]
fn client_codes() {
    let client = vectors("errors.json", "client");
    let codes = [Code::NoWorkers, Code::Timeout, Code::NotConnected, Code::Closed];
    assert_eq!(client.len(), codes.len());
    for (v, code) in client.iter().zip(codes) {
        assert_eq!(code.name(), text(&v["code"]));
        assert_eq!(code.ids_may_be_spent(), v["ids_may_be_spent"] == true, "{v}");
    }
    assert_eq!(NO_WORKERS, text(&client[0]["text"]));
}

#[test]
fn errors() {
    for v in vectors("errors.json", "errors") {
        check_error(&v, &unhex(&v["msgpack"]));
    }
}

#[test]
fn answers() {
    for v in vectors("decode.json", "accept") {
        let answer = decode(Some(&headers(&v)), &unhex(&v["body"]));
        assert_eq!(answer.result, Ok(reply(&v)), "{}", v["name"]);
        assert_eq!(answer.nonce, nonce(&v["nonce"]), "{}", v["name"]);
    }
    for v in vectors("decode.json", "refuse") {
        check_error(&v, &unhex(&v["body"]));
    }
}

fn check_error(v: &Value, body: &[u8]) {
    let answer = decode(Some(&headers(v)), body);
    let outcome = answer.result.expect_err(&v.to_string());
    assert_eq!(outcome.code, Code::of_name(text(&v["code"])), "{v}");
    assert_eq!(answer.nonce, nonce(&v["nonce"]), "{v}");
    if let Some(said) = v["text"].as_str() {
        assert_eq!(outcome.text, said, "{v}");
    }
    let retry_after = outcome.retry_after.map(|d| u64::try_from(d.as_millis()).unwrap());
    assert_eq!(
        retry_after,
        v["retry_after_ms"].as_u64().filter(|&ms| ms > 0),
        "{v}"
    );
}

fn vectors(file: &str, group: &str) -> Vec<Value> {
    let path = testdata().join(file);
    let all: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let vectors = all[group].as_array().unwrap().clone();
    assert!(!vectors.is_empty(), "{file} has no {group}");
    vectors
}

fn testdata() -> PathBuf {
    let here = std::env::current_dir().unwrap(); // cargo test sets it to the crate's folder
    let found = here
        .ancestors()
        .map(|dir| dir.join("subjects/testdata"))
        .find(|dir| dir.is_dir());
    found.expect("subjects/testdata in a folder above")
}

fn text(v: &Value) -> &str {
    v.as_str().unwrap()
}

/// What a vector says of ids and numbers. One without numbers need not say so.
fn reply(v: &Value) -> Numbers {
    let numbers = v["numbers"].as_array().map_or(&[][..], Vec::as_slice);
    Numbers {
        ids: range(v),
        period: v["period"].as_str().unwrap_or_default().to_owned(),
        numbers: numbers.iter().map(|s| text(s).to_owned()).collect(),
        replayed: v["replayed"] == true,
    }
}

fn range(v: &Value) -> IdRange {
    let len = u32::try_from(v["n"].as_u64().unwrap()).unwrap();
    IdRange {
        start: text(&v["id"]).parse().unwrap(),
        len,
    }
}

fn nonce(v: &Value) -> Option<Nonce> {
    let raw = unhex(v.get("msgpack")?);
    Nonce::element(Reader { rest: &raw }.next().unwrap())
}

fn headers(v: &Value) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in v["headers"].as_object().into_iter().flatten() {
        headers.insert(name.as_str(), text(value));
    }
    headers
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn unhex(v: &Value) -> Vec<u8> {
    let digits = text(v).as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}
