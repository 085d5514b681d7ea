//! How value types of other crates stand in records: `#[cbor(with = "crate::domain::cbor::…")]`.
//!
//! Each module is one type. Decimals are text (their scale is kept), bitcoin types their consensus bytes.

/// [`rust_decimal::Decimal`] as text, so that `1.00` stays `1.00`.
pub mod decimal {
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};
    use rust_decimal::Decimal;

    /// Writes the decimal.
    pub fn encode<C, W: Write>(
        value: &Decimal,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.str(&value.to_string())?.ok()
    }

    /// Reads it back.
    pub fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Decimal, DecodeError> {
        d.str()?
            .parse()
            .map_err(|_| DecodeError::message("a decimal"))
    }
}

macro_rules! as_consensus {
    ($(#[$doc:meta])* $name:ident, $type:ty) => {
        $(#[$doc])*
        pub mod $name {
            use bitcoin::consensus;
            use minicbor::decode::Error as DecodeError;
            use minicbor::encode::{Error as EncodeError, Write};
            use minicbor::{Decoder, Encoder};

            /// Writes the consensus bytes.
            pub fn encode<C, W: Write>(
                value: &$type,
                e: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), EncodeError<W::Error>> {
                e.bytes(&consensus::serialize(value))?.ok()
            }

            /// Reads it back.
            pub fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<$type, DecodeError> {
                consensus::deserialize(d.bytes()?)
                    .map_err(|_| DecodeError::message(stringify!($name)))
            }
        }
    };
}

/// An optional [`rust_decimal::Decimal`] as text or null.
pub mod optional_decimal {
    use minicbor::data::Type;
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};
    use rust_decimal::Decimal;

    /// Writes the decimal, or null.
    pub fn encode<C, W: Write>(
        value: &Option<Decimal>,
        e: &mut Encoder<W>,
        ctx: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        match value {
            Some(value) => super::decimal::encode(value, e, ctx),
            None => e.null()?.ok(),
        }
    }

    /// Reads it back.
    pub fn decode<C>(d: &mut Decoder<'_>, ctx: &mut C) -> Result<Option<Decimal>, DecodeError> {
        if d.datatype()? == Type::Null {
            d.skip()?;
            return Ok(None);
        }
        super::decimal::decode(d, ctx).map(Some)
    }
}

/// [`crate::domain::money::Currency`] as its code.
pub mod currency {
    use minicbor::decode::Error as DecodeError;
    use minicbor::encode::{Error as EncodeError, Write};
    use minicbor::{Decoder, Encoder};

    use crate::domain::money::Currency;

    /// Writes the code.
    pub fn encode<C, W: Write>(
        value: &Currency,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), EncodeError<W::Error>> {
        e.str(value.code())?.ok()
    }

    /// Reads it back. Units of somebody's own stand in records as well.
    pub fn decode<C>(d: &mut Decoder<'_>, _: &mut C) -> Result<Currency, DecodeError> {
        Currency::unit(d.str()?).map_err(|_| DecodeError::message("a currency"))
    }
}

as_consensus!(
    /// [`bitcoin::OutPoint`].
    outpoint,
    bitcoin::OutPoint
);
as_consensus!(
    /// [`bitcoin::Txid`].
    txid,
    bitcoin::Txid
);
as_consensus!(
    /// [`bitcoin::ScriptBuf`].
    script,
    bitcoin::ScriptBuf
);
as_consensus!(
    /// [`bitcoin::Transaction`].
    transaction,
    bitcoin::Transaction
);
