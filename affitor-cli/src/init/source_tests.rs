//! The dependency in `Cargo.toml`.

use std::path::{Path, PathBuf};

use super::{super::manifest::dependencies_of, Needed, Presence, Source, add, presence, relative};

const AXUM: Needed = Needed { package: "affitor-axum", features: Vec::new() };

fn added(manifest: &str, source: &Source) -> String {
    let needed = Needed { package: "affitor-axum", features: vec!["webhooks"] };
    add(&manifest.parse().unwrap(), manifest, source, &[needed]).unwrap()
}

#[test]
fn comments_and_formatting_are_kept() {
    let line = "affitor-axum = { version = \"0.2\", features = [\"webhooks\"] }\n";
    for (manifest, expected) in [
        ("[dependencies]\naxum = '0.8' # web\n", format!("[dependencies]\n{line}axum = '0.8' # web\n")),
        ("[dependencies]\ntokio = '1'\naxum = '0.8'\n", format!("[dependencies]\ntokio = '1'\naxum = '0.8'\n{line}")),
        (
            "# top\n[dependencies]\n# web\naxum   =   '0.8'\n\n[features]\nx = []\n",
            format!("# top\n[dependencies]\n# web\naxum   =   '0.8'\n{line}\n[features]\nx = []\n"),
        ),
        ("[package]\nname = 'x'\n", format!("[package]\nname = 'x'\n\n[dependencies]\n{line}")),
    ] {
        assert_eq!(added(manifest, &Source::Registry), expected, "{manifest}");
    }
    // Without a newline at the end, with Windows line ends, with tables per dependency, with an inline table.
    for manifest in [
        "[dependencies]\naxum = '0.8'",
        "[dependencies]\r\naxum = '0.8'\r\n",
        "\u{feff}[dependencies]\naxum = '0.8'\n",
        "[dependencies.axum]\nversion = '0.8'\n",
        "dependencies = { axum = '0.8' }\n",
        "[dependencies]\naxum.version = '0.8'\n",
    ] {
        let new = added(manifest, &Source::Registry);
        let dependencies = dependencies_of(new.trim_start_matches('\u{feff}'), "");
        assert!(dependencies.iter().any(|found| found.package == "axum" && found.version.as_deref() == Some("0.8")));
        assert!(dependencies.iter().any(|found| found.package == "affitor-axum"), "{new}");
        assert_eq!(new.contains('\r'), manifest.contains('\r'));
        assert!(
            !new.replace("\r\n", "").contains('\r') && new.starts_with('\u{feff}') == manifest.starts_with('\u{feff}')
        );
        if manifest.contains('\r') {
            assert_eq!(new.matches('\n').count(), new.matches("\r\n").count(), "{new:?}");
        }
    }
}

#[test]
fn sources() {
    let path = Source::Path(PathBuf::from("../affitor"));
    for (text, expected) in [
        ("registry", Some(Source::Registry)),
        ("path=../affitor", Some(path.clone())),
        ("git=https://example.com/affitor", Some(Source::Git("https://example.com/affitor".to_owned()))),
        ("path=", None),
        ("git=", None),
        ("git=a b", None),
        ("../affitor", None),
        ("", None),
    ] {
        assert_eq!(text.parse::<Source>().ok(), expected, "{text}");
    }
    assert_eq!(path.line(&AXUM), r#"affitor-axum = { path = "../affitor/affitor-axum" }"#);
    assert_eq!(Source::Registry.line(&AXUM), r#"affitor-axum = "0.2""#);
    // Quotes in a path can't end the text early.
    let hostile = Source::Path(PathBuf::from("a\" }\nx = { y = \"b"));
    let text = added("[dependencies]\n", &hostile);
    assert_eq!(dependencies_of(&text, "").len(), 1, "{text}");
}

#[test]
fn a_dependency_may_be_there_already() {
    let needed = Needed { package: "affitor-axum", features: vec!["webhooks"] };
    let workspace = "[workspace.dependencies]\naffitor-axum = { version = '0.2', features = ['webhooks'] }";
    for (manifest, expected) in [
        ("", Presence::Missing),
        ("affitor-axum = '0.2'", Presence::Without(vec!["webhooks"])),
        ("affitor-axum = { path = 'x', features = ['queue', 'webhooks'] }", Presence::Present),
        ("affiliate = { package = 'affitor-axum', version = '0.2', features = ['webhooks'] }", Presence::Present),
        ("affitor-axum.workspace = true", Presence::Present),
    ] {
        let dependencies = dependencies_of(&format!("[dependencies]\n{manifest}"), workspace);
        assert_eq!(presence(&dependencies, &needed), expected, "{manifest}");
    }
}

#[test]
fn relative_paths() {
    for (to, from, expected) in [
        ("/a/affitor", "/a/shop", "../affitor"),
        ("/a/affitor", "/a/b/shop", "../../affitor"),
        ("/a/shop/affitor", "/a/shop", "affitor"),
        ("/a", "/a/shop", ".."),
    ] {
        assert_eq!(relative(Path::new(to), Path::new(from)), Path::new(expected));
    }
}
