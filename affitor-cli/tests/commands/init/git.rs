//! `affitor init` in a git repository: the key is written only if git does not commit it, and nothing of the repository is run.

use std::{fs, process::Command};

use affitor_sandbox::Sandbox;
use serde_json::json;

use super::{actions, init, shop, source};
use crate::common::{Home, KEY, is_installed, start};

/// The answer of the real git.
fn git_at(home: &Home, folder: &str, arguments: &[&str]) -> bool {
    let mut git = Command::new("git");
    git.args(["-c", "protocol.file.allow=always", "-c", "user.name=Jo", "-c", "user.email=jo@example.com"]);
    git.current_dir(home.path(folder)).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
    git.output().unwrap().status.success()
}

fn git(home: &Home, arguments: &[&str]) {
    assert!(git_at(home, "shop", arguments), "{arguments:?}");
}

#[tokio::test]
async fn the_key_is_not_written_where_git_would_commit_it() {
    if !is_installed("git", &["--version"]) {
        return;
    }
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    git(&home, &["init", "--quiet"]);
    let source = source();
    let write = async || home.run_with(&init(&["--write", "--json", &source]), &[("AFFITOR_API_KEY", KEY)]).await;

    // It is tracked already.
    home.project(".affitor/.env", "MINE=1\n");
    git(&home, &["add", "--force", ".affitor/.env"]);
    let run = write().await;
    assert!(run.code == 2 && run.out.contains("git rm --cached .affitor/.env"), "{}", run.out);
    assert!(actions(&run.json()).contains(&(".affitor/.env", "failed")), "{}", run.out);
    assert_eq!(home.read("shop/.affitor/.env"), "MINE=1\n");
    git(&home, &["rm", "--quiet", "--cached", ".affitor/.env"]);

    // A later line takes all hidden files back.
    home.project(".gitignore", ".affitor/\n!.*\n");
    let run = write().await;
    assert_eq!(run.code, 0, "{}", run.out);
    assert_eq!(home.read("shop/.gitignore"), ".affitor/\n!.*\n.affitor/\n");
    let env = home.read("shop/.affitor/.env");
    assert!(env.starts_with("MINE=1\n") && env.contains(KEY), "{env}");
    git(&home, &["check-ignore", "--quiet", ".affitor/.env"]);
    let run = home.run(&init(&[])).await;
    assert!(run.out.contains("the program's key is in .affitor/.env, which git ignores\n"), "{}", run.out);

    // What the command did not write is described as it is.
    git(&home, &["add", "--force", ".affitor/.env"]);
    let run = home.run(&init(&[])).await;
    assert!(!run.out.contains("which git ignores") && run.out.contains("git tracks it"), "{}", run.out);
}

/// What `affitor init` says is what git says: in each version of the index, in a folder of a repository, in a work tree.
#[tokio::test]
async fn the_answers_are_those_of_git() {
    if !is_installed("git", &["--version"]) {
        return;
    }
    let sandbox = start(Sandbox::builder()).await;
    for (version, inner) in [("2", ""), ("3", ""), ("4", ""), ("4", "apps/web"), ("2", "apps/web")] {
        let home = shop(&sandbox).await;
        git(&home, &["init", "--quiet"]);
        for name in [".aa", ".affitor/.a", ".affitor/b", "a/b/c", "z"] {
            home.project(name, "x");
        }
        let folder = if inner.is_empty() { "shop".to_owned() } else { format!("shop/{inner}") };
        home.project(format!("{inner}/Cargo.toml").trim_start_matches('/'), "[package]\nname = 'web'\n");
        let file = format!("{inner}/.affitor/.env").trim_start_matches('/').to_owned();
        home.project(
            &file,
            &format!("AFFITOR_API_KEY={KEY}\nAFFITOR_PROGRAM_ID=42\nAFFITOR_API_URL={}\n", sandbox.url()),
        );
        let config = json!({ "version": 2, "program_id": "42", "api_url": sandbox.url() });
        home.project(&file.replace(".env", "config.json"), &config.to_string());
        git(&home, &["add", "."]);
        git(&home, &["update-index", "--index-version", version]);
        let says = async |text: &str| {
            let arguments: Vec<&str> =
                ["init"].into_iter().chain(Some(inner).filter(|path| !path.is_empty())).collect();
            let run = home.run(&arguments).await;
            assert!(run.out.contains(text), "{version} {inner}: {text}: {}{}", run.out, run.err);
        };
        says("git tracks it").await;
        git(&home, &["rm", "--quiet", "--cached", &file]);
        says("git does not ignore it").await;
        for (patterns, at) in [
            (".affitor/\n", ".gitignore"),
            ("*.log\n.env\n", ".gitignore"),
            (".affitor/*\n!.affitor/.env\n", ".gitignore"),
            ("\\.affitor\n", ".gitignore"),
            ("**/.env\n", ".git/info/exclude"),
            ("/apps\n/.affitor\n", ".gitignore"),
            ("{.affitor,target}/\n", ".gitignore"),
            ("foo{\n.affitor/\n", ".gitignore"),
            ("\u{feff}.affitor/\n", ".gitignore"),
            (".affitor/\n!.{affitor}/\n", ".gitignore"),
        ] {
            home.project(at, patterns);
            let ignores = git_at(&home, &folder, &["check-ignore", "--quiet", ".affitor/.env"]);
            says(if ignores { "which git ignores" } else { "git does not ignore it" }).await;
            fs::remove_file(home.path("shop").join(at)).unwrap();
        }
        #[cfg(unix)]
        {
            // Git does not follow it.
            home.project("patterns", ".affitor/\n");
            std::os::unix::fs::symlink("patterns", home.path("shop/.gitignore")).unwrap();
            let ignores = git_at(&home, &folder, &["check-ignore", "--quiet", ".affitor/.env"]);
            says(if ignores { "which git ignores" } else { "git does not ignore it" }).await;
        }
    }
}

