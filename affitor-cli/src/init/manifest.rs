//! Reads `Cargo.toml`: the package and its dependencies, with those that are renamed or inherited from the workspace.

use std::{
    collections::BTreeSet,
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use toml_edit::{DocumentMut, Item, TableLike};

use super::dependency::Dependency;
use crate::{failure::Failure, shell};

/// Maximum size of a manifest, in bytes.
const LIMIT: u64 = 1024 * 1024;
/// Maximum number of packages of a workspace that are searched.
const MEMBERS: usize = 200;

/// The manifest of the package to set up.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// Folder of the package, without symbolic links.
    pub(crate) folder: PathBuf,
    pub(crate) text: String,
    pub(crate) document: DocumentMut,
    pub(crate) package: String,
    pub(crate) dependencies: Vec<Dependency>,
    /// The dependencies of other packages of the workspace, if the package depends on them by path.
    pub(crate) siblings: Vec<Dependency>,
}

impl Manifest {
    /// Reads the manifest in this folder.
    ///
    /// # Errors
    ///
    /// Returns a failure if there is no readable manifest of a package.
    pub(crate) fn read(given: &Path) -> Result<Self, Failure> {
        let absent = || {
            let message = format!("{} has no Cargo.toml", given.display());
            Failure::usage(message, "run `affitor init` in the folder of your app, or name it: `affitor init ./my-app`")
        };
        let folder = given.canonicalize().map_err(|_| absent())?;
        let path = folder.join("Cargo.toml");
        if fs::symlink_metadata(&path).is_err() {
            return Err(absent());
        }
        let text = text_of(&path)?;
        let document = parse(&path, &text)?;
        let Some(package) = document.get("package").and_then(|package| package.get("name")).and_then(Item::as_str)
        else {
            return Err(without_package(given, &folder, &document));
        };
        let package = package.to_owned();
        let workspace = workspace_of(&folder, &document)?;
        let dependencies = dependencies(&document, workspace.as_ref().unwrap_or(&document));
        let siblings = siblings(&folder, &document, workspace.as_ref().unwrap_or(&document));
        Ok(Self { folder, text, document, package, dependencies, siblings })
    }
}

/// The dependencies of the packages in other folders that a package depends on.
fn siblings(folder: &Path, document: &DocumentMut, workspace: &DocumentMut) -> Vec<Dependency> {
    let root = folder.ancestors().skip(1).find(|root| root.join("Cargo.toml").is_file()).unwrap_or(folder);
    let inherited = workspace.get("workspace").and_then(|table| table.get("dependencies"));
    let own = document.get("dependencies").and_then(Item::as_table_like).into_iter().flat_map(TableLike::iter);
    let folders = own.filter_map(|(key, item)| {
        if let Some(path) = item.get("path").and_then(Item::as_str) {
            return Some(folder.join(path));
        }
        let is_inherited = item.get("workspace").and_then(Item::as_bool) == Some(true);
        let path = inherited.filter(|_| is_inherited)?.get(key)?.get("path")?.as_str()?;
        Some(root.join(path))
    });
    let manifests = folders.take(MEMBERS).filter_map(|folder| {
        let path = folder.join("Cargo.toml");
        text_of(&path).and_then(|text| parse(&path, &text)).ok()
    });
    manifests.flat_map(|manifest| dependencies(&manifest, workspace)).collect()
}

/// Reads a regular file of limited size.
fn text_of(path: &Path) -> Result<String, Failure> {
    let unreadable = |reason: String| {
        Failure::usage(format!("cannot read {}: {reason}", path.display()), "check the file and its rights")
    };
    // The type is checked first: opening a named pipe would block.
    let metadata = fs::metadata(path).map_err(|error| unreadable(error.kind().to_string()))?;
    if !metadata.is_file() {
        return Err(unreadable("it is not a regular file".to_owned()));
    }
    let mut text = String::new();
    let file = fs::File::open(path).map_err(|error| unreadable(error.kind().to_string()))?;
    file.take(LIMIT + 1).read_to_string(&mut text).map_err(|error| unreadable(error.kind().to_string()))?;
    if u64::try_from(text.len()).is_ok_and(|length| length > LIMIT) {
        return Err(unreadable(format!("it is larger than {} KiB", LIMIT / 1024)));
    }
    Ok(text)
}

fn parse(path: &Path, text: &str) -> Result<DocumentMut, Failure> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        let line = error.span().and_then(|span| text.get(..span.start)).map(|before| before.lines().count().max(1));
        let line = line.map(|line| format!(", near line {line}")).unwrap_or_default();
        // The whole message would quote the file.
        let message = format!(
            "{} is not valid TOML{line}: {}",
            path.display(),
            error.message().lines().next().unwrap_or_default()
        );
        Failure::usage(message, "`cargo check` shows the same problem")
    })
}

