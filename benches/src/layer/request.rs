//! The requests: 14 browser headers, and one `Cookie` header of 600 bytes with 8 cookies.

/// The kinds of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The click id in the middle of the cookies.
    Hit,
    /// Cookies without a click id.
    Miss,
    /// No cookies.
    None,
    /// The click id in the forwarded header, and cookies without one.
    Header,
    /// 2 KB of JSON with the field in the middle, and no cookies.
    JsonHit,
    /// 2 KB of JSON without the field, and no cookies.
    JsonAbsent,
}

const CLICK_ID: &str = "cust_42_1714000000000";

impl Kind {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "hit" => Self::Hit,
            "miss" => Self::Miss,
            "none" => Self::None,
            "header" => Self::Header,
            "json-hit" => Self::JsonHit,
            "json-absent" => Self::JsonAbsent,
            _ => return None,
        })
    }

    pub(crate) fn headers(self) -> Vec<(&'static str, String)> {
        let browser = [
            ("host", "shop.example"),
            ("user-agent", "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
            ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
            ("accept-language", "en-US,en;q=0.5"),
            ("accept-encoding", "gzip, deflate, br, zstd"),
            ("referer", "https://shop.example/pricing"),
            ("origin", "https://shop.example"),
            ("dnt", "1"),
            ("connection", "keep-alive"),
            ("upgrade-insecure-requests", "1"),
            ("sec-fetch-dest", "document"),
            ("sec-fetch-mode", "navigate"),
            ("sec-fetch-site", "same-origin"),
            ("priority", "u=0, i"),
        ];
        let mut headers: Vec<_> = browser.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
        match self {
            Self::Hit => headers.push(("cookie", cookies("affitor_click_id"))),
            Self::Miss => headers.push(("cookie", cookies("cart"))),
            Self::Header => {
                headers.push(("cookie", cookies("cart")));
                headers.push(("x-affitor-click-id", CLICK_ID.to_owned()));
            }
            Self::None => {}
            Self::JsonHit | Self::JsonAbsent => headers.push(("content-type", "application/json".to_owned())),
        }
        headers
    }

    pub(crate) fn body(self) -> &'static [u8] {
        let json = match self {
            Self::JsonHit => json("affitorClickId"),
            Self::JsonAbsent => json("anotherClickId"),
            _ => return b"",
        };
        json.leak().as_bytes()
    }
}

fn cookies(name: &str) -> String {
    let mut pairs = vec![
        format!("_ga=GA1.1.{}", "1234567890.".repeat(4)),
        format!("session={}", "0123456789abcdef".repeat(6)),
        "theme=dark".to_owned(),
        format!("_fbp=fb.1.{}", "1714000000000.".repeat(5)),
        format!("{name}={CLICK_ID}"),
        format!("consent={}", "analytics-yes.ads-no.".repeat(4)),
        "locale=en-US".to_owned(),
    ];
    let length = pairs.join("; ").len();
    pairs.push(format!("pad={}", "x".repeat(600 - length - "; pad=".len())));
    pairs.join("; ")
}

/// About 2 KB of JSON with the field in the middle.
fn json(field: &str) -> String {
    let pair = |n: usize| format!(r#""field_{n}":"{}""#, "some text ".repeat(5));
    let pairs = |range: std::ops::Range<usize>| range.map(pair).collect::<Vec<_>>().join(",");
    format!(r#"{{{},"{field}":"{CLICK_ID}",{}}}"#, pairs(0..15), pairs(15..30))
}
