//! Stripe Checkout metadata that links a payment to the visitor's click.
//!
//! Stripe's webhooks contain the metadata of the checkout. Affitor reads three names: [`PROGRAM_ID`], [`CUSTOMER_KEY`] and
//! [`CLICK_ID`]. A subscription needs them in two places, `metadata` and `subscription_data.metadata`; without the second one,
//! every renewal is lost. That is why [`Metadata`] can only be read after choosing
//! [`for_payment`](Metadata::for_payment) or [`for_subscription`](Metadata::for_subscription).
//!
//! ```
//! use affitor::stripe::Metadata;
//!
//! let metadata = Metadata::new("42", "user_7")?.for_subscription();
//! let form: Vec<(String, String)> = metadata.form_pairs();
//! assert!(form.contains(&("metadata[program_id]".into(), "42".into())));
//! assert!(form.contains(&("subscription_data[metadata][program_id]".into(), "42".into())));
//! # Ok::<(), affitor::stripe::InvalidMetadata>(())
//! ```

use std::{collections::HashMap, fmt};

use affitor_core::{ClickId, redact::Redacted};
use serde::Serialize;

/// Metadata name of the program id. Required.
pub const PROGRAM_ID: &str = "program_id";
/// Metadata name of your own user id. Always sent.
pub const CUSTOMER_KEY: &str = "affitor_customer_key";
/// Metadata name of the visitor's click id. Sent if it is known.
pub const CLICK_ID: &str = "affitor_click_id";

/// Metadata name of the product. This crate's own: Affitor itself does not read it.
pub const PRODUCT_ID: &str = "affitor_product_id";

/// The metadata of a payment at Stripe, which webhooks contain. Convert it for the object that your app creates:
/// [`for_payment`](Metadata::for_payment), or [`for_subscription`](Metadata::for_subscription) for a subscription's checkout.
#[derive(Clone, PartialEq, Eq)]
#[must_use = "metadata does nothing until it is sent to Stripe"]
pub struct Metadata {
    program_id: Option<String>,
    customer_key: Option<String>,
    click_id: Option<ClickId>,
}

impl Metadata {
    /// Creates the metadata for a checkout of one of your users.
    ///
    /// # Errors
    ///
    /// Returns an error if the program id or the customer key is blank, or longer than 500 characters, which is Stripe's limit.
    pub fn new(program_id: impl fmt::Display, customer_key: impl fmt::Display) -> Result<Self, InvalidMetadata> {
        let program_id = program_id.to_string();
        match Self::lenient(Some(&program_id), customer_key.to_string()) {
            (metadata, None) => Ok(metadata),
            (_, Some(problem)) => Err(problem),
        }
    }

    /// Creates metadata without the values that can't be metadata. Also returns what is wrong with the first of them.
    pub(crate) fn lenient(program_id: Option<&str>, customer_key: String) -> (Self, Option<InvalidMetadata>) {
        let mut problem = None;
        let mut usable = |value: Option<String>| {
            let checked = check(value.as_deref()?, "the program id and the customer key must not be blank");
            let invalid = checked.err();
            let value = if invalid.is_none() { value } else { None };
            problem = problem.take().or(invalid);
            value
        };
        let (program_id, customer_key) = (usable(program_id.map(str::to_owned)), usable(Some(customer_key)));
        (Self { program_id, customer_key, click_id: None }, problem)
    }

    /// Sets the visitor's click id.
    pub fn click_id(mut self, click_id: impl Into<Option<ClickId>>) -> Self {
        self.click_id = click_id.into();
        self
    }

    /// Converts to the metadata of a checkout or a payment link with `mode=payment`, and of what your app creates itself by API: a
    /// payment intent (for example for Elements), an invoice, or a subscription without a checkout. (Invoices of a subscription inherit
    /// the subscription's.)
    ///
    /// ```
    /// use affitor::stripe::Metadata;
    ///
    /// let form = Metadata::new("42", "user_7")?.for_payment().form_pairs();
    /// assert!(form.contains(&("metadata[affitor_customer_key]".into(), "user_7".into())));
    /// # Ok::<(), affitor::stripe::InvalidMetadata>(())
    /// ```
    #[doc(alias = "payment_intent")]
    #[doc(alias = "invoice")]
    pub fn for_payment(self) -> PaymentMetadata {
        PaymentMetadata { metadata: self.map() }
    }

    /// Converts to the metadata of a checkout with `mode=subscription`.
    pub fn for_subscription(self) -> SubscriptionMetadata {
        let metadata = self.map();
        SubscriptionMetadata { subscription_data: SubscriptionData { metadata: metadata.clone() }, metadata }
    }

