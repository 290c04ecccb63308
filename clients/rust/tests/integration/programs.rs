//! The example programs, against seqd itself.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{json, Value};

use crate::servers::Seqd;

/// cargo test builds the examples beside its tests.
fn example(name: &str) -> PathBuf {
    let me = std::env::current_exe().unwrap();
    let path = me.parent().unwrap().with_file_name("examples").join(name);
    assert!(
        path.is_file(),
        "{name} is not built: run cargo test without --test, or cargo build --examples"
    );
    path
}

#[test]
fn demo_prints_what_layottos_does() {
    let seqd = Seqd::start();
    let out = Command::new(example("demo"))
        .args(["-s", "sequencer_demo"])
        .env("NATS_URL", &seqd.url)
        .output()
        .unwrap();
    let lines: Vec<String> = (1..=10).map(|id| format!("Next id:next_id:{id}\n")).collect();
    let want = format!("Try to get next id.Key:key666\n{}Demo success!\n", lines.concat());
    assert_eq!(String::from_utf8_lossy(&out.stdout), want);
    assert!(out.status.success());
}

#[test]
fn conformance_does_what_a_runner_asks() {
    let seqd = Seqd::start();
    let mut program = Command::new(example("conformance"))
        .env("NATS_URL", &seqd.url)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = program.stdin.take().unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    let mut read = move || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(read(), json!({"ready": true}));
    let mut ask = |command: Value| {
        writeln!(stdin, "{command}").unwrap();
        match command["op"] == "exit" {
            true => Value::Null,
            false => read(),
        }
    };

    let next = |n: u64| json!({"op": "next", "store": "s", "key": "发", "n": n, "mode": "strong", "timeout_ms": 2000});
    assert_eq!(ask(next(5)), json!({"id": "1", "n": 5, "range": "1..5"}));
    assert_eq!(ask(next(1)), json!({"id": "6", "n": 1, "range": "6"}));
    let mut numbers = next(2);
    numbers["op"] = json!("numbers");
    assert_eq!(
        ask(numbers.clone()),
        json!({"id": "7", "n": 2, "range": "7..8", "period": "", "numbers": [], "replayed": false})
    );
    numbers["n"] = json!(1001);
    assert_eq!(ask(numbers)["error"], "BAD_REQUEST");
    let mut keyed = next(1);
    keyed["idempotency_key"] = json!("");
    assert_eq!(ask(keyed)["error"], "BAD_REQUEST");
    let mut closed = next(1);
    closed["closed"] = json!(true);
    assert_eq!(ask(closed)["error"], "CLOSED");
    assert_eq!(ask(json!({"op": "close"})), json!({"ready": true}));
    let after = ask(next(1));
    assert_eq!(
        (&after["error"], &after["ids_may_be_spent"]),
        (&json!("CLOSED"), &json!(false))
    );
    assert_eq!(
        ask(json!({"op": "connect", "url": seqd.url})),
        json!({"ready": true})
    );
    for bad in [0, 100_001, 1 << 40] {
        assert_eq!(ask(next(bad))["error"], "BAD_REQUEST", "{bad}");
    }
    for sequence in [false, true] {
        let load = json!({"op": "load", "store": "s", "key": "load", "mode": "strong", "callers": 8, "calls": 5,
            "sequence": sequence, "n": 2, "timeout_ms": 2000});
        let done = ask(load);
        assert_eq!(
            (done["ops"].as_array().unwrap().len(), &done["errors"]),
            (40, &json!({}))
        );
        let op = &done["ops"][0];
        assert!(
            op[0].as_i64().unwrap() < op[1].as_i64().unwrap() && op[2].is_string() && op[3] == 2,
            "{op}"
        );
    }
    let rate = ask(
        json!({"op": "rate", "store": "s", "key": "rate", "mode": "weak", "callers": 4,
        "duration_ms": 100, "sequence": true}),
    );
    assert!(rate["ids_per_second"].as_f64().unwrap() > 100.0, "{rate}");
    ask(json!({"op": "exit"}));
    assert!(program.wait().unwrap().success());
}
