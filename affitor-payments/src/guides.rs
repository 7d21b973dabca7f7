//! The project's guides about payments. These modules contain texts only, no code. The others are in [`affitor::guides`].

// Only rustdoc needs the texts, so builds do not read them. Doctests run once, where all frameworks are available: `tests/src/lib.rs`.
macro_rules! guides {
    ($($name:ident, $file:literal, $title:literal;)*) => {$(
        #[cfg_attr(all(doc, not(doctest)), doc = include_str!($file))]
        #[cfg_attr(not(all(doc, not(doctest))), doc = $title)]
        pub mod $name {}
    )*};
}

guides! {
    payments, "guides/payments.md", "Payments.";
    stripe, "guides/stripe.md", "Stripe.";
    what_counts, "guides/what-counts.md", "What counts.";
}
