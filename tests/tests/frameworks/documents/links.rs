//! Every relative link, and every anchor, leads somewhere.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::documents::{markdown, read, root};

/// All Markdown files. Hidden folders, build folders, and the copies for rustdoc, whose links are paths of modules, are left out.
fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            let skipped = name.starts_with('.') || matches!(name.as_str(), "target" | "node_modules");
            if !skipped && !path.ends_with("src/guides") {
                documents(&path, found);
            }
        } else if name.ends_with(".md") {
            found.push(path);
        }
    }
}

/// Why a link is dead, if it is.
fn dead(document: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if path.is_empty() { document.to_owned() } else { document.parent()?.join(path) };
    if !target.exists() {
        return Some(format!("{link}: there is no such file"));
    }
    let has_anchor = anchor.is_empty()
        || (target.is_file() && markdown::anchors(&read(&target)).iter().any(|known| known == anchor));
    (!has_anchor).then(|| format!("{link}: there is no such heading"))
}

#[test]
fn no_link_is_dead() {
    let mut all = Vec::new();
    documents(&root(), &mut all);
    let (mut links, mut found) = (0, Vec::new());
    for document in &all {
        for link in markdown::links(&read(document)) {
            links += 1;
            found.extend(dead(document, &link).map(|why| format!("{}: {why}", document.display())));
        }
    }
    println!("{} documents, {links} links", all.len());
    assert!(all.len() > 20 && links > 200, "{} documents, {links} links", all.len());
    assert!(found.is_empty(), "dead links:\n{}", found.join("\n"));
}
