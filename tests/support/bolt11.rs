//! Real BOLT11 invoices, made and signed here.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use bitcoin::hashes::{Hash, sha256};
use bitcoin::secp256k1::{PublicKey, Secp256k1, SecretKey};
use lightning_invoice::{
    Bolt11Invoice, Bolt11InvoiceDescription, Currency, Description, InvoiceBuilder, PaymentSecret,
    RawTaggedField, Sha256, TaggedField,
};
use tollway::domain::ids::{PaymentHash, Preimage};
use tollway::domain::money::Msat;
use tollway::domain::time::Timestamp;
use tollway::ports::entropy::{Entropy, random};
use tollway::ports::lightning::InvoiceDescription;

use super::{FakeEntropy, locked};

/// What an invoice says.
#[derive(Clone, Debug)]
pub struct Wish {
    /// `None` leaves it to the payer.
    pub amount: Option<Msat>,
    /// When it was made.
    pub made: Timestamp,
    /// How long it is valid from then.
    pub expiry_secs: u64,
    /// What it is for.
    pub description: InvoiceDescription,
    /// Which chain.
    pub network: Currency,
    /// Blocks the payee wants for the last hop.
    pub final_cltv: u64,
    /// Needs a feature that nobody knows.
    pub unknown_feature: bool,
}

impl Wish {
    /// An ordinary invoice on regtest, valid for an hour.
    pub fn of(amount: Msat, made: Timestamp) -> Self {
        Self {
            amount: Some(amount),
            made,
            expiry_secs: 3_600,
            description: InvoiceDescription::Text("coffee".to_owned()),
            network: Currency::Regtest,
            final_cltv: 18,
            unknown_feature: false,
        }
    }
}

/// The hash of a preimage.
pub fn hash_of(preimage: Preimage) -> PaymentHash {
    PaymentHash(sha256::Hash::hash(&preimage.0).to_byte_array())
}

/// The public key of a secret one.
pub fn public_key(secret: &SecretKey) -> PublicKey {
    secret.public_key(&Secp256k1::new())
}

/// Makes and signs an invoice.
pub fn sign(wish: &Wish, preimage: Preimage, secret: &SecretKey) -> String {
    let description = match &wish.description {
        InvoiceDescription::Text(text) => Bolt11InvoiceDescription::Direct(
            Description::new(text.clone()).expect("at most 639 bytes"),
        ),
        InvoiceDescription::Hash(hash) => {
            Bolt11InvoiceDescription::Hash(Sha256(sha256::Hash::from_byte_array(*hash)))
        }
    };
    let hash = sha256::Hash::from_byte_array(hash_of(preimage).0);
    let mut builder = InvoiceBuilder::new(wish.network.clone())
        .invoice_description(description)
        .payment_hash(hash)
        .payment_secret(PaymentSecret(hash.to_byte_array()))
        .duration_since_epoch(Duration::from_secs(wish.made.secs()))
        .expiry_time(Duration::from_secs(wish.expiry_secs))
        .min_final_cltv_expiry_delta(wish.final_cltv)
        .basic_mpp();
    if let Some(amount) = wish.amount {
        builder = builder.amount_milli_satoshis(amount.0);
    }
    let mut raw = builder.build_raw().expect("every field is in range");
    if wish.unknown_feature {
        for field in &mut raw.data.tagged_fields {
            if let RawTaggedField::KnownSemantics(TaggedField::Features(features)) = field {
                features
                    .set_required_custom_bit(402)
                    .expect("a bit for experiments");
            }
        }
    }
    let signed = raw
        .sign(|message| {
            Ok::<_, std::convert::Infallible>(
                Secp256k1::new().sign_ecdsa_recoverable(message, secret),
            )
        })
        .expect("signing does not fail");
    match Bolt11Invoice::from_signed(signed.clone()) {
        Ok(invoice) => invoice.to_string(),
        // One that no wallet should make is wanted.
        Err(_) => signed.to_string(),
    }
}

/// Somebody else's node: makes invoices, and knows their preimages.
pub struct Customer {
    secret: SecretKey,
    entropy: FakeEntropy,
    preimages: Mutex<BTreeMap<PaymentHash, Preimage>>,
}

impl Customer {
    /// The node of a seed.
    pub fn seeded(seed: u64) -> Self {
        let entropy = FakeEntropy::seeded(seed);
        let secret = SecretKey::from_slice(&random::<32>(&entropy)).expect("a key");
        Self {
            secret,
            entropy,
            preimages: Mutex::default(),
        }
    }

    /// Its public key.
    pub fn node_id(&self) -> PublicKey {
        public_key(&self.secret)
    }

    /// An invoice of its own, with its hash.
    pub fn invoice(&self, wish: &Wish) -> (String, PaymentHash) {
        let mut preimage = Preimage([0; 32]);
        self.entropy.fill(&mut preimage.0);
        let hash = hash_of(preimage);
        locked(&self.preimages).insert(hash, preimage);
        (sign(wish, preimage, &self.secret), hash)
    }

    /// Another invoice over the same hash.
    pub fn invoice_again(&self, wish: &Wish, hash: PaymentHash) -> String {
        let preimage = self.preimage(hash).expect("it made one before");
        sign(wish, preimage, &self.secret)
    }

    /// An invoice over the hash of somebody else's preimage.
    pub fn invoice_over(&self, wish: &Wish, preimage: Preimage) -> String {
        sign(wish, preimage, &self.secret)
    }

    /// What it gives up when it is paid.
    pub fn preimage(&self, hash: PaymentHash) -> Option<Preimage> {
        locked(&self.preimages).get(&hash).copied()
    }
}
