use std::error::Error;

// [write]
async fn ids(nc: &async_nats::Client, subject: &str, n: u32) -> Result<i64, Box<dyn Error>> {
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Accept", "text/plain");
    headers.insert("Seq-Count", n.to_string());
    let reply = nc.request_with_headers(subject.to_string(), headers, "".into()).await?;
    if let Some(error) = reply.headers.as_ref().and_then(|h| h.get("Nats-Service-Error")) {
        return Err(error.as_str().into());
    }
    let text = std::str::from_utf8(&reply.payload)?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}
// [/write]

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let nc = async_nats::connect(std::env::var("NATS_URL")?).await?;
    let subject = std::env::var("WILD_SUBJECT")?;
    println!("row: async-nats, Rust");
    println!("version: 0.51.0");
    println!("id: yes: `{}`", ids(&nc, &subject, 3).await?);
    let reply = nc.request(subject, "{\"n\":0}".into()).await?;
    let code = reply.headers.as_ref().and_then(|h| h.get("Nats-Service-Error-Code")).map(|c| c.as_str());
    println!("error: a reply like any other, with the header `Nats-Service-Error-Code: {}`; its `status` is `{:?}`", code.unwrap_or_default(), reply.status);
    match nc.request("seq.nosuch.key", "".into()).await {
        Ok(_) => println!("nobody: a reply"),
        Err(e) => println!("nobody: `RequestErrorKind::{:?}` at once", e.kind()),
    }
    Ok(())
}
