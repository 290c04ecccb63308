//! Does what a runner of the conformance scenarios asks for: reads one JSON
//! command a line from standard input and answers each with one line. Ids are
//! decimal strings, times nanoseconds of CLOCK_MONOTONIC, which all processes of
//! a machine share.

mod load;

use std::error::Error as StdError;
use std::time::Duration;

use seqd_client::{Client, Error, Mode, Range, Sequence};
use serde_json::{json, Value};
use tokio::io::{AsyncBufReadExt, BufReader};

#[tokio::main]
async fn main() -> Result<(), Box<dyn StdError>> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let nats = seqd_client::connect_options().connect(url).await?;
    let client = Client::new(nats);
    println!("{}", json!({"ready": true}));
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let command: Value = serde_json::from_str(&line)?;
        let result = match command["op"].as_str() {
            Some("next") => next(&client, &command).await,
            Some("load") => load::load(&client, &command).await,
            Some("rate") => load::rate(&client, &command).await,
            Some("exit") => break,
            _ => json!({"error": "OTHER", "text": format!("unknown op in {line}")}),
        };
        println!("{result}");
    }
    Ok(())
}

async fn next(client: &Client, command: &Value) -> Value {
    let asked = match source(client, command, false) {
        Ok(source) => source.next(count(command)).await,
        Err(err) => Err(err),
    };
    match asked {
        Ok(ids) => json!({"id": ids.first.to_string(), "n": ids.n}),
        Err(err) => json!({"error": code(&err), "text": err.to_string()}),
    }
}

/// Where the ids of a command come from.
#[derive(Clone)]
enum Source {
    Calls(Client, String, String),
    Sequence(Sequence),
}

impl Source {
    async fn next(&self, n: u32) -> Result<Range, Error> {
        match self {
            Source::Calls(client, store, key) => client.next_n(store, key, n).await,
            Source::Sequence(sequence) => sequence.next_n(n).await,
        }
    }
}

fn source(client: &Client, command: &Value, sequence: bool) -> Result<Source, Error> {
    let mut options = client.options().mode(match command["mode"].as_str() {
        Some("strong") => Mode::Strong,
        Some("weak") => Mode::Weak,
        _ => Mode::Default,
    });
    if let Some(ms) = command["timeout_ms"].as_u64() {
        options = options.timeout(Duration::from_millis(ms));
    }
    let client = client.with(options)?;
    let text = |name: &str| command[name].as_str().unwrap_or_default().to_owned();
    Ok(match sequence {
        true => Source::Sequence(client.sequence(&text("store"), &text("key"))?),
        false => Source::Calls(client, text("store"), text("key")),
    })
}

fn count(command: &Value) -> u32 {
    match &command["n"] {
        Value::Null => 1,
        n => n.as_u64().and_then(|n| n.try_into().ok()).unwrap_or(0), // which is refused
    }
}

fn code(err: &Error) -> &str {
    match err {
        Error::NoAnswer(_) => "TIMEOUT",
        Error::NotConnected(_) | Error::ConnectionClosed(_) | Error::Closed(_) | Error::Other(_) => "OTHER",
        known => &known.failure().code,
    }
}
