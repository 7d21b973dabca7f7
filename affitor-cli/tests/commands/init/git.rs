//! `affitor init` in a git repository: the key is written only if git does not commit it.

use affitor_sandbox::Sandbox;

use super::{actions, init, shop, source};
use crate::common::{Home, KEY, is_installed, start};

fn git(home: &Home, arguments: &[&str]) {
    let mut git = std::process::Command::new("git");
    git.current_dir(home.path("shop")).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null");
    assert!(git.output().unwrap().status.success(), "{arguments:?}");
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

#[tokio::test]
async fn a_damaged_repository_gets_no_key() {
    if !is_installed("git", &["--version"]) {
        return;
    }
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    home.project(".git", "gitdir: /does/not/exist\n");
    let arguments = init(&["--write", "--source", "registry"]);
    let run = home.run_with(&arguments, &[("AFFITOR_API_KEY", KEY)]).await;
    assert!(run.code == 2 && run.out.contains("git can't read the repository"), "{}", run.out);
    assert!(!home.path("shop/.affitor/.env").exists());
}
