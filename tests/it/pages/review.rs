//! What nobody knows is shown with its reason, and a person decides on it.

use axum::http::StatusCode;
use tollway::domain::payout::{Stage, Standing};
use tollway::store;

use super::Visitor;
use crate::payouts::review::{given_to_a_guest, in_review};

#[tokio::test]
async fn a_payout_in_review_is_counted_shown_and_decided_on() {
    let visitor = Visitor::owner().await;
    let (id, _) = in_review(&visitor.world).await;
    let home = visitor.get(&visitor.shop("")).await;
    assert!(home.text.contains("Payouts in review: 1"), "{}", home.text);
    let list = visitor.get(&visitor.shop("/payouts?status=review")).await;
    assert!(list.text.contains(&id.to_string()));
    let one = visitor.shop(&format!("/payouts/{id}"));
    let page = visitor.get(&one).await;
    assert!(page.text.contains("nobody knows"), "{}", page.text);
    for words in ["Look again", "It arrived", "It did not arrive"] {
        assert!(page.text.contains(words), "{words}");
    }
    let review = format!("{one}/review");
    let standing = async || {
        let payout = visitor.world.see_payout(id).await;
        payout.attempts[0].standing.clone()
    };
    // Without the tick, with half a preimage, or while it may still arrive, nothing is decided.
    for form in [
        &[("word", "arrived")][..],
        &[("word", "arrived"), ("sure", "on"), ("preimage", "12")],
        &[("word", "lost"), ("sure", "on")],
    ] {
        let refused = visitor.post(&review, form).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{form:?}");
        assert!(refused.text.contains("Not done:"), "{form:?}");
        assert!(matches!(standing().await, Standing::InReview { .. }));
    }
    let done = visitor
        .post(
            &review,
            &[
                ("word", "arrived"),
                ("sure", "on"),
                ("why", "they <b>said</b> so"),
            ],
        )
        .await;
    assert_eq!(done.location(), one);
    let payout = visitor.world.see_payout(id).await;
    assert!(
        matches!(payout.stage, Stage::Completed { .. }),
        "{payout:?}"
    );
    let page = visitor.get(&one).await;
    assert!(
        page.text.contains("they &#60;b&#62;said&#60;/b&#62; so"),
        "{}",
        page.text
    );
    assert!(!page.text.contains("Look again"));
}

#[tokio::test]
async fn a_guest_is_told_that_their_own_word_is_no_proof() {
    let mut visitor = Visitor::owner().await;
    let (id, _) = in_review(&visitor.world).await;
    let guest = given_to_a_guest(&visitor.world).await;
    visitor.become_user(guest).await;
    let review = visitor.shop(&format!("/payouts/{id}/review"));
    for form in [
        &[("word", "arrived"), ("sure", "on")][..],
        &[("word", "lost"), ("sure", "on"), ("against_doubt", "on")],
    ] {
        let refused = visitor.post(&review, form).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "P11 {form:?}");
        let why = "only the server&#39;s administrator can say it";
        assert!(refused.text.contains(why), "P11 {}", refused.text);
        assert!(visitor.world.see_payout(id).await.in_review(), "P11");
    }
}

#[tokio::test]
async fn a_payout_paid_twice_is_an_alarm_until_somebody_has_seen_it() {
    let visitor = Visitor::owner().await;
    let (id, _) = in_review(&visitor.world).await;
    let now = visitor.world.clock_now();
    let alarm = move |tx: &mut store::Tx<'_>| {
        let mut payout = store::payout::find(tx, id).expect("it exists");
        payout.paid_twice = Some(now);
        store::payout::put(tx, &payout);
    };
    visitor.world.job(alarm).await;
    let one = visitor.shop(&format!("/payouts/{id}"));
    for path in [visitor.shop(""), one.clone()] {
        let page = visitor.get(&path).await;
        assert!(page.text.to_lowercase().contains("paid twice"), "{path}");
    }
    let seen = visitor.post(&format!("{one}/acknowledge"), &[]).await;
    assert_eq!(seen.location(), one);
    for path in [visitor.shop(""), one] {
        let page = visitor.get(&path).await;
        assert!(
            !page.text.to_lowercase().contains("role=\"alert\""),
            "{path}"
        );
    }
}
