//! The guides in rustdoc (`affitor::guides`) are copies of those in `docs`, because a package can't contain files from outside of its
//! folder, and because links between files are links between modules there.
//!
//! After a change in `docs`, run `UPDATE_GUIDES=1 cargo test -p affitor-tests --test frameworks documents`.

use std::{
    env, fs,
    path::{Component, Path, PathBuf},
};

use crate::documents::{read, root};

/// The documents besides `docs/guides` that are guides in rustdoc.
const OTHERS: [&str; 4] = ["docs/payments.md", "docs/what-counts.md", "docs/sign-ups.md", "docs/capture.md"];

/// The documents, each with the name of its copy.
fn documents() -> Vec<(PathBuf, String)> {
    let mut all: Vec<PathBuf> = OTHERS.iter().map(PathBuf::from).collect();
    let folder = Path::new("docs/guides");
    all.extend(fs::read_dir(root().join(folder)).unwrap().map(|entry| folder.join(entry.unwrap().file_name())));
    all.sort();
    all.into_iter().map(|path| (path.clone(), path.file_name().unwrap().to_str().unwrap().to_owned())).collect()
}

/// The document for rustdoc: links lead to modules or to docs.rs. Links to other files of the repository become plain text.
fn for_rustdoc(document: &Path, text: &str) -> String {
    let (mut result, mut in_code) = (String::new(), false);
    for line in text.split_inclusive('\n') {
        if line.starts_with("```") {
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
        return Some("crate::guides".to_owned());
    }
    if target.starts_with("docs/guides/") || OTHERS.contains(&target.as_str()) {
        return Some(format!("crate::guides::{}{anchor}", name.replace('-', "_")));
    }
    let first = target.split('/').next()?;
    (first == "affitor" || first.starts_with("affitor-")).then(|| format!("https://docs.rs/{first}{anchor}"))
}

#[test]
fn rustdoc_has_every_guide() {
    let folder = root().join("affitor/src/guides");
    let module = read(&root().join("affitor/src/guides.rs"));
    let update = env::var_os("UPDATE_GUIDES").is_some();
    let mut names = Vec::new();
    for (document, name) in documents() {
        let (copy, expected) = (folder.join(&name), for_rustdoc(&document, &read(&root().join(&document))));
        let relative = crate::documents::markdown::links(&expected)
            .into_iter()
            .find(|link| link.ends_with(".md") || link.contains(".md#"));
        assert_eq!(relative, None, "{}: a link must not be broken over two lines", document.display());
        if update {
            fs::write(&copy, &expected).unwrap();
        }
        let current = copy.exists() && read(&copy) == expected;
        assert!(current, "{} has changed: see the first lines of this test", document.display());
        assert!(module.contains(&format!("\"guides/{name}\"")), "affitor/src/guides.rs lacks {name}");
        names.push(name);
    }
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(names.contains(&name), "affitor/src/guides/{name} has no original");
    }
}

#[test]
fn links_between_files_become_links_between_modules() {
    let convert = |line| with_links(Path::new("docs/guides/ids.md"), line);
    assert_eq!(convert("see [Going live](going-live.md)."), "see [Going live](crate::guides::going_live).");
    assert_eq!(convert("[a](../payments.md#settings) [b](#c)"), "[a](crate::guides::payments#settings) [b](#c)");
    assert_eq!(
        convert("[`affitor-outbox`](../../affitor-outbox)"),
        "[`affitor-outbox`](https://docs.rs/affitor-outbox)"
    );
    assert_eq!(convert("[`flows`](../../examples/flows) [x](https://x.example)"), "`flows` [x](https://x.example)");
}
