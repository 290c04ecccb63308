use std::error::Error;
use std::time::Duration;

// [write]
fn ids(nc: &nats::Connection, subject: &str, n: u32) -> Result<i64, Box<dyn Error>> {
    let mut headers = nats::HeaderMap::default();
    headers.insert("Accept", "text/plain");
    headers.insert("Seq-Count", n.to_string());
    let reply = nc.request_with_headers_or_timeout(subject, Some(&headers), Some(Duration::from_secs(2)), "")?;
    if let Some(error) = reply.headers.as_ref().and_then(|h| h.get("Nats-Service-Error")) {
        return Err(error.as_str().into());
    }
    let text = std::str::from_utf8(&reply.data)?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}
// [/write]

fn main() -> Result<(), Box<dyn Error>> {
    let nc = nats::connect(std::env::var("NATS_URL")?)?;
    let subject = std::env::var("WILD_SUBJECT")?;
    println!("row: nats, Rust");
    println!("version: 0.26.0");
    println!("id: yes: `{}`", ids(&nc, &subject, 3)?);
    let reply = nc.request(&subject, "{\"n\":0}")?;
    let code = reply.headers.as_ref().and_then(|h| h.get("Nats-Service-Error-Code")).map(|c| c.as_str());
    println!("error: a reply like any other, with the header `Nats-Service-Error-Code: {}`", code.unwrap_or_default());
    match nc.request("seq.nosuch.key", "") {
        Ok(_) => println!("nobody: a reply"),
        Err(e) => println!("nobody: an `io::Error` of kind `{:?}` at once", e.kind()),
    }
    Ok(())
}