#[tokio::test]
async fn a_damaged_repository_gets_no_key() {
    let sandbox = start(Sandbox::builder()).await;
    let index = |text: &'static str| vec![(".git/HEAD", "ref: refs/heads/main\n"), (".git/index", text)];
    for files in [
        vec![(".git", "gitdir: /does/not/exist\n")],
        vec![(".git", "nonsense")],
        index("DIRC"),
        index("DIRC\0\0\0\x02\x7f\x7f\x7f\x7f"),
        index(""),
    ] {
        let home = shop(&sandbox).await;
        for (path, text) in &files {
            home.project(path, text);
        }
        let arguments = init(&["--write", "--source", "registry"]);
        let run = home.run_with(&arguments, &[("AFFITOR_API_KEY", KEY)]).await;
        assert!(run.code == 2 && run.out.contains(".git can't be read"), "{files:?}: {}", run.out);
        assert!(!home.path("shop/.affitor/.env").exists());
    }
}

/// Repositories whose settings run a program when git is asked about a file. It would leave a witness.
#[cfg(unix)]
#[tokio::test]
async fn nothing_of_a_hostile_repository_is_run() {
    use std::os::unix::fs::PermissionsExt as _;

    if !is_installed("git", &["--version"]) {
        return;
    }
    let sandbox = start(Sandbox::builder()).await;
    let source = source();
    for kind in ["unpacked", "bare", "promised", "split", "worktree"] {
        let home = shop(&sandbox).await;
        let (witness, script) = (home.path("witness"), home.path("shop/run.sh"));
        fs::write(&script, format!("#!/bin/sh\necho {kind} >> '{}'\nexit 1\n", witness.display())).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        home.project(".gitignore", ".affitor/\n");
        let settings = format!(
            "[core]\n\tfsmonitor = {0}\n\tsshCommand = {0}\n\tpager = {0}\n\thooksPath = .\n\teditor = {0}\n[diff]\n\texternal = {0}\n\
             [alias]\n\tls-files = !{0}\n\tcheck-ignore = !{0}\n[filter \"x\"]\n\tclean = {0}\n\tsmudge = {0}\n",
            script.display()
        );
        let configure = |path: &str| {
            let path = home.path(path);
            let before = fs::read_to_string(&path).unwrap_or_default();
            fs::write(path, before + &settings).unwrap();
        };
        match kind {
            "bare" => {
                // A folder that git takes for a repository although it has no `.git`.
                assert!(git_at(&home, "shop", &["init", "--quiet", "--bare", "."]));
                configure("shop/config");
            }
            "worktree" => {
                fs::create_dir(home.path("main")).unwrap();
                assert!(git_at(&home, "main", &["init", "--quiet"]));
                assert!(git_at(&home, "main", &["commit", "--quiet", "--allow-empty", "--message", "x"]));
                assert!(git_at(&home, "main", &["worktree", "add", "--quiet", "../tree"]));
                fs::copy(home.path("tree/.git"), home.path("shop/.git")).unwrap();
                configure("main/.git/config");
            }
            _ => {
                git(&home, &["init", "--quiet"]);
                home.project("folder/file", "x");
                git(&home, &["add", "."]);
                git(&home, &["commit", "--quiet", "--message", "x"]);
                if kind == "promised" {
                    // A sparse index, with a tree that would have to be fetched.
                    git(&home, &["sparse-checkout", "init", "--cone", "--sparse-index"]);
                    git(&home, &["config", "remote.origin.url", "ssh://attacker.invalid/repository"]);
                    git(&home, &["config", "remote.origin.promisor", "true"]);
                    git(&home, &["config", "extensions.partialClone", "origin"]);
                    let tree =
                        Command::new("git").current_dir(home.path("shop")).args(["rev-parse", "HEAD:folder"]).output();
                    let tree = String::from_utf8(tree.unwrap().stdout).unwrap();
                    let (start, end) = tree.trim().split_at(2);
                    fs::remove_file(home.path("shop/.git/objects").join(start).join(end)).unwrap();
                }
                if kind == "split" {
                    git(&home, &["update-index", "--split-index"]);
                }
                configure("shop/.git/config");
            }
        }
        let arguments = init(&["--write", &source]);
        let run = home.run_with(&arguments, &[("AFFITOR_API_KEY", KEY)]).await;
        assert!(!witness.exists(), "{kind}: {}", run.out);
        // What a split index tracks is not known here.
        let written = run.out.contains("has a split index") != home.path("shop/.affitor/.env").exists();
        assert!(written && (run.code == 2) == (kind == "split"), "{kind}: {}{}", run.out, run.err);
        // The test can fail: git itself would have run it.
        if matches!(kind, "unpacked" | "promised" | "split") {
            git_at(&home, "shop", &["status"]);
            assert!(witness.exists(), "{kind}");
        }
    }
}
