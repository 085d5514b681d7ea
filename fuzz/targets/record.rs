//! Records of the store. Bytes that read as a record are written so that they read as the same one; others are refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use minicbor::{Decode, Encode};
use tollway::domain::access::{ApiKey, Session, User};
use tollway::domain::destination::Destination;
use tollway::domain::fact::Entry;
use tollway::domain::invoice::Invoice;
use tollway::domain::payout::Payout;
use tollway::domain::pull_payment::PullPayment;
use tollway::domain::store::Store;
use tollway::domain::webhook::{Delivery, Endpoint};
use tollway::store::channel::BookedChannel;
use tollway::store::codec::{encode, try_decode};
use tollway::store::deposit::Deposit;
use tollway::store::invoice::HashOwner;
use tollway::store::node::ApiInvoice;
use tollway::store::once::Done;
use tollway::store::payout::PayoutRef;
use tollway::store::receipt::Stray;

fuzz_target!(|bytes: &[u8]| {
    check::<ApiInvoice>(bytes);
    check::<ApiKey>(bytes);
    check::<BookedChannel>(bytes);
    check::<Delivery>(bytes);
    check::<Deposit>(bytes);
    check::<Destination>(bytes);
    check::<Done>(bytes);
    check::<Endpoint>(bytes);
    check::<Entry>(bytes);
    check::<HashOwner>(bytes);
    check::<Invoice>(bytes);
    check::<Payout>(bytes);
    check::<PayoutRef>(bytes);
    check::<PullPayment>(bytes);
    check::<Session>(bytes);
    check::<Store>(bytes);
    check::<Stray>(bytes);
    check::<User>(bytes);
});

fn check<T: Encode<()> + for<'b> Decode<'b, ()> + PartialEq>(bytes: &[u8]) {
    if let Ok(record) = try_decode::<T>(bytes) {
        assert!(try_decode(&encode(&record)).as_ref() == Ok(&record));
    }
}
