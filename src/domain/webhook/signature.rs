//! The signature by which an endpoint knows that a message is ours.

use bitcoin::hashes::hmac::{Hmac, HmacEngine};
use bitcoin::hashes::{Hash, HashEngine, sha256};

use super::Secret;

/// The value of the header `BTCPay-Sig`: `sha256=` and the HMAC-SHA256 of the exact body, keyed with the secret's UTF-8, in
/// lower-case hex (Greenfield 5.5).
pub fn sign(secret: &Secret, body: &[u8]) -> String {
    let mut engine = HmacEngine::<sha256::Hash>::new(secret.reveal().as_bytes());
    engine.input(body);
    let mac = Hmac::<sha256::Hash>::from_engine(engine);
    format!("sha256={}", hex::encode(mac.to_byte_array()))
}
