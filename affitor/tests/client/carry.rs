//! A visitor as a signed text: what survives, and what is treated as missing.

#![cfg(feature = "carry")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use affitor::{
    ClickId, Visitor,
    carry::{LINK_LIFETIME, MAX_LEN, VisitorKey},
};
use proptest::prelude::*;

const SECRET: &str = "0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const OLD_SECRET: &str = "an old secret, also of at least 32 bytes";

fn key() -> VisitorKey {
    VisitorKey::new(42, SECRET).unwrap()
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

fn visitor(ids: &[&str]) -> Visitor {
    let ids: Vec<ClickId> = ids.iter().map(|id| ClickId::new(id).unwrap()).collect();
    let visitor = Visitor::from(ids.last().cloned());
    if ids.len() > 1 { visitor.click_ids(ids) } else { visitor }
}

#[test]
fn a_visitor_survives() {
    for visitor in [visitor(&["cust_42_1"]), visitor(&["cust_1_1", "cust_2_2", "cust_42_1"])] {
        let text = key().sign(&visitor, now(), LINK_LIFETIME).unwrap();
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)), "{text}");
        assert_eq!(key().verify(&text, now() + LINK_LIFETIME), Some(visitor));
        assert_eq!(key().verify(&text, now() + LINK_LIFETIME + Duration::from_secs(1)), None, "expired");
        assert!(key().verify(&text, now() - Duration::from_secs(3_600)).is_some(), "clocks differ");
    }
}

#[test]
fn a_visitor_without_a_click_is_not_carried() {
    assert_eq!(key().sign(&Visitor::default(), now(), LINK_LIFETIME), None);
}

#[test]
fn the_newest_of_many_clicks_are_carried() {
    let ids: Vec<String> = (0..20).map(|number| format!("cust_{number}_{}", "1".repeat(90))).collect();
    let visitor = visitor(&ids.iter().map(String::as_str).collect::<Vec<_>>());
    let text = key().sign(&visitor, now(), LINK_LIFETIME).unwrap();
    let carried = key().verify(&text, now()).unwrap();
    assert!(text.len() <= MAX_LEN && carried.click_id == visitor.click_id);
    assert_eq!(*carried.click_ids, visitor.click_ids[18..]);
    // The longest ids.
    let longest = Visitor::from(ClickId::new("x".repeat(ClickId::MAX_LEN)).unwrap());
    let text = key().sign(&longest, now(), Duration::MAX).unwrap();
    assert_eq!(key().verify(&text, now()), Some(longest));
}

#[test]
fn secrets_can_be_rotated() {
    let text = VisitorKey::new(42, OLD_SECRET).unwrap().sign(&visitor(&["cust_1_1"]), now(), LINK_LIFETIME).unwrap();
    assert_eq!(key().verify(&text, now()), None);
    assert!(key().or_secret(OLD_SECRET).unwrap().verify(&text, now()).is_some());
}

#[test]
fn a_visitor_of_another_program_is_missing() {
    let other = VisitorKey::new(43, SECRET).unwrap();
    let text = other.sign(&visitor(&["cust_1_1"]), now(), LINK_LIFETIME).unwrap();
    assert_eq!((key().verify(&text, now()), other.verify(&text, now()).is_some()), (None, true));
    for id in ["", " ", "4|2", &"7".repeat(65)] {
        assert!(VisitorKey::new(id, SECRET).is_err(), "{id:?}");
    }
}

#[test]
fn short_secrets_are_rejected_and_none_is_shown() {
    for secret in [
        "",
        "   ",
        "secret",
        &"x".repeat(31),
        &format!("{}    ", "x".repeat(31)),
        "${THE_SECRET_OF_THE_VISITORS_IN_THE_VAULT}",
    ] {
        assert!(VisitorKey::new(42, secret).is_err(), "{secret:?}");
    }
    assert_eq!(format!("{:?}", key().or_secret(OLD_SECRET).unwrap()), "VisitorKey(42, [2 redacted])");
}

#[test]
fn hostile_texts_are_treated_as_missing() {
    let good = key().sign(&visitor(&["cust_1_1"]), now(), LINK_LIFETIME).unwrap();
    let (head, signature) = good.rsplit_once('.').unwrap();
    let texts = [
        String::new(),
        ".".repeat(3),
        "x".repeat(64 * 1024),
        good.replacen('2', "1", 1),
        format!("{good}{good}"),
        format!("{good}."),
        format!(" {good}"),
        format!("{good}="),
        head.to_owned(),
        format!("{head}."),
        format!("{head}.{}", &signature[..signature.len() - 2]),
        format!("{head}.{}", "A".repeat(22)),
        format!("2.{signature}.{signature}"),
        "2.\u{e9}.\u{e9}".to_owned(),
    ];
    for text in texts {
        assert_eq!(key().verify(&text, now()), None, "{text:.60}");
    }
}

proptest! {
    #[test]
    fn every_changed_character_is_noticed(at in any::<prop::sample::Index>(), change in "[A-Za-z0-9_.-]") {
        let good = key().sign(&visitor(&["cust_1_1", "cust_2_2"]), now(), LINK_LIFETIME).unwrap();
        let at = at.index(good.len());
        let mut changed = good.clone();
        changed.replace_range(at..=at, &change);
        prop_assert!(changed == good || key().verify(&changed, now()).is_none());
    }

    #[test]
    fn nothing_panics(text in ".{0,500}", seconds in any::<u32>()) {
        let _ = key().verify(&text, UNIX_EPOCH + Duration::from_secs(seconds.into()));
    }

    #[test]
    fn any_visitor_fits(ids in prop::collection::vec(r"[!#$&(-+./0-9:<-\[\]-{}~-]{1,128}", 1..25)) {
        let ids: Vec<ClickId> = ids.iter().map(|id| ClickId::new(id).unwrap()).collect();
        let visitor = Visitor::from(ids.last().cloned()).click_ids(ids);
        let text = key().sign(&visitor, now(), LINK_LIFETIME).unwrap();
        prop_assert!(text.len() <= MAX_LEN);
        let carried = key().verify(&text, now()).unwrap();
        prop_assert_eq!(&carried.click_id, &visitor.click_id);
        prop_assert!(carried.click_ids.iter().all(|id| visitor.click_ids.contains(id)));
    }
}
