//! The control socket: how commands on the same machine speak to the running server. It lies in the data directory, which
//! only its owner can enter.
//!
//! A request is one line, its first word says what is wanted; the answer is one line of JSON.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::warn;

use crate::api::books::AuditData;
use crate::service::Gateway;

/// The socket's name in the data directory.
pub const SOCKET_FILE: &str = "control.sock";

/// A request is short.
const REQUEST_BYTES_MAX: u64 = 1_024;

/// A caller that is so long silent, or takes so long to read its answer, is hung up on: others wait behind it.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the server answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Answer {
    /// To `audit`.
    Audit(AuditData),
    /// It was not done: why.
    Refused(String),
}

/// Makes the socket. One that a dead process left behind is replaced: the lock on the database is what keeps a second
/// process out.
pub fn bind(data_dir: &Path) -> io::Result<UnixListener> {
    let path = data_dir.join(SOCKET_FILE);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(&path)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Answers one caller after the other until the stop.
pub async fn serve(
    listener: UnixListener,
    gateway: Arc<Gateway>,
    mut stops: watch::Receiver<bool>,
) {
    loop {
        let caller = tokio::select! {
            caller = listener.accept() => caller,
            _ = stops.wait_for(|stop| *stop) => return,
        };
        let answered = match caller {
            Ok((stream, _)) => tokio::select! {
                answered = answer(stream, &gateway) => answered,
                _ = stops.wait_for(|stop| *stop) => return,
            },
            Err(error) => Err(error),
        };
        if let Err(error) = answered {
            warn!("a caller of the control socket is gone: {error}");
        }
    }
}

async fn answer(mut stream: UnixStream, gateway: &Gateway) -> io::Result<()> {
    let (reader, mut writer) = stream.split();
    let mut request = String::new();
    let mut reader = BufReader::new(reader.take(REQUEST_BYTES_MAX));
    timeout(PATIENCE, reader.read_line(&mut request)).await??;
    let answer = match request.trim() {
        "audit" => match gateway.audit().await {
            Ok(audit) => Answer::Audit(AuditData::from(&audit)),
            Err(why) => Answer::Refused(why.to_string()),
        },
        unknown => Answer::Refused(format!("'{unknown}' is no request")),
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    timeout(PATIENCE, async {
        writer.write_all(&line).await?;
        writer.shutdown().await
    })
    .await?
}

/// Nobody serves the socket.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No server runs on this data directory.
    #[error("no server runs on {0}")]
    NotRunning(PathBuf),
    /// It did not answer.
    #[error("the server did not answer: {0}")]
    Io(#[from] io::Error),
}

/// Asks the running server.
pub async fn call(data_dir: &Path, request: &str) -> Result<Answer, CallError> {
    let path = data_dir.join(SOCKET_FILE);
    let mut stream = match UnixStream::connect(&path).await {
        Ok(stream) => stream,
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused
            ) =>
        {
            return Err(CallError::NotRunning(data_dir.to_owned()));
        }
        Err(error) => return Err(error.into()),
    };
    stream.write_all(format!("{request}\n").as_bytes()).await?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).await?;
    serde_json::from_str(&line).map_err(|e| CallError::Io(e.into()))
}
