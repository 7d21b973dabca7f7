//! Every finding of `affitor prove` is explained in a guide of their own, and by the command itself, which has a copy.
//!
//! After a change in the guide, run `UPDATE_GUIDES=1 cargo test -p affitor-tests --test frameworks documents`.

use std::{env, fs};

use crate::documents::{markdown, read, root};

/// The sections of the guide as the command prints them: no links, no anchors, and no lines that rustdoc hides.
fn for_the_command(guide: &str) -> String {
    let (mut text, mut in_code) = (String::new(), false);
    for line in guide.lines().skip_while(|line| !line.starts_with("### ")) {
        if line.starts_with("```") {
            in_code = !in_code;
        } else if in_code {
            if !line.starts_with("# ") {
                text += &format!("    {line}\n");
            }
        } else if let Some(id) = line.strip_prefix("### `") {
            text += &format!("### {}\n", id.replacen('`', "", 1));
        } else if !line.starts_with("<a id=") {
            text += &format!("{}\n", without_links(line).replace("**", ""));
        }
    }
    while text.contains("\n\n\n") {
        text = text.replace("\n\n\n", "\n\n");
    }
    // A section begins after a line end.
    format!("\n{}\n", text.trim_end())
}

fn without_links(line: &str) -> String {
    let (mut result, mut rest) = (String::new(), line);
    while let Some((start, after)) = rest.split_once('[') {
        let Some((text, after)) = after.split_once("](").and_then(|(text, link)| Some((text, link.split_once(')')?.1)))
        else {
            break;
        };
        result += start;
        result += text;
        rest = after;
    }
    result + rest
}

#[test]
fn the_command_has_the_guide() {
    let copy = root().join("affitor-cli/src/prove/findings.md");
    let expected = for_the_command(&read(&root().join("docs/guides/findings.md")));
    if env::var_os("UPDATE_GUIDES").is_some() {
        fs::write(&copy, &expected).unwrap();
    }
    assert!(copy.exists() && read(&copy) == expected, "the guide has changed: see the first lines of this file");
}

/// The ids in the source of the command: a name, the id and the likeliest reason of each.
fn findings() -> Vec<String> {
    let source = read(&root().join("affitor-cli/src/prove/finding.rs"));
    let (_, list) = source.split_once("\nfindings! {\n").expect("the list of findings");
    let (list, _) = list.split_once("\n}").expect("the end of the list");
    list.lines().filter_map(|line| line.split('"').nth(1)).map(str::to_owned).collect()
}

#[test]
fn every_finding_is_explained() {
    let text = read(&root().join("docs/guides/findings.md"));
    let mut explained = markdown::explicit_ids(&text);
    let mut findings = findings();
    explained.sort();
    findings.sort();
    assert!(findings.len() > 30, "{findings:?}");
    assert_eq!(explained, findings);
    for id in findings {
        let heading = format!("<a id=\"{id}\"></a>\n\n### `{id}`: ");
        let (_, section) = text.split_once(&heading).unwrap_or_else(|| panic!("{id} has no section"));
        let section = section.split("\n### ").next().unwrap();
        assert!(section.contains("\n**Meaning.** "), "{id}");
        assert!(section.contains("\n**Fix.** "), "{id}");
    }
}
