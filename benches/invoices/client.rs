//! A client of the shop's API that costs next to nothing: it shares the machine with what it measures.

use std::io::{Error, ErrorKind, Result};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::sandbox::Sandbox;

/// Where a shop is, and as whom to ask.
#[derive(Clone)]
pub struct Shop {
    /// `host:port`.
    pub address: String,
    /// Of its store.
    pub store: String,
    key: String,
}

impl Shop {
    /// The sandbox's.
    pub fn of(sandbox: &Sandbox) -> Self {
        Self {
            address: sandbox
                .get("TOLLWAY_URL")
                .trim_start_matches("http://")
                .to_owned(),
            store: sandbox.get("TOLLWAY_STORE").to_owned(),
            key: sandbox.get("TOLLWAY_API_KEY").to_owned(),
        }
    }

    /// The bytes of a request.
    pub fn request(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        format!(
            "{method} /api/v1/{path} HTTP/1.1\r\nHost: {}\r\nAuthorization: token {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            self.key,
            body.len()
        )
        .into_bytes()
    }
}

/// A connection that is kept.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    /// Connects.
    pub async fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            received: Vec::with_capacity(16 * 1_024),
        })
    }

    /// Sends a request and takes the body of its answer, which has to be 200.
    pub async fn call(&mut self, request: &[u8]) -> Result<&[u8]> {
        self.stream.write_all(request).await?;
        self.received.clear();
        let (head, length) = loop {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            if let Some(end) = self
                .received
                .windows(4)
                .position(|four| four == b"\r\n\r\n")
            {
                break (end + 4, content_length(&self.received[..end])?);
            }
        };
        while self.received.len() < head + length {
            if self.stream.read_buf(&mut self.received).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        if !self.received.starts_with(b"HTTP/1.1 200") {
            let answer = String::from_utf8_lossy(&self.received);
            return Err(Error::other(format!("refused: {answer}")));
        }
        Ok(&self.received[head..head + length])
    }
}

fn content_length(head: &[u8]) -> Result<usize> {
    String::from_utf8_lossy(head)
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, length)| length.trim().parse().ok())
        .ok_or_else(|| Error::other("an answer without a length"))
}
