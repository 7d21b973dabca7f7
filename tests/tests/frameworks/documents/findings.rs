//! Every finding of `affitor prove` is explained in the troubleshooting guide.

use crate::documents::{markdown, read, root};

/// The ids in the source of the command: a name, the id and the likeliest reason of each.
fn findings() -> Vec<String> {
    let source = read(&root().join("affitor-cli/src/prove/finding.rs"));
    let (_, list) = source.split_once("\nfindings! {\n").expect("the list of findings");
    let (list, _) = list.split_once("\n}").expect("the end of the list");
    list.lines().filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

#[test]
fn every_finding_is_explained() {
    let text = read(&root().join("docs/guides/troubleshooting.md"));
    let mut explained = markdown::explicit_ids(&text);
    let mut findings = findings();
    explained.sort();
    findings.sort();
    assert!(findings.len() > 25, "{findings:?}");
    assert_eq!(explained, findings);
    for id in findings {
        let heading = format!("<a id=\"{id}\"></a>\n\n### `{id}`: ");
        let (_, section) = text.split_once(&heading).unwrap_or_else(|| panic!("{id} has no section"));
        let section = section.split("\n### ").next().unwrap();
        assert!(section.contains("\n**Meaning.** "), "{id}");
        assert!(section.contains("\n**Fix.** "), "{id}");
    }
}
