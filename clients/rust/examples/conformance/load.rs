//! Many callers at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::time::{clock_gettime, ClockId};
use seqd_client::{async_nats, Client, Error};
use serde_json::{json, Value};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::{bare, count, failed, source, Source};

/// One call: when it began and ended, its first id and how many it got.
type Op = (i64, i64, i64, u32);

/// C callers make P calls each.
pub(crate) async fn load(client: &Client, command: &Value) -> Value {
    let source = match shared(client, command) {
        Ok(source) => source,
        Err(err) => return failed(&err),
    };
    let (calls, n) = (number(command, "calls"), count(command));
    let mut callers = JoinSet::new();
    for _ in 0..number(command, "callers") {
        let source = source.clone();
        callers.spawn(async move {
            let (mut ops, mut errors) = (Vec::new(), Vec::new());
            for _ in 0..calls {
                let start = now();
                match source.next(n).await {
                    Ok(ids) => ops.push((start, now(), ids.start, ids.len)),
                    Err(err) => errors.push(err.code().to_owned()),
                }
            }
            (ops, errors)
        });
    }
    let mut all: Vec<Op> = Vec::new();
    let mut counts = BTreeMap::<String, u64>::new();
    while let Some(done) = callers.join_next().await {
        let (ops, errors) = done.expect("a caller");
        all.extend(ops);
        for code in errors {
            *counts.entry(code).or_default() += 1;
        }
    }
    let ops: Vec<_> = all
        .into_iter()
        .map(|(start, end, id, n)| json!([start, end, id.to_string(), n]))
        .collect();
    json!({"ops": ops, "errors": counts})
}

/// C callers call for D ms.
pub(crate) async fn rate(client: &Client, nats: &async_nats::Client, command: &Value) -> Value {
    let source = match shared(client, command) {
        Ok(_) if command["bare"] == true => bare(nats, command),
        Ok(source) => source,
        Err(err) => return failed(&err),
    };
    let start = Instant::now();
    let end = start + Duration::from_millis(number(command, "duration_ms"));
    let n = count(command);
    if command["bare"] == true && command["sequence"] == true {
        let ids = crowd(source, number(command, "callers"), end).await;
        return json!({"ids_per_second": ids as f64 / start.elapsed().as_secs_f64()});
    }
    let mut callers = JoinSet::new();
    for _ in 0..number(command, "callers") {
        let source = source.clone();
        callers.spawn(async move {
            let mut ids = 0;
            while Instant::now() < end {
                ids += u64::from(source.next(n).await?.len);
            }
            Ok::<_, Error>(ids)
        });
    }
    let mut ids = 0;
    while let Some(done) = callers.join_next().await {
        match done.expect("a caller") {
            Ok(n) => ids += n,
            Err(err) => return failed(&err),
        }
    }
    json!({"ids_per_second": ids as f64 / start.elapsed().as_secs_f64()})
}

/// Callers who wait together until the end, each for a channel of its own: the last
/// one to come asks for all. Returns how many ids they got.
async fn crowd(source: Source, callers: u64, end: Instant) -> u64 {
    let waiting = Arc::new(Mutex::new(Vec::<oneshot::Sender<bool>>::new()));
    let mut all = JoinSet::new();
    for _ in 0..callers {
        let (source, waiting) = (source.clone(), waiting.clone());
        all.spawn(async move {
            let (mut ids, mut over) = (0, false);
            while !over {
                let (call, outcome) = oneshot::channel();
                let last = {
                    let mut waiting = waiting.lock().expect("no panic");
                    waiting.push(call);
                    waiting.len() as u64 == callers
                };
                if last {
                    source.next(1).await.expect("an id");
                    let over = Instant::now() >= end;
                    let calls = std::mem::take(&mut *waiting.lock().expect("no panic"));
                    for call in calls {
                        let _ = call.send(over);
                    }
                }
                over = outcome.await.expect("an outcome");
                ids += 1;
            }
            ids
        });
    }
    all.join_all().await.into_iter().sum()
}

fn shared(client: &Client, command: &Value) -> Result<Source, Error> {
    source(client, command, command["sequence"] == true)
}

fn number(command: &Value, name: &str) -> u64 {
    command[name].as_u64().unwrap_or(1)
}

fn now() -> i64 {
    let t = clock_gettime(ClockId::Monotonic);
    t.tv_sec * 1_000_000_000 + t.tv_nsec
}
