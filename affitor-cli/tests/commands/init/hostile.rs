//! Projects that are damaged, or made to do harm.

use std::fs;

use affitor_sandbox::Sandbox;
use serde_json::json;

use super::{NEW, actions, init, shop, source};
use crate::common::start;

#[tokio::test]
async fn unusable_manifests_are_refused() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    let huge = format!("[package]\nname = 'x'\n# {}", "x".repeat(2 * 1024 * 1024));
    let deep = format!("[package]\nname = {}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let many = format!(
        "[package]\nname = 'x'\n[dependencies]\n{}",
        (0..20_000).map(|n| format!("d{n} = '1'\n")).collect::<String>()
    );
    for (manifest, code, expected) in [
        (huge.as_str(), 2, "larger than 1024 KiB"),
        (&deep, 2, "is not valid TOML"),
        (&many, 0, ""),
        ("[package\n", 2, "is not valid TOML, near line 1"),
        ("[package]\nname = 7\n", 2, "is not the manifest of a package"),
        ("", 2, "is not the manifest of a package"),
    ] {
        home.project("Cargo.toml", manifest);
        let run = home.run(&init(&["--program-id", "42"])).await;
        assert!(run.code == code && run.err.contains(expected), "{expected}: {} {}", run.code, run.err);
    }
    fs::write(home.path("shop/Cargo.toml"), b"[package]\nname = '\xff'\n").unwrap();
    assert_eq!(home.run(&init(&[])).await.code, 2);
    fs::remove_file(home.path("shop/Cargo.toml")).unwrap();
    let run = home.run(&init(&["--write"])).await;
    assert!(run.code == 2 && run.err.contains("has no Cargo.toml"), "{}", run.err);
    fs::create_dir(home.path("shop/Cargo.toml")).unwrap();
    assert_eq!(home.run(&init(&[])).await.code, 2);
}

#[tokio::test]
async fn the_root_of_a_workspace_names_its_apps() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    home.project(
        "Cargo.toml",
        "[workspace]\nmembers = ['crates/*', 'tool', '../outside']\n[workspace.dependencies]\naxum = '0.8'\n",
    );
    home.project("crates/web/Cargo.toml", "[package]\nname = 'web'\n[dependencies]\naxum.workspace = true\n");
    home.project("crates/lib/Cargo.toml", "[package]\nname = 'lib'\n");
    home.project("tool/Cargo.toml", "[package]\nname = 'tool'\n");
    let run = home.run(&init(&[])).await;
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(run.err.contains("→ for one of its apps, run `affitor init crates/web`\n"), "{}", run.err);
    // The hint names the folder as it is seen from here.
    let run = home.run(&init(&["../shop"])).await;
    assert!(run.err.contains("→ for one of its apps, run `affitor init ../shop/crates/web`\n"), "{}", run.err);
    let source = source();
    let run = home.run(&init(&["--write", &source, "--program-id", "42", "crates/web"])).await;
    assert!(run.out.contains("next: cd crates/web && affitor prove -- cargo run\n"), "{}", run.out);
    assert!(run.code == 0 && run.out.contains("✓ web: axum"), "{}{}", run.out, run.err);
    assert!(home.read("shop/crates/web/Cargo.toml").contains("affitor-axum"));
    assert!(home.path("shop/crates/web/affitor.toml").exists() && !home.path("shop/affitor.toml").exists());
}

