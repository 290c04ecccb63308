use seqd_client::{connect_options, Client, Mode, Options};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let nats: seqd_client::async_nats::Client = connect_options().connect(url).await?;
    let client = Client::new(nats);
    println!("invoice {}", client.next("orders", "invoice").await?);

    let strong = Options::default().mode(Mode::Strong);
    let ids = client.next_n_with("orders", "发票/2026", 3, &strong).await?;
    println!("发票/2026 {ids}");
    for id in ids {
        println!("发票/2026 {id}");
    }
    Ok(())
}
