//! Completions and manual pages, in the programs that read them.

use std::process::Command;

use serde_json::json;

use crate::common::{is_installed, run};

#[tokio::test]
async fn bash_loads_its_completions() {
    if !is_installed("bash", &["--version"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("affitor.bash");
    let script = run(&["completions", "bash"], &[]).await;
    assert_eq!((script.code, script.err.as_str()), (0, ""));
    std::fs::write(&file, &script.out).unwrap();
    assert!(Command::new("bash").arg("-n").arg(&file).status().unwrap().success());
    let complete = "source \"$1\" && complete -p affitor && COMP_WORDS=(affitor doc) COMP_CWORD=1 && \
                    _affitor affitor doc affitor && echo \"${COMPREPLY[@]}\"";
    let output = Command::new("bash").args(["--norc", "-c", complete, "bash"]).arg(&file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("-F _affitor affitor") && text.ends_with("\ndoctor\n"), "{text}");
}

#[tokio::test]
async fn completions_for_other_shells() {
    for shell in ["zsh", "fish", "powershell", "elvish"] {
        let script = run(&["completions", shell], &[]).await;
        assert!(script.code == 0 && script.out.contains("doctor"), "{shell}: {}", script.err);
        let document = run(&["completions", shell, "--json"], &[]).await.json();
        assert_eq!((document["shell"].as_str(), document["script"].as_str()), (Some(shell), Some(&*script.out)));
    }
    assert_eq!(run(&["completions", "tcsh"], &[]).await.code, 2);
}

#[tokio::test]
async fn manual_pages_render_without_warnings() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("man/man1");
    let written = run(&["man", "--out", out.to_str().unwrap(), "--json"], &[]).await;
    let pages = written.json()["pages"].as_array().unwrap().clone();
    assert!(written.code == 0 && pages.contains(&json!("affitor.1")) && pages.contains(&json!("affitor-test-lead.1")));
    assert_eq!(std::fs::read_dir(&out).unwrap().count(), pages.len());
    let main = run(&["man"], &[]).await;
    assert_eq!(std::fs::read_to_string(out.join("affitor.1")).unwrap().trim_end(), main.out.trim_end());
    let file = out.join("affitor.1");
    let blocked = run(&["man", "--out", file.to_str().unwrap()], &[]).await;
    assert!(blocked.code == 2 && blocked.err.contains("cannot write"), "{}", blocked.err);

    if !is_installed("groff", &["--version"]) {
        return;
    }
    for page in &pages {
        let file = out.join(page.as_str().unwrap());
        // As `man` does, which finds out that the pages are UTF-8.
        let output = Command::new("groff").args(["-Kutf8", "-man", "-ww", "-Tutf8"]).arg(&file).output().unwrap();
        let (text, warnings) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && warnings.is_empty(), "{page}: {warnings}");
        assert!(text.contains("Examples:"), "{page}: {text}");
    }
}