#[cfg(unix)]
#[tokio::test]
async fn symbolic_links_are_not_followed() {
    use std::os::unix::fs::symlink;

    let source = source();
    for (link, is_folder) in [
        ("affitor.toml", false),
        (".env.example", false),
        (".gitignore", false),
        (".affitor", true),
        (".affitor/.env", false),
        (".affitor/config.json", false),
        ("Cargo.toml", false),
    ] {
        let sandbox = start(Sandbox::builder()).await;
        let home = shop(&sandbox).await;
        let outside = home.path("outside");
        if is_folder {
            fs::create_dir(&outside).unwrap();
        } else if link == "Cargo.toml" {
            fs::rename(home.path("shop/Cargo.toml"), &outside).unwrap();
        } else {
            fs::write(&outside, "precious\n").unwrap();
        }
        let before = fs::read(&outside).ok();
        let path = home.path("shop").join(link);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(&outside, &path).unwrap();
        for force in [&["--force"][..], &[]] {
            let arguments = init(&[&["--write", &source, "--json"][..], force, &NEW].concat());
            let run = home.run(&arguments).await;
            assert_eq!(run.code, 2, "{link}: {}{}", run.out, run.err);
            let document = run.json();
            let failed: Vec<_> = actions(&document).into_iter().filter(|(_, action)| *action == "failed").collect();
            assert!(failed.iter().any(|(path, _)| path.starts_with(link)), "{link}: {failed:?}");
            assert_eq!(fs::read(&outside).ok(), before, "{link}");
            if is_folder {
                assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
            }
            // The key is somewhere.
            let env = fs::read_to_string(home.path("shop/.affitor/.env")).unwrap_or_default();
            assert!(document["key"]["state"] == "kept" || env.contains("AFFITOR_API_KEY=aff_"), "{link}: {document}");
        }
        // A broken link is a link, too.
        fs::remove_file(&path).unwrap();
        if link != "Cargo.toml" {
            symlink(home.path("nowhere"), &path).unwrap();
            assert_eq!(home.run(&init(&["--write", &source, "--program-id", "43"])).await.code, 2, "{link}");
            assert!(!home.path("nowhere").exists(), "{link}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn named_pipes_do_not_block() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    for path in [".gitignore", ".affitor/config.json", ".affitor/.env", "Cargo.toml"] {
        let path = home.path("shop").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::remove_file(&path).ok();
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let run = home.run(&init(&["--write", &source(), "--program-id", "42"])).await;
        assert_eq!(run.code, 2, "{}: {}{}", path.display(), run.out, run.err);
    }
}

/// A folder in which the user can't write. As root, who can write everywhere, it is a file in its place.
#[cfg(unix)]
#[tokio::test]
async fn a_key_is_not_lost_if_the_project_can_not_be_written() {
    use std::os::unix::fs::PermissionsExt as _;

    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    home.project(".affitor", "a file in the place of the folder\n");
    let shop = home.path("shop");
    fs::set_permissions(&shop, fs::Permissions::from_mode(0o555)).unwrap();
    let source = source();
    let run = home.run(&init(&[&["--write", &source, "--json"][..], &NEW].concat())).await;
    fs::set_permissions(&shop, fs::Permissions::from_mode(0o755)).unwrap();
    let document = run.json();
    assert_eq!((run.code, &document["key"]["state"]), (2, &json!("kept")), "{document}");
    let path = document["key"]["path"].as_str().unwrap();
    assert!(fs::read_to_string(path).unwrap().contains("\"api_key\": \"aff_"));
    assert!(actions(&document).contains(&(".affitor/.env", "failed")), "{document}");
    // Once the problem is fixed, the next run finds the key.
    fs::remove_file(home.path("shop/.affitor")).unwrap();
    let run = home.run(&init(&["--write", &source, "--program-id", "43"])).await;
    assert_eq!(run.code, 0, "{}{}", run.out, run.err);
    assert!(home.read("shop/.affitor/.env").contains("AFFITOR_API_KEY=aff_"));
}

#[tokio::test]
async fn no_program_is_created_if_its_key_could_not_be_kept() {
    let sandbox = start(Sandbox::builder()).await;
    let home = shop(&sandbox).await;
    fs::write(home.path("config/affitor/keys"), "a file in the place of the folder").unwrap();
    let run = home.run(&init(&NEW)).await;
    assert!(run.code == 2 && run.err.contains("cannot use "), "{}", run.err);
    assert_eq!(home.run(&["programs", "--json"]).await.json()["programs"].as_array().unwrap().len(), 1);
}
