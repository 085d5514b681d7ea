//! Records: a version byte, then CBOR with numbered fields.
//!
//! A field may be added with a new number if old records read as its default; anything else is a new version with a
//! migration and a golden file. What is written is what was asserted: both sides of the border check.

use minicbor::{Decode, Encode};

/// The version every record is written in today.
const VERSION: u8 = 1;

/// The bytes are no record we know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a record of {kind} can't be read: {why}")]
pub struct BadRecord {
    /// Which type was expected.
    pub kind: &'static str,
    /// What is wrong.
    pub why: String,
}

/// The bytes of a record.
pub fn encode<T: Encode<()>>(value: &T) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    // Writing into a vector can't fail.
    minicbor::encode(value, &mut bytes).expect("a vector takes all bytes");
    bytes
}

/// Reads a record back.
pub fn try_decode<T: for<'b> Decode<'b, ()>>(bytes: &[u8]) -> Result<T, BadRecord> {
    let kind = std::any::type_name::<T>();
    match bytes.split_first() {
        Some((&VERSION, body)) => minicbor::decode(body).map_err(|e| BadRecord {
            kind,
            why: e.to_string(),
        }),
        Some((version, _)) => Err(BadRecord {
            kind,
            why: format!("version {version} is unknown"),
        }),
        None => Err(BadRecord {
            kind,
            why: "it is empty".to_owned(),
        }),
    }
}

/// Reads a record of a file that passed its check when it was opened. Anything else is damage: fail-stop.
pub fn decode<T: for<'b> Decode<'b, ()>>(bytes: &[u8]) -> T {
    try_decode(bytes).unwrap_or_else(|bad| panic!("{}: {bad}", super::writer::IO_FAILED))
}
