//! Asks for ten ids of one key, one after the other:
//!
//! ```sh
//! cargo run --example demo -- -s sequencer_demo
//! ```

use std::error::Error;

use seqd_client::{connect_options, Client};

const KEY: &str = "key666";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let store = store(std::env::args().skip(1))?;
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let client = Client::new(connect_options().connect(url).await?);

    println!("Try to get next id.Key:{KEY}");
    for _ in 0..10 {
        let id = client.next(&store, KEY).await?;
        println!("Next id:next_id:{id}");
    }
    println!("Demo success!");
    Ok(())
}

fn store(mut args: impl Iterator<Item = String>) -> Result<String, String> {
    match (args.next().as_deref(), args.next(), args.next()) {
        (None, ..) => Ok("sequencer_demo".to_owned()),
        (Some("-s"), Some(store), None) => Ok(store),
        _ => Err("usage: demo [-s STORE]".to_owned()),
    }
}
