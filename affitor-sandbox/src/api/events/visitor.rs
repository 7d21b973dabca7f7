//! Where a visitor is and what they use. The place is that of the time zone that the click sent, which is an interpretation: the service
//! does not say how it knows it. The device and the browser are those that the user agent names. What is not known is `null`.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Default, PartialEq, Serialize, ToSchema)]
pub(super) struct Visitor {
    /// Of the time zone.
    geo_country: Option<&'static str>,
    /// Of the time zone.
    geo_region: Option<&'static str>,
    /// Of the time zone.
    geo_city: Option<&'static str>,
    device_type: Option<&'static str>,
    device_os: Option<&'static str>,
    browser_name: Option<&'static str>,
}

/// Time zone; country, region and city.
const PLACES: [(&str, &str, &str, &str); 14] = [
    ("America/Los_Angeles", "US", "California", "Los Angeles"),
    ("America/Chicago", "US", "Illinois", "Chicago"),
    ("America/New_York", "US", "New York", "New York"),
    ("America/Toronto", "CA", "Ontario", "Toronto"),
    ("America/Sao_Paulo", "BR", "São Paulo", "São Paulo"),
    ("Europe/Berlin", "DE", "Berlin", "Berlin"),
    ("Europe/London", "GB", "England", "London"),
    ("Europe/Madrid", "ES", "Madrid", "Madrid"),
    ("Europe/Paris", "FR", "Île-de-France", "Paris"),
    ("Asia/Ho_Chi_Minh", "VN", "Ho Chi Minh City", "Ho Chi Minh City"),
    ("Asia/Singapore", "SG", "Singapore", "Singapore"),
    ("Asia/Tokyo", "JP", "Tokyo", "Tokyo"),
    ("Asia/Kolkata", "IN", "West Bengal", "Kolkata"),
    ("Australia/Sydney", "AU", "New South Wales", "Sydney"),
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
    pub(super) fn of(timezone: Option<&str>, user_agent: Option<&str>) -> Self {
        let place = timezone.and_then(|zone| PLACES.iter().find(|(known, ..)| *known == zone));
        let named = |text: &str| user_agent.is_some_and(|agent| agent.contains(text));
        let system = SYSTEMS.iter().find(|(text, ..)| named(text));
        let browser = BROWSERS.iter().find(|(text, _)| named(text));
        Self {
            geo_country: place.map(|(_, country, ..)| *country),
            geo_region: place.map(|(_, _, region, _)| *region),
            geo_city: place.map(|(.., city)| *city),
            device_type: system.map(|(_, device_type, _)| *device_type),
            device_os: system.map(|(.., os)| *os),
            browser_name: browser.map(|(_, name)| *name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_invented() {
        assert_eq!(Visitor::of(None, None), Visitor::default());
        assert_eq!(Visitor::of(Some("Mars/Olympus"), Some("my-agent/1.0")), Visitor::default());
        let agent =
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1";
        let visitor = Visitor::of(Some("Europe/Berlin"), Some(agent));
        let device = (visitor.device_type, visitor.device_os, visitor.browser_name);
        assert_eq!(device, (Some("mobile"), Some("iOS"), Some("Safari")));
        assert_eq!((visitor.geo_country, visitor.geo_city), (Some("DE"), Some("Berlin")));
    }
}
