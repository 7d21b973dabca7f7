//! What was sold: the lines of a payment, and the product by which the service chooses the commission.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Most lines of a payment that are kept.
const MOST: usize = 100;

/// Maximum length of a line's name, in characters.
const MAX_NAME: usize = 200;

/// The lines of a payment, as far as the provider lists them.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Lines {
    /// Whether these are all of them. Stripe's webhooks list the first ten.
    pub is_complete: bool,
    /// The lines, sorted. At most 100.
    pub lines: Vec<Line>,
}

/// A line of a payment. Shipping and tax are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Line {
    /// The provider's id of the product. `None` if the line has an amount only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Name of what was sold. At most 200 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The amount in the currency's smallest unit. Less than 0 if it gives something back, such as unused time.
    pub amount_cents: i64,
    /// Number of pieces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<u64>,
}

/// What a sale says about its product.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sold {
    pub(super) product_id: Option<String>,
    /// The lines in the form of the API, if there are several products.
    pub(super) line_items: Option<Value>,
    /// Whether the product can't be told, because lines are missing.
    pub(super) is_unknown: bool,
}

impl Lines {
    /// Collects lines. Too many of them are not complete.
    pub(crate) fn new(lines: impl IntoIterator<Item = Line>, is_complete: bool) -> Self {
        let mut lines: Vec<Line> = lines.into_iter().take(MOST + 1).collect();
        let is_complete = is_complete && lines.len() <= MOST;
        lines.truncate(MOST);
        lines.sort();
        Self { is_complete, lines }
    }

    /// What these lines say. `products` has the shop's names of the provider's products.
    fn sold(&self, products: &BTreeMap<String, String>) -> Sold {
        if !self.is_complete {
            return Sold { is_unknown: true, ..Sold::default() };
        }
        // A line that costs nothing has no commission: unused metered prices, a free addition.
        let lines: Vec<&Line> = self.lines.iter().filter(|line| line.amount_cents != 0).collect();
        let id_of = |line: &Line| line.product.as_deref().map(|id| shops_name(id, products));
        let Some((first, others)) = lines.split_first() else { return Sold::default() };
        let product_id = id_of(first);
        if others.iter().all(|line| id_of(line) == product_id) {
            return Sold { product_id, ..Sold::default() };
        }
        let items = lines.iter().map(|line| {
            let mut item = json!({ "amount_cents": line.amount_cents });
            for (key, value) in
                [("name", line.name.clone().map(Value::from)), ("quantity", line.quantity.map(Value::from))]
            {
                if let Some(value) = value {
                    item[key] = value;
                }
            }
            item
        });
        Sold { line_items: Some(items.collect()), ..Sold::default() }
    }
}

impl Line {
    /// Creates a line. Only a product has a name: another text may be about a person.
    pub(crate) fn new(product: Option<&str>, name: Option<&str>, amount_cents: i64, quantity: Option<u64>) -> Self {
        let name = name.filter(|name| product.is_some() && !name.trim().is_empty());
        let name = name.map(|name| name.chars().take(MAX_NAME).collect());
        Self { product: product.map(str::to_owned), name, amount_cents, quantity }
    }
}

/// What a sale says about its product: what names it, else what its lines agree on.
pub(super) fn sold(named: Option<&str>, lines: Option<&Lines>, products: &BTreeMap<String, String>) -> Sold {
    match (named, lines) {
        (Some(named), _) => Sold { product_id: Some(shops_name(named, products)), ..Sold::default() },
        (None, Some(lines)) => lines.sold(products),
        (None, None) => Sold::default(),
    }
}

fn shops_name(id: &str, products: &BTreeMap<String, String>) -> String {
    products.get(id).map_or(id, String::as_str).to_owned()
}
