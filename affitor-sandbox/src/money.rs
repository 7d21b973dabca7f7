//! Formatting of amounts and numbers.

/// Currencies without a minor unit: the API's "cents" are whole units.
const WITHOUT_CENTS: [&str; 16] =
    ["BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"];

/// Formats an amount with its currency: `49.00 USD`, `1,200,000 VND`.
pub(crate) fn money(amount: u64, currency: &str) -> String {
    if WITHOUT_CENTS.contains(&currency) {
        format!("{} {currency}", grouped(amount))
    } else {
        format!("{}.{:02} {currency}", grouped(amount / 100), amount % 100)
    }
}

/// Formats a number with thousands separators.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (amount, currency, text) in [
            (4_900, "USD", "49.00 USD"),
            (5, "EUR", "0.05 EUR"),
            (123_456_789, "USD", "1,234,567.89 USD"),
            (1_200_000, "VND", "1,200,000 VND"),
            (999, "JPY", "999 JPY"),
        ] {
            assert_eq!(money(amount, currency), text);
        }
    }
}