/// Explains that this is the root of a workspace, and names its apps.
fn without_package(given: &Path, folder: &Path, document: &DocumentMut) -> Failure {
    let Some(workspace) = document.get("workspace") else {
        return Failure::usage(
            format!("{} is not the manifest of a package", folder.join("Cargo.toml").display()),
            "run `affitor init` in the folder of your app",
        );
    };
    let members = workspace.get("members").and_then(Item::as_array);
    let members = members.into_iter().flatten().filter_map(|member| member.as_str());
    let apps: Vec<String> = members
        .flat_map(|member| folders(folder, member))
        .take(MEMBERS)
        .filter(|member| has_framework(&folder.join(member), document))
        .map(|member| if given == Path::new(".") { member } else { given.join(member) })
        .map(|member| format!("`affitor init {}`", shell::path(&member)))
        .collect();
    let hint = if apps.is_empty() {
        "name the folder of your app: `affitor init ./my-app`".to_owned()
    } else {
        format!("for one of its apps, run {}", apps.join(" or "))
    };
    Failure::usage("this is the root of a workspace, not an app", hint)
}

/// The folders of a member, which may end with `/*`.
fn folders(root: &Path, member: &str) -> Vec<PathBuf> {
    let Some(parent) = member.strip_suffix("/*") else { return vec![PathBuf::from(member)] };
    let entries = fs::read_dir(root.join(parent)).into_iter().flatten().take(MEMBERS).flatten();
    let mut folders: Vec<PathBuf> = entries.map(|entry| Path::new(parent).join(entry.file_name())).collect();
    folders.sort();
    folders
}

fn has_framework(folder: &Path, workspace: &DocumentMut) -> bool {
    let path = folder.join("Cargo.toml");
    let document = text_of(&path).and_then(|text| parse(&path, &text));
    document.is_ok_and(|document| super::detect::detect(&dependencies(&document, workspace)).framework.is_some())
}

/// The root manifest of the package's workspace, or `None` if it is in none, or is its root.
fn workspace_of(folder: &Path, document: &DocumentMut) -> Result<Option<DocumentMut>, Failure> {
    if document.contains_key("workspace") {
        return Ok(None);
    }
    let named = document.get("package").and_then(|package| package.get("workspace")).and_then(Item::as_str);
    let candidates: Vec<PathBuf> = match named {
        Some(root) => vec![folder.join(root)],
        None => folder.ancestors().skip(1).map(Path::to_path_buf).collect(),
    };
    for root in candidates {
        let path = root.join("Cargo.toml");
        if path.is_file() {
            let root = parse(&path, &text_of(&path)?)?;
            if root.contains_key("workspace") {
                return Ok(Some(root));
            }
        }
    }
    Ok(None)
}

/// The normal dependencies, for all targets. What a package has only for tests or its build script does not count.
fn dependencies(document: &DocumentMut, workspace: &DocumentMut) -> Vec<Dependency> {
    let inherited =
        workspace.get("workspace").and_then(|table| table.get("dependencies")).and_then(Item::as_table_like);
    let targets = document.get("target").and_then(Item::as_table_like);
    let targets = targets.into_iter().flat_map(TableLike::iter).filter_map(|(_, target)| target.get("dependencies"));
    document
        .get("dependencies")
        .into_iter()
        .chain(targets)
        .filter_map(Item::as_table_like)
        .flat_map(TableLike::iter)
        .map(|(key, item)| {
            let is_inherited = item.get("workspace").and_then(Item::as_bool) == Some(true);
            let base = inherited.filter(|_| is_inherited).and_then(|table| table.get(key));
            let mut dependency = base.map_or_else(|| read(key, item), |base| read(key, base));
            dependency.features.extend(features(item));
            dependency
        })
        .collect()
}

fn read(key: &str, item: &Item) -> Dependency {
    let text = |name: &str| item.get(name).and_then(Item::as_str);
    Dependency {
        package: text("package").unwrap_or(key).to_owned(),
        version: item.as_str().or_else(|| text("version")).map(ToOwned::to_owned),
        features: features(item),
    }
}

fn features(item: &Item) -> BTreeSet<String> {
    let features = item.get("features").and_then(Item::as_array);
    features.into_iter().flatten().filter_map(|feature| feature.as_str()).map(ToOwned::to_owned).collect()
}

#[cfg(test)]
pub(crate) fn dependencies_of(manifest: &str, workspace: &str) -> Vec<Dependency> {
    dependencies(&manifest.parse().expect("TOML"), &workspace.parse().expect("TOML"))
}
