//! Examples at the end of each command's help. A test parses each of them.

use clap::Command;

/// Examples of each command, by its name below `affitor`.
const EXAMPLES: &[(&str, &[&str])] = &[
    ("", &["affitor init", "affitor sandbox", "affitor prove -- cargo run"]),
    (
        "sandbox",
        &[
            "affitor sandbox",
            "affitor sandbox --port 4020 --partner ANNA --partner BEN --commission recurring:20:12",
            "affitor sandbox --data sandbox.json --faults error-after-write@sale:3x,latency=250ms:0.1",
        ],
    ),
    ("test", &["affitor test click", "affitor test lead --customer-key user_7"]),
    ("test click", &["affitor test click", "affitor test click --affiliate-url https://shop.example/?aff=PARTNER123"]),
    ("test lead", &["affitor test lead", "affitor test lead --customer-key user_7 --click-id cust_1_1795176000000"]),
    (
        "test sale",
        &["affitor test sale", "affitor test sale --transaction-id in_1 --amount-cents 4900 --currency EUR --json"],
    ),
    ("init", &["affitor init", "affitor init --program-id 43 --write --source path=../affitor"]),
    ("login", &["affitor login", "affitor login --no-browser"]),
    ("logout", &["affitor logout"]),
    ("whoami", &["affitor whoami"]),
    ("programs", &["affitor programs", "affitor programs --json"]),
    ("key", &["affitor key rotate"]),
    ("key rotate", &["affitor key rotate", "affitor key rotate --program-id 42 -- ./write-key-on-all-machines"]),
    (
        "test webhook",
        &[
            "affitor test webhook stripe --url http://127.0.0.1:3000/webhooks/stripe",
            "affitor test webhook paddle --url http://127.0.0.1:3000/webhooks/paddle --event refunded --customer-key user_7",
        ],
    ),
    (
        "prove",
        &[
            "affitor prove -- cargo run",
            "affitor prove --json --wait 60 -- target/debug/shop",
            "affitor prove --manual --url http://127.0.0.1:3000",
        ],
    ),
    ("test chain", &["affitor test chain", "affitor test chain --no-run --timeout 300 --json"]),
    ("status", &["affitor status", "affitor status --json"]),
    (
        "doctor",
        &[
            "affitor doctor",
            "affitor doctor --site https://www.shop.example/?aff=PARTNER123 --app-host app.shop.example",
            "affitor doctor --live --json",
        ],
    ),
    ("outbox", &["affitor outbox status", "affitor outbox dead --json"]),
    (
        "outbox migrate",
        &["affitor outbox migrate", "affitor outbox migrate --print --database-url sqlite::memory: > outbox.sql"],
    ),
    ("outbox status", &["affitor outbox status", "affitor outbox status --schema shop_affitor --json"]),
    ("outbox dead", &["affitor outbox dead", "affitor outbox dead --limit 10 --after 4711"]),
    ("outbox uncertain", &["affitor outbox uncertain --json"]),
    ("outbox settle", &["affitor outbox settle 4711 4712"]),
    (
        "outbox replay",
        &[
            "affitor outbox replay --reason rejected",
            "affitor outbox replay 4711",
            "affitor outbox replay 4711 --confirm",
        ],
    ),
    ("outbox discard", &["affitor outbox discard 4711", "affitor outbox discard --reason unreadable"]),
    ("outbox forget", &["affitor outbox forget user_7"]),
    ("outbox work", &["affitor outbox work", "affitor outbox work --senders 10 --leads-without-click not-sent"]),
    ("payments", &["affitor payments explain pi_1", "affitor payments balance"]),
    (
        "payments reconcile",
        &[
            "affitor payments reconcile --provider stripe --since 30d --program-id 42 --dry-run",
            "affitor payments reconcile --provider stripe --since 30d --program-id 42",
        ],
    ),
    ("payments explain", &["affitor payments explain pi_1", "affitor payments explain in_1 --json"]),
    ("payments list", &["affitor payments list --status no_customer", "affitor payments list --check --limit 10"]),
    ("payments refused", &["affitor payments refused", "affitor payments refused --limit 10 --json"]),
    ("payments balance", &["affitor payments balance --json"]),
    ("payments reporter", &["affitor payments reporter app", "affitor payments reporter affitor"]),
    (
        "completions",
        &[
            "affitor completions bash > ~/.local/share/bash-completion/completions/affitor",
            "affitor completions fish > ~/.config/fish/completions/affitor.fish",
        ],
    ),
    ("man", &["affitor man > affitor.1", "affitor man --out ~/.local/share/man/man1"]),
];

/// Adds the examples to the help of a command and its subcommands, after the exit codes.
pub(crate) fn add(command: Command) -> Command {
    add_below(command, "")
}

fn add_below(mut command: Command, path: &str) -> Command {
    if let Some((_, examples)) = EXAMPLES.iter().find(|(name, _)| *name == path) {
        let before = command.get_after_help().map(|help| format!("{help}\n\n")).unwrap_or_default();
        command = command.after_help(format!("{before}Examples:\n  {}", examples.join("\n  ")));
    }
    let names: Vec<String> = command.get_subcommands().map(|command| command.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        let path = format!("{path} {name}").trim_start().to_owned();
        command.mut_subcommand(name, |subcommand| add_below(subcommand, &path))
    })
}

#[cfg(test)]
mod tests {
    use clap::ArgMatches;

    use super::*;

    /// Names of the subcommands that were matched.
    fn path(mut matches: &ArgMatches) -> String {
        let mut names = Vec::new();
        while let Some((name, below)) = matches.subcommand() {
            names.push(name);
            matches = below;
        }
        names.join(" ")
    }

    fn is_in_this_build(name: &str) -> bool {
        cfg!(feature = "outbox") || !["outbox ", "payments "].iter().any(|group| name.starts_with(group))
    }

    #[test]
    fn every_example_can_be_parsed() {
        for (name, examples) in EXAMPLES.iter().filter(|(name, _)| is_in_this_build(name)) {
            for example in *examples {
                let (arguments, _) = example.split_once(" > ").unwrap_or((example, ""));
                let words: Vec<&str> = arguments.split(' ').collect();
                assert_eq!(words[0], "affitor", "{example}");
                let matches = crate::command().try_get_matches_from(words);
                let matches = matches.unwrap_or_else(|error| panic!("{example}: {error}"));
                let parsed = path(&matches);
                assert!(parsed == *name || parsed.starts_with(&format!("{name} ")) || name.is_empty(), "{example}");
            }
        }
    }

    #[test]
    fn every_command_has_one_to_three_examples() {
        fn check(command: &Command, path: &str) {
            let examples = EXAMPLES.iter().find(|(name, _)| *name == path).map_or(0, |(_, examples)| examples.len());
            assert!((1..=3).contains(&examples), "`affitor {path}` has {examples} examples");
            for command in command.get_subcommands() {
                check(command, format!("{path} {}", command.get_name()).trim_start());
            }
        }
        check(&crate::command(), "");
        let names: Vec<&str> = EXAMPLES.iter().map(|(name, _)| *name).collect();
        assert!(names.iter().enumerate().all(|(at, name)| !names[..at].contains(name)), "{names:?}");
    }
}
