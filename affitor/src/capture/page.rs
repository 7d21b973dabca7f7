//! Whether a request is a visitor who opens a page.

use super::head::Head;

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    /// Something else: a form, a script's request, an image, a frame, a crawler.
    No,
    /// The browser fetches a page that the visitor may open later, perhaps without another request.
    Prefetch,
    /// A visitor opens a page.
    Document,
}

/// Returns what a request is for. Browsers that send no `Sec-Fetch-*` headers name `text/html` in `Accept`.
pub(super) fn page(head: &dyn Head) -> Page {
    if head.method() != "GET" || head.header("upgrade").is_some() {
        return Page::No;
    }
    let (mode, dest) = (head.header("sec-fetch-mode"), head.header("sec-fetch-dest"));
    let is_navigation = mode.is_none_or(|mode| mode == "navigate") && dest.is_none_or(|dest| dest == "document");
    let says_so = mode.is_some() && dest.is_some();
    let takes_html = || head.header("accept").is_some_and(|accept| contains(accept, "text/html"));
    if !is_navigation || !(says_so || takes_html()) || head.lossy("user-agent").is_none_or(|name| is_bot(&name)) {
        return Page::No;
    }
    let purposes = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
    let is_early = |purpose: &str| ["prefetch", "prerender", "preview"].iter().any(|early| contains(purpose, early));
    if purposes.iter().any(|name| head.header(name).is_some_and(is_early)) { Page::Prefetch } else { Page::Document }
}

/// Parts of the names of programs that open pages without a visitor: crawlers, link previews, monitors, HTTP libraries. Most crawlers
/// give the address of a page about them, which browsers do not.
const BOTS: [&str; 36] = [
    "http://",
    "https://",
    "bot",
    "crawl",
    "spider",
    "slurp",
    "headless",
    "phantomjs",
    "googleother",
    "google-",
    "-google",
    "facebookexternalhit",
    "facebookcatalog",
    "meta-external",
    "chatgpt-user",
    "claude-user",
    "perplexity-user",
    "whatsapp/",
    "preview",
    "vkshare",
    "embedly",
    "feedfetcher",
    "pingdom",
    "uptime",
    "statuscake",
    "lighthouse",
    "curl/",
    "wget/",
    "python-",
    "aiohttp",
    "go-http-client",
    "libwww",
    "httpclient",
    "axios/",
    "node-fetch",
    "postmanruntime",
];

/// Returns whether a `User-Agent` names a known program that is not a browser.
fn is_bot(user_agent: &str) -> bool {
    // A brand of phones.
    let user_agent = user_agent.to_ascii_lowercase().replace("cubot", "");
    user_agent.is_empty() || BOTS.iter().any(|bot| user_agent.contains(bot))
}

/// Returns whether a text contains a lower-case one, ignoring case.
fn contains(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}
