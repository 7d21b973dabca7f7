//! What the tests need to know of a Markdown file: its links, and what can be linked to.

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fence: Option<&str> = None;
    text.lines().filter(move |line| {
        let start = line.trim_start();
        let ticks = &start[..start.len() - start.trim_start_matches('`').len()];
        match fence {
            Some(open) if ticks.len() >= open.len() && start.len() == ticks.len() => fence = None,
            Some(_) => {}
            None if ticks.len() >= 3 => fence = Some(ticks),
            None => return true,
        }
        false
    })
}

/// A line without code spans.
fn without_code(line: &str) -> String {
    let (mut kept, mut rest) = (String::new(), line);
    while let Some(start) = rest.find('`') {
        let length = rest[start..].len() - rest[start..].trim_start_matches('`').len();
        let (before, code) = (&rest[..start], &rest[start + length..]);
        kept += before;
        rest = match closing(code, length) {
            Some(end) => &code[end + length..],
            None => code,
        };
    }
    kept + rest
}

/// Where a run of exactly this many backticks begins.
fn closing(code: &str, length: usize) -> Option<usize> {
    let mut from = 0;
    loop {
        let start = from + code[from..].find('`')?;
        let run = code[start..].len() - code[start..].trim_start_matches('`').len();
        if run == length {
            return Some(start);
        }
        from = start + run;
    }
}

/// The targets of links and images, in Markdown and in HTML.
pub(crate) fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    for line in prose(text).map(without_code) {
        for (open, close) in [("](", ')'), ("href=\"", '"'), ("src=\"", '"'), ("srcset=\"", '"')] {
            let targets = line.split(open).skip(1).filter_map(|rest| rest.split(close).next());
            links.extend(targets.map(|target| target.split(' ').next().unwrap_or_default().to_owned()));
        }
        // `[name]: target`
        if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            links.push(target.trim().to_owned());
        }
    }
    links
}

/// The ids that are written as `<a id="…">`.
pub(crate) fn explicit_ids(text: &str) -> Vec<String> {
    let ids = prose(text).flat_map(|line| line.split("<a id=\"").skip(1));
    ids.filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
}

/// The ids of headings, as GitHub and rustdoc derive them, and the explicit ones.
pub(crate) fn anchors(text: &str) -> Vec<String> {
    let mut anchors = explicit_ids(text);
    let mut headings: Vec<String> = Vec::new();
    for line in prose(text) {
        let level = line.len() - line.trim_start_matches('#').len();
        let Some(title) = line[level..].strip_prefix(' ').filter(|_| (1..=6).contains(&level)) else { continue };
        let slug = slug(title.trim());
        let earlier = headings.iter().filter(|heading| **heading == slug).count();
        anchors.push(if earlier == 0 { slug.clone() } else { format!("{slug}-{earlier}") });
        headings.push(slug);
    }
    anchors
}

fn slug(title: &str) -> String {
    // Of a link, only the text counts.
    let mut text = String::new();
    let mut rest = title;
    while let Some((before, after)) = rest.split_once("](") {
        text += &before.replacen('[', "", 1);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    text += rest;
    let text = text.to_lowercase();
    let kept = text.chars().filter_map(|char| match char {
        ' ' => Some('-'),
        '-' | '_' => Some(char),
        _ => char.is_alphanumeric().then_some(char),
    });
    kept.collect()
}

#[test]
fn code_is_not_searched_for_links() {
    let text = "[a](a.md) `[b](b.md)` ``x ` [c](c.md)`` [d](d.md#e)\n```\n[f](f.md)\n```\n[g](g.md \"title\")";
    assert_eq!(links(text), ["a.md", "d.md#e", "g.md"]);
}

#[test]
fn headings_are_anchors() {
    let text =
        "# One `two`: (three)\n## A\n## A\n```sh\n# comment\n```\n<a id=\"own\"></a>\n## [Link](x.md), `no-lead`";
    assert_eq!(anchors(text), ["own", "one-two-three", "a", "a-1", "link-no-lead"]);
}
