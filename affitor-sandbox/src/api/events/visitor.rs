//! Where a visitor is and what they use. The place is invented, but always the same for one visitor. The device and the
//! browser follow the user agent if it names one, and are invented otherwise.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(super) struct Visitor {
    /// Synthetic; the same for each visitor.
    geo_country: &'static str,
    /// Synthetic; the same for each visitor.
    geo_region: &'static str,
    /// Synthetic; the same for each visitor.
    geo_city: &'static str,
    device_type: &'static str,
    device_os: &'static str,
    browser_name: &'static str,
}

/// Country, region and city.
const PLACES: [(&str, &str, &str); 8] = [
    ("US", "California", "San Francisco"),
    ("US", "New York", "New York"),
    ("DE", "Berlin", "Berlin"),
    ("FR", "Île-de-France", "Paris"),
    ("GB", "England", "London"),
    ("VN", "Hanoi", "Hanoi"),
    ("BR", "São Paulo", "São Paulo"),
    ("AU", "New South Wales", "Sydney"),
];

/// Type, system and browser of a device.
const DEVICES: [(&str, &str, &str); 4] = [
    ("desktop", "Windows", "Chrome"),
    ("mobile", "iOS", "Safari"),
    ("desktop", "macOS", "Safari"),
    ("mobile", "Android", "Chrome"),
];

/// Text in a user agent, and the type and the system of the device. The first match counts.
const SYSTEMS: [(&str, &str, &str); 6] = [
    ("iPhone", "mobile", "iOS"),
    ("iPad", "tablet", "iOS"),
    ("Android", "mobile", "Android"),
    ("Windows", "desktop", "Windows"),
    ("Macintosh", "desktop", "macOS"),
    ("Linux", "desktop", "Linux"),
];

/// Text in a user agent, and the browser. The first match counts: most browsers also name others.
const BROWSERS: [(&str, &str); 4] =
    [("Edg/", "Edge"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari")];

impl Visitor {
    pub(super) fn of(customer_id: u64, user_agent: Option<&str>) -> Self {
        // Spreads consecutive numbers over the lists.
        let spread = customer_id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let (geo_country, geo_region, geo_city) = PLACES[(spread % PLACES.len() as u64) as usize];
        let (device_type, device_os, browser_name) = DEVICES[((spread >> 8) % DEVICES.len() as u64) as usize];
        let named = |text: &str| user_agent.is_some_and(|agent| agent.contains(text));
        let system = SYSTEMS.iter().find(|(text, ..)| named(text));
        let browser = BROWSERS.iter().find(|(text, _)| named(text));
        Self {
            geo_country,
            geo_region,
            geo_city,
            device_type: system.map_or(device_type, |(_, device_type, _)| device_type),
            device_os: system.map_or(device_os, |(.., os)| os),
            browser_name: browser.map_or(browser_name, |(_, name)| name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_visitor_stays_the_same_and_the_user_agent_counts() {
        assert_eq!(Visitor::of(7, None), Visitor::of(7, None));
        let places: std::collections::HashSet<_> = (1..100).map(|id| Visitor::of(id, None).geo_city).collect();
        assert_eq!(places.len(), PLACES.len(), "visitors are spread over all places");
        let agent =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1";
        let visitor = Visitor::of(7, Some(agent));
        assert_eq!((visitor.device_type, visitor.device_os, visitor.browser_name), ("mobile", "iOS", "Safari"));
    }
}
