//! Reads seqd's replies with the msgpack crates of Rust.

use serde::Deserialize;
use std::fmt::Display;

#[derive(Debug, Deserialize)]
#[allow(dead_code)]
struct Reply {
    id: i64,
    n: u32,
}

#[derive(Deserialize)]
struct Narrow {
    id: i32,
}

#[derive(Debug, Deserialize, Default)]
#[serde(default)]
#[allow(dead_code)]
struct Lenient {
    id: i64,
    n: u32,
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(format!("{name}.msgpack")).unwrap()
}

fn told<E: Display>(got: Result<i64, E>, want: i64) -> String {
    match got {
        Ok(id) if id == want => "exact".into(),
        Ok(id) => format!("{id}, no error"),
        Err(e) => format!("refused: {e}"),
    }
}

/// The version of a crate that Cargo.lock names.
fn row(name: &str, krate: &str) {
    let lock = include_str!("../Cargo.lock");
    let version = lock
        .split("[[package]]")
        .find(|p| p.contains(&format!("name = \"{krate}\"\n")))
        .and_then(|p| p.split("version = \"").nth(1)?.split('"').next())
        .unwrap();
    println!("row: Rust: {name}\nversion: {version}");
}

fn main() {
    let (big, wide, error) = (bytes("big"), bytes("wide"), bytes("error"));
    let (exact, wider) = ((1 << 53) + 1, (1 << 32) + 5);

    row("rmp-serde", "rmp-serde");
    println!("big: {}", told(rmp_serde::from_slice::<Reply>(&big).map(|r| r.id), exact));
    println!("wide: {}", told(rmp_serde::from_slice::<Narrow>(&wide).map(|r| r.id.into()), wider));
    println!("error: {}", told(rmp_serde::from_slice::<Reply>(&error).map(|r| r.id), 0));

    row("rmp-serde with `#[serde(default)]`", "rmp-serde");
    println!("big: {}", told(rmp_serde::from_slice::<Lenient>(&big).map(|r| r.id), exact));
    println!("wide: {}", told(rmp_serde::from_slice::<Lenient>(&wide).map(|r| r.id), wider));
    println!("error: {:?}, no error", rmp_serde::from_slice::<Lenient>(&error).unwrap());

    row("rmpv", "rmpv");
    let id = |b: &[u8]| {
        let reply = rmpv::decode::read_value(&mut &b[..]).unwrap();
        let found = reply.as_map().unwrap().iter().find(|(k, _)| k.as_str() == Some("id"));
        found.and_then(|(_, v)| v.as_i64())
    };
    println!("big: {}", told(id(&big).ok_or("None"), exact));
    println!("wide: {}; `id as i32` is {}", told(id(&wide).ok_or("None"), wider), id(&wide).unwrap() as i32);
    println!("error: {:?}", id(&error));

    row("msgpack_simple", "msgpack_simple");
    let id = |b: &[u8]| {
        let reply = msgpack_simple::MsgPack::parse(b).unwrap().as_map().unwrap();
        let found = reply.into_iter().find(|e| e.key.clone().as_string().is_ok_and(|k| k == "id"));
        found.map(|e| e.value.as_int().unwrap())
    };
    println!("big: {}", told(id(&big).ok_or("None"), exact));
    println!("wide: {}; `id as i32` is {}", told(id(&wide).ok_or("None"), wider), id(&wide).unwrap() as i32);
    println!("error: {:?}", id(&error));
}
