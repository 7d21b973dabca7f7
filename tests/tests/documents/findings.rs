//! Every finding of `affitor prove` is explained in the troubleshooting guide.

use crate::{markdown, read, root};

const FINDINGS: [&str; 27] = [
    "aff-lost",
    "app-not-reachable",
    "checkout-failed",
    "click-id-lost",
    "cookie-lost",
    "customer-key-differs",
    "double-reporting",
    "layer-misses-route",
    "layer-missing",
    "no-lead",
    "no-refund",
    "no-renewal",
    "no-sale",
    "no-tracker",
    "points-elsewhere",
    "refund-id-differs",
    "sale-lost-in-outage",
    "sale-not-attributed",
    "session-metadata-missing",
    "signup-failed",
    "signup-fails-in-outage",
    "subscription-metadata-missing",
    "webhook-body-parsed",
    "webhook-failed",
    "webhook-not-found",
    "webhook-secret",
    "wrong-amount",
];

#[test]
fn every_finding_is_explained() {
    let text = read(&root().join("docs/guides/troubleshooting.md"));
    let mut explained = markdown::explicit_ids(&text);
    explained.sort();
    assert_eq!(explained, FINDINGS);
    for id in FINDINGS {
        let heading = format!("<a id=\"{id}\"></a>\n\n### `{id}`: ");
        let (_, section) = text.split_once(&heading).unwrap_or_else(|| panic!("{id} has no section"));
        let section = section.split("\n### ").next().unwrap();
        assert!(section.contains("\n**Meaning.** "), "{id}");
        assert!(section.contains("\n**Fix.** "), "{id}");
    }
}
