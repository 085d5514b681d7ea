//! A server that says what it is told to, once a connection.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// One answer.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    /// How much of the body is said to come.
    length: usize,
    silent: bool,
}

impl Reply {
    /// 200 with a body.
    pub fn ok(body: &str) -> Self {
        Self {
            status: 200,
            headers: Vec::new(),
            body: body.to_owned(),
            length: body.len(),
            silent: false,
        }
    }

    /// Another status, without a body.
    pub fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::ok("")
        }
    }

    /// An answer that ends before its end.
    pub fn cut_short() -> Self {
        Self {
            length: 1_000,
            ..Self::ok(r#"{"error":[],"result":{}}"#)
        }
    }

    /// None: the connection ends.
    pub fn hang_up() -> Self {
        Self {
            silent: true,
            ..Self::ok("")
        }
    }

    /// With a header.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", self.status);
        for (name, value) in &self.headers {
            head.extend([name.as_str(), ": ", value.as_str(), "\r\n"]);
        }
        head.extend(["Content-Length: ", &self.length.to_string(), "\r\n\r\n"]);
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(self.body.as_bytes());
        bytes
    }
}

struct Shared {
    reply: Mutex<Reply>,
    asked: Mutex<Vec<String>>,
    over: Mutex<bool>,
}

/// A server on a port of its own. Dropped, it ends.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// A server that answers 404 until it is told something else.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::new(Shared {
            reply: Mutex::new(Reply::status(404)),
            asked: Mutex::default(),
            over: Mutex::new(false),
        });
        let inside = shared.clone();
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if *inside.over.lock().expect("no panic") {
                    return;
                }
                if let Ok(stream) = stream {
                    serve(stream, &inside);
                }
            }
        });
        Self {
            address,
            shared,
            thread: Some(thread),
        }
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it says from now on.
    pub fn says(&self, reply: Reply) {
        *self.shared.reply.lock().expect("no panic") = reply;
    }

    /// What it was asked, in order: method and path.
    pub fn asked(&self) -> Vec<String> {
        self.shared.asked.lock().expect("no panic").clone()
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    let mut lines = BufReader::new(&stream).lines();
    let first = lines.next().and_then(Result::ok).unwrap_or_default();
    while lines
        .next()
        .and_then(Result::ok)
        .is_some_and(|line| !line.is_empty())
    {}
    let path = first.rsplit_once(' ').map_or("", |(path, _)| path);
    shared.asked.lock().expect("no panic").push(path.to_owned());
    let reply = shared.reply.lock().expect("no panic").clone();
    if !reply.silent {
        // A client that has heard enough hangs up.
        let _ = stream.write_all(&reply.bytes());
    }
    let _ = stream.shutdown(Shutdown::Both);
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(mut over) = self.shared.over.lock() {
            *over = true;
        }
        // One more connection, so that it looks.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
