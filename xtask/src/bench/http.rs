//! As much of HTTP/1.1 as timing a page of our own server needs.

use anyhow::{Context, Result, bail};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
    /// From the request's last byte to the answer's first.
    pub first_byte: Duration,
}

/// One request on a connection of its own; `address` is `127.0.0.1:3000`.
pub fn request(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    let mut text = format!(
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    stream.write_all(text.as_bytes())?;
    stream.write_all(body)?;
    let start = Instant::now();
    let mut bytes = vec![0; 1];
    stream.read_exact(&mut bytes).context("the server closed the connection")?;
    let first_byte = start.elapsed();
    stream.read_to_end(&mut bytes)?;
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").context("the answer has no end of head")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).context("the answer has no status")?;
    Ok(Answer { status, head, body: bytes[end + 4..].to_vec(), first_byte })
}

/// The same, failing where the status is not 2xx.
pub fn expect_ok(address: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Answer> {
    let answer = request(address, method, path, headers, body)?;
    if !(200..300).contains(&answer.status) {
        bail!("{method} {path} answered {}: {}", answer.status, String::from_utf8_lossy(&answer.body));
    }
    Ok(answer)
}
