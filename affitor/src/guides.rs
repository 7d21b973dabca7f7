//! The project's guides. These modules contain texts only, no code.

#![cfg_attr(all(doc, not(doctest)), doc = include_str!("guides/README.md"))]

// Only rustdoc needs the texts, so builds do not read them. Doctests run once, where all frameworks are available: `tests/src/lib.rs`.
macro_rules! guides {
    ($($name:ident, $file:literal, $title:literal;)*) => {$(
        #[cfg_attr(all(doc, not(doctest)), doc = include_str!($file))]
        #[cfg_attr(not(all(doc, not(doctest))), doc = $title)]
        pub mod $name {}
    )*};
}

guides! {
    first_lead, "guides/first-lead.md", "Your first lead.";
    first_sale, "guides/first-sale.md", "Your first sale, proved.";
    axum, "guides/axum.md", "axum.";
    actix_web, "guides/actix-web.md", "actix-web.";
    tower, "guides/tower.md", "Any Tower server.";
    click_id, "guides/click-id.md", "Where the click id comes from.";
    ids, "guides/ids.md", "Choosing ids.";
    outcomes, "guides/outcomes.md", "Outcomes and errors.";
    background, "guides/background.md", "In the background.";
    tls, "guides/tls.md", "TLS.";
    client, "guides/client.md", "The client.";
    testing, "guides/testing.md", "Testing and proving.";
    troubleshooting, "guides/troubleshooting.md", "Troubleshooting.";
    findings, "guides/findings.md", "Findings of `affitor prove`.";
    going_live, "guides/going-live.md", "Going live.";
    privacy, "guides/privacy.md", "Privacy.";
    node, "guides/node.md", "Coming from the Node SDK.";
    compared, "guides/compared.md", "Compared with other ways.";
    leads, "guides/leads.md", "Which request is the lead.";
    other_clients, "guides/other-clients.md", "Single-page apps, mobile and command-line clients.";
    sign_ups, "guides/sign-ups.md", "Sign-ups that end elsewhere.";
    capture, "guides/capture.md", "Capturing clicks on the server.";
}
