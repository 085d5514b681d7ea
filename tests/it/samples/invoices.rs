//! Samples of invoices.

use bitcoin::OutPoint;
use rust_decimal::Decimal;
use tollway::domain::invoice::{
    Details, Invoice, LightningPrompt, Price, Rated, SpeedPolicy, Status, Terms, TrackedRate,
};
use tollway::domain::money::{Currency, Msat, Rate, Sat};
use tollway::domain::receipt::{Receipt, ReceiptKey, ReceiptStanding};
use tollway::domain::till::TillAddress;

use super::{HASH, INVOICE, NOW, PREIMAGE, STORE, TILL, money, outpoint, script, text};

/// An invoice with a receipt in every standing.
pub fn invoice() -> Invoice {
    let receipt = |key, standing| Receipt {
        key,
        amount: Msat(5_000_001),
        received_at: NOW,
        standing,
        destination: text("bcrt1q"),
        assigned_by: None,
    };
    let coin = |vout| ReceiptKey::Onchain(OutPoint { vout, ..outpoint() });
    Invoice {
        id: INVOICE,
        store: STORE,
        created: NOW,
        price: Price::Standard(money(1_250, 2, Currency::USD)),
        rate: Rate::new(Decimal::new(5_000_050, 2))
            .expect("positive")
            .into(),
        due: Sat(25_000),
        terms: Terms {
            expires_at: NOW.plus_secs(900),
            monitor_until: NOW.plus_secs(87_300),
            speed: SpeedPolicy::LowMediumSpeed,
            tolerance_percent: Decimal::new(15, 1),
        },
        onchain: Some(TillAddress {
            till: TILL,
            index: 300,
            script: script(),
            address: text("bcrt1q"),
        }),
        lightning: vec![LightningPrompt {
            bolt11: text("lnbcrt250u1p"),
            hash: HASH,
            amount: Some(Msat(25_000_000)),
            preimage: PREIMAGE,
        }],
        lightning_missing: Some(text("no channel can take it")),
        receipts: vec![
            receipt(ReceiptKey::Lightning(HASH), ReceiptStanding::Settled),
            receipt(coin(1), ReceiptStanding::Processing { confirmations: 2 }),
            receipt(coin(2), ReceiptStanding::Lost),
        ],
        status: Status::Processing,
        marked: false,
        paid_late: true,
        reopened: Some(NOW),
        archived: true,
        details: Details {
            metadata: text("{\"orderId\":\"7\"}"),
            order_id: Some(text("7")),
            item_desc: Some(text("Tea")),
            redirect_url: Some(text("https://example.com/")),
            checkout: text("{}"),
            receipt: text("{\"enabled\":true}"),
            search_terms: vec![text("tea")],
        },
        lazy: None,
        rated: None,
    }
}

/// An invoice that says where its rate came from.
pub fn rated_invoice() -> Invoice {
    let rate = Rate::new(Decimal::new(4_400_025, 2))
        .expect("positive")
        .into();
    let currency = "EUR".parse().expect("known");
    Invoice {
        rated: Some(Rated {
            sources: vec![text("coingecko"), text("kraken")],
            tracked: vec![TrackedRate { currency, rate }],
        }),
        ..invoice()
    }
}
