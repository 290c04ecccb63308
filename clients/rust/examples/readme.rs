use seqd_client::{connect_options, Client, Mode};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("NATS_URL").unwrap_or_else(|_| "nats://127.0.0.1:4222".to_owned());
    let client = Client::new(connect_options().connect(url).await?);
    println!("invoice {}", client.next("orders", "invoice").await?);

    let strong = client.with(client.options().mode(Mode::Strong))?;
    for id in strong.next_n("orders", "发票/2026", 3).await? {
        println!("发票/2026 {id}");
    }
    Ok(())
}