    fn map(self) -> HashMap<String, String> {
        let click_id = self.click_id.map(|id| id.to_string());
        let values = [(CUSTOMER_KEY, self.customer_key), (PROGRAM_ID, self.program_id), (CLICK_ID, click_id)];
        values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// Maximum length of a value at Stripe, in characters.
const MAX_LEN: usize = 500;

fn check(value: &str, if_blank: &'static str) -> Result<(), InvalidMetadata> {
    if value.trim().is_empty() {
        return Err(InvalidMetadata(if_blank));
    }
    if value.chars().count() > MAX_LEN {
        return Err(InvalidMetadata("Stripe accepts metadata of at most 500 characters"));
    }
    Ok(())
}

affitor_core::invalid_value! {
    /// The reason why a value can't be metadata.
    InvalidMetadata
}

impl fmt::Debug for Metadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metadata")
            .field("program_id", &self.program_id)
            .field("customer_key", &self.customer_key.as_deref().map(Redacted))
            .field("click_id", &self.click_id)
            .finish()
    }
}

/// The metadata of a single payment. As JSON: `{"metadata": {…}}`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[must_use = "metadata does nothing until it is sent to Stripe"]
pub struct PaymentMetadata {
    metadata: HashMap<String, String>,
}

impl PaymentMetadata {
    /// Names the product, for a program whose commission depends on it. The webhook of a one-time Checkout payment does not name
    /// it. (Invoices do.) The id is Stripe's, or your own.
    ///
    /// ```
    /// use affitor::stripe::Metadata;
    ///
    /// let form = Metadata::new("42", "user_7")?.for_payment().product_id("prod_PKe2xAlb")?.form_pairs();
    /// assert!(form.contains(&("metadata[affitor_product_id]".into(), "prod_PKe2xAlb".into())));
    /// # Ok::<(), affitor::stripe::InvalidMetadata>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the id is blank, or longer than 500 characters, which is Stripe's limit.
    pub fn product_id(mut self, id: impl fmt::Display) -> Result<Self, InvalidMetadata> {
        let id = id.to_string();
        check(&id, "the product id must not be blank")?;
        self.metadata.insert(PRODUCT_ID.to_owned(), id);
        Ok(self)
    }

    /// Returns the map for the `metadata` parameter of a Stripe library.
    pub fn into_map(self) -> HashMap<String, String> {
        self.metadata
    }

    /// Returns pairs for Stripe's form encoding, sorted by name.
    pub fn form_pairs(&self) -> Vec<(String, String)> {
        pairs("metadata", &self.metadata)
    }
}

impl fmt::Debug for PaymentMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PaymentMetadata").field("metadata", &Shown(&self.metadata)).finish()
    }
}

/// The metadata of a subscription, in both places. As JSON: `{"metadata": {…}, "subscription_data": {"metadata": {…}}}`.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[must_use = "metadata does nothing until it is sent to Stripe"]
pub struct SubscriptionMetadata {
    metadata: HashMap<String, String>,
    subscription_data: SubscriptionData,
}

#[derive(Clone, PartialEq, Eq, Serialize)]
struct SubscriptionData {
    metadata: HashMap<String, String>,
}

/// The two maps of [`SubscriptionMetadata::into_maps`]. Both are needed, or renewals are lost.
#[derive(Clone, PartialEq, Eq)]
#[must_use = "both maps are needed, or renewals are lost"]
#[non_exhaustive]
pub struct SubscriptionMaps {
    /// For the parameter `metadata`.
    pub metadata: HashMap<String, String>,
    /// For the parameter `subscription_data.metadata`.
    pub subscription_data_metadata: HashMap<String, String>,
}

impl fmt::Debug for SubscriptionMaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionMaps")
            .field("metadata", &Shown(&self.metadata))
            .field("subscription_data_metadata", &Shown(&self.subscription_data_metadata))
            .finish()
    }
}

impl SubscriptionMetadata {
    /// Returns the maps for the parameters of a Stripe library.
    ///
    /// ```
    /// use affitor::stripe::Metadata;
    ///
    /// let maps = Metadata::new("42", "user_7")?.for_subscription().into_maps();
    /// assert_eq!(maps.metadata, maps.subscription_data_metadata);
    /// # Ok::<(), affitor::stripe::InvalidMetadata>(())
    /// ```
    pub fn into_maps(self) -> SubscriptionMaps {
        SubscriptionMaps { metadata: self.metadata, subscription_data_metadata: self.subscription_data.metadata }
    }

    /// Returns pairs for Stripe's form encoding, for both places.
    pub fn form_pairs(&self) -> Vec<(String, String)> {
        let mut all = pairs("metadata", &self.metadata);
        all.extend(pairs("subscription_data[metadata]", &self.subscription_data.metadata));
        all
    }
}

impl fmt::Debug for SubscriptionMetadata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionMetadata")
            .field("metadata", &Shown(&self.metadata))
            .field("subscription_data.metadata", &Shown(&self.subscription_data.metadata))
            .finish()
    }
}

fn pairs(place: &str, map: &HashMap<String, String>) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = map.iter().map(|(name, value)| (format!("{place}[{name}]"), value.clone())).collect();
    pairs.sort();
    pairs
}

struct Shown<'a>(&'a HashMap<String, String>);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.0.iter().map(|(name, value)| (name, Redacted(value)))).finish()
    }
}
