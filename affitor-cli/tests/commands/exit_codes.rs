//! The exit codes in the README are those of the help.

use crate::common::run;

const README: &str = include_str!("../../README.md");

/// The exit codes in a help text, with their meanings.
fn codes(help: &str) -> Vec<(String, String)> {
    let lines = help.lines().skip_while(|line| *line != "Exit codes:").skip(1).take_while(|line| !line.is_empty());
    let mut codes: Vec<(String, String)> = Vec::new();
    for line in lines {
        match (line.trim().split_once("  "), codes.last_mut()) {
            (Some((code, meaning)), _) => codes.push((code.to_owned(), meaning.to_owned())),
            // A line that was wrapped.
            (None, Some((_, meaning))) => *meaning = format!("{meaning} {}", line.trim()),
            (None, None) => panic!("not an exit code: {line}"),
        }
    }
    codes
}

/// The commands in a help text.
fn commands(help: &str) -> Vec<String> {
    let lines = help.lines().skip_while(|line| !line.starts_with("Usage:")).take_while(|line| *line != "Options:");
    // A line that was wrapped is indented further.
    let lines = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    lines.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

/// The cells of the README's table rows that begin with this one. The tables of exit codes have three columns.
fn rows(first: &str) -> Vec<Vec<&'static str>> {
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    README
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(cells)
        .filter(|row| row[0] == first && row.len() == 3)
        .collect()
}

#[tokio::test]
async fn the_readme_and_the_help_agree() {
    let help = run(&["--help"], &[]).await.out;
    let general = codes(&help);
    assert_eq!(general.iter().map(|(code, _)| code.as_str()).collect::<Vec<_>>(), ["0", "1", "2", "3", "4", "5"]);
    for (code, meaning) in &general {
        assert!(rows(code).iter().any(|row| row[2] == meaning), "the README lacks {code} {meaning}");
    }
    let commands = commands(&help);
    assert!(commands.len() > 6, "{help}");
    for command in &commands {
        let help = run(&[command, "--help"], &[]).await.out;
        let of_command = codes(&help);
        if help.contains("Needs the feature") {
            continue;
        }
        let rows = rows(&format!("`{command}`"));
        assert!(rows.len() == 1, "the README has no row for {command}: {rows:?}");
        for (code, cell) in [("0", rows[0][1]), ("1", rows[0][2])] {
            let meaning = of_command.iter().find(|(known, _)| known == code).map_or("", |(_, meaning)| meaning);
            assert_eq!(cell, meaning, "{command} {code}");
        }
        // Every other code is explained once for all commands, or by the command itself.
        assert!(of_command.iter().all(|(code, _)| general.iter().any(|(known, _)| known == code)), "{help}");
    }
}
