//! The guides in rustdoc (`affitor::guides`, `affitor_payments::guides`) are copies of those in `docs`, because a package can't contain files from outside of its
//! folder, and because links between files are links between modules there.
//!
//! After a change in `docs`, run `UPDATE_GUIDES=1 cargo test -p affitor-tests --test frameworks documents`.

use std::{
    env, fs,
    path::{Component, Path, PathBuf},
};

use crate::documents::{read, root};

/// A document besides `docs/guides` that is a guide in rustdoc: it stands beside the tests that it indexes.
const OTHERS: [&str; 1] = ["affitor-payments/tests/payments/ledger/what-counts.md"];

/// The guides of `affitor-payments`. All others are those of `affitor`.
const OF_PAYMENTS: [&str; 3] = ["payments.md", "stripe.md", "what-counts.md"];

/// The folder of the crate that has a guide.
fn crate_of(name: &str) -> &'static str {
    if OF_PAYMENTS.contains(&name) { "affitor-payments" } else { "affitor" }
}

/// The documents, each with the name of its copy.
fn documents() -> Vec<(PathBuf, String)> {
    let mut all: Vec<PathBuf> = OTHERS.iter().map(PathBuf::from).collect();
    let folder = Path::new("docs/guides");
    all.extend(fs::read_dir(root().join(folder)).unwrap().map(|entry| folder.join(entry.unwrap().file_name())));
    all.sort();
    all.into_iter().map(|path| (path.clone(), path.file_name().unwrap().to_str().unwrap().to_owned())).collect()
}

/// The document for rustdoc: links lead to modules or to docs.rs. Links to other files of the repository become plain text, and pictures
/// are left out, since the package does not contain them.
fn for_rustdoc(document: &Path, text: &str) -> String {
    let (mut result, mut in_code, mut in_picture) =
        (format!("<!-- Generated from {}, by a test: see AGENTS.md. -->\n\n", document.display()), false, false);
    for line in text.split_inclusive('\n') {
        in_picture |= line == "<picture>\n";
        if in_picture {
            in_picture = line != "</picture>\n";
        } else if line.starts_with("```") {
            // Tests compile these, elsewhere. Rustdoc would say that they are not tested.
            result += &if in_code { line.to_owned() } else { line.replace("rust,ignore", "rust") };
            in_code = !in_code;
        } else if in_code {
            result += line;
        } else {
            result += &with_links(document, line);
        }
    }
    result
}

fn with_links(document: &Path, line: &str) -> String {
    let (mut result, mut rest) = (String::new(), line);
    while let Some((before, after)) = rest.split_once("](") {
        let (Some((link, after)), Some((start, text))) = (after.split_once(')'), before.rsplit_once('[')) else {
            result = format!("{result}{before}](");
            rest = after;
            continue;
        };
        result += start;
        result += &match target(document, link) {
            Some(target) => format!("[{text}]({target})"),
            None => text.to_owned(),
        };
        rest = after;
    }
    result + rest
}

/// Where a link leads in rustdoc.
fn target(document: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with('#') {
        return Some(link.to_owned());
    }
    let (path, anchor) = link.split_once('#').map_or((link, String::new()), |(path, id)| (path, format!("#{id}")));
    let mut target = PathBuf::new();
    for part in document.parent()?.join(path).components() {
        match part {
            Component::ParentDir => _ = target.pop(),
            part => target.push(part),
        }
    }
    let (name, target) = (target.file_stem()?.to_str()?.to_owned(), target.to_str()?.to_owned());
    if target == "docs/guides/README.md" {
        return Some("affitor::guides".to_owned());
    }
    if target.starts_with("docs/guides/") || OTHERS.contains(&target.as_str()) {
        let (from, to) = (crate_of(document.file_name()?.to_str()?), crate_of(&format!("{name}.md")));
        let module = name.replace('-', "_");
        return Some(match (from == to, to) {
            (true, _) => format!("crate::guides::{module}{anchor}"),
            (false, "affitor") => format!("affitor::guides::{module}{anchor}"),
            // It depends on the crate with the link, so rustdoc can't find it there.
            (false, to) => {
                format!("https://docs.rs/{to}/latest/{}/guides/{module}/{anchor}", to.replace('-', "_"))
            }
        });
    }
    let first = target.split('/').next()?;
    (first == "affitor" || first.starts_with("affitor-")).then(|| format!("https://docs.rs/{first}{anchor}"))
}

#[test]
fn rustdoc_has_every_guide() {
    let update = env::var_os("UPDATE_GUIDES").is_some();
    let mut copies = Vec::new();
    for (document, name) in documents() {
        let source = root().join(crate_of(&name)).join("src");
        let (copy, expected) =
            (source.join("guides").join(&name), for_rustdoc(&document, &read(&root().join(&document))));
        let relative = crate::documents::markdown::links(&expected)
            .into_iter()
            .find(|link| link.ends_with(".md") || link.contains(".md#"));
        assert_eq!(relative, None, "{}: a link must not be broken over two lines", document.display());
        if update {
            fs::write(&copy, &expected).unwrap();
        }
        let current = copy.exists() && read(&copy) == expected;
        assert!(current, "{} has changed: see the first lines of this test", document.display());
        let module = read(&source.join("guides.rs"));
        assert!(module.contains(&format!("\"guides/{name}\"")), "guides.rs of {} lacks {name}", crate_of(&name));
        copies.push(copy);
    }
    for folder in ["affitor", "affitor-payments"].map(|name| root().join(name).join("src/guides")) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            assert!(copies.contains(&path), "{} has no original", path.display());
        }
    }
}

#[test]
fn links_between_files_become_links_between_modules() {
    let convert = |line| with_links(Path::new("docs/guides/ids.md"), line);
    assert_eq!(convert("see [Going live](going-live.md)."), "see [Going live](crate::guides::going_live).");
    assert_eq!(
        convert("[a](payments.md#settings) [b](#c)"),
        "[a](https://docs.rs/affitor-payments/latest/affitor_payments/guides/payments/#settings) [b](#c)"
    );
    let convert_payments = |line| with_links(Path::new("docs/guides/payments.md"), line);
    assert_eq!(
        convert_payments("[a](ids.md) [b](../../affitor-payments/tests/payments/ledger/what-counts.md)"),
        "[a](affitor::guides::ids) [b](crate::guides::what_counts)"
    );
    assert_eq!(
        convert("[`affitor-outbox`](../../affitor-outbox)"),
        "[`affitor-outbox`](https://docs.rs/affitor-outbox)"
    );
    assert_eq!(convert("[`flows`](../../examples/flows) [x](https://x.example)"), "`flows` [x](https://x.example)");
}
