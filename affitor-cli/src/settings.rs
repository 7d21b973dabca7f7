//! Connection settings: URL, API key and program id, from flags or the environment.

mod checks;
mod service;

use std::{
    env, fmt, fs, io,
    path::{Path, PathBuf},
};

use affitor::{Client, ClientBuilder};
use clap::Args;
pub(crate) use service::{ProgramArgs, ServiceArgs};

use crate::{
    check::{Check, CheckStatus},
    failure::Failure,
    shell::quoted,
};

pub(crate) const DEFAULT_URL: &str = "https://api.affitor.com";

const API_KEY: Origin = Origin { flag: "--api-key", variables: &["AFFITOR_API_KEY", "AFFITOR_API_TOKEN"] };
const API_KEY_FILE: &str = "AFFITOR_API_KEY_FILE";
const API_URL: Origin = Origin { flag: "--api-url", variables: &["AFFITOR_API_URL", "AFFITOR_API_BASE"] };
const PROGRAM_ID: Origin = Origin { flag: "--program-id", variables: &["AFFITOR_PROGRAM_ID"] };

pub(crate) const SAME_PROGRAM_HINT: &str = "use a key and a program id of the same program";

/// Flags of commands that call the service.
#[derive(Args, Clone)]
pub(crate) struct ConnectionArgs {
    #[arg(
        long,
        value_name = "KEY",
        help = API_KEY.help("Program API key; prefer AFFITOR_API_KEY, or a file named in AFFITOR_API_KEY_FILE, since other users can see flags"),
    )]
    api_key: Option<String>,
    #[arg(long, value_name = "URL", help = format!("{} [default: {DEFAULT_URL}]", API_URL.help("URL of the service")))]
    api_url: Option<String>,
    #[arg(long, value_name = "ID", help = PROGRAM_ID.help("Program id"))]
    program_id: Option<String>,
}

/// Hides the key.
impl fmt::Debug for ConnectionArgs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api_key, api_url, program_id } = self;
        f.debug_struct("ConnectionArgs")
            .field("api_key", &api_key.as_ref().map(|_| "…"))
            .field("api_url", api_url)
            .field("program_id", program_id)
            .finish()
    }
}

/// The flag and the environment variables of a setting.
struct Origin {
    flag: &'static str,
    variables: &'static [&'static str],
}

impl Origin {
    fn help(&self, description: &str) -> String {
        format!("{description} [env: {}]", self.variables.join(", "))
    }

    /// Returns the flag's value, else that of the first variable that is set, else of the app's own one. Blank values are ignored.
    fn resolve(&self, flag: Option<&str>, own: Option<&'static str>) -> Option<Setting> {
        let setting = |raw: String, source| Setting { raw, source, problem: None };
        let is_set = |setting: &Setting| !setting.value().is_empty();
        if let Some(flag) = flag.map(|raw| setting(raw.to_owned(), self.flag)).filter(is_set) {
            return Some(flag);
        }
        let variables = self.variables.iter().copied().chain(own).filter_map(|source| {
            Some(match env::var_os(source)?.into_string() {
                Ok(raw) => setting(raw, source),
                Err(raw) => {
                    Setting { problem: Some(Problem::NotText), ..setting(raw.to_string_lossy().into_owned(), source) }
                }
            })
        });
        let mut variables = variables.filter(is_set);
        let mut first = variables.next()?;
        let other = variables.find(|other| other.value() != first.value());
        first.problem = first.problem.or(other.map(|other| Problem::Differs(other.source)));
        Some(first)
    }
}

/// A setting's value, and the flag or variable that it came from.
pub(crate) struct Setting {
    raw: String,
    pub(crate) source: &'static str,
    problem: Option<Problem>,
}

/// Why the value of a variable can't be used.
#[derive(Clone, Copy)]
enum Problem {
    /// This other variable of the same setting has a different value.
    Differs(&'static str),
    /// It is not UTF-8.
    NotText,
}

impl Setting {
    /// The value without surrounding white space.
    pub(crate) fn value(&self) -> &str {
        self.raw.trim()
    }

    /// Whether the value has surrounding white space.
    pub(crate) fn is_padded(&self) -> bool {
        self.value().len() != self.raw.len()
    }

    /// Why the value can't be used, and what to do. Never shows the value, which may be secret.
    fn problem(&self, flag: &str) -> Option<(String, String)> {
        let source = self.source;
        Some(match self.problem? {
            Problem::Differs(other) => (
                format!("{source} and {other} have different values, but are two names of one setting"),
                format!("set one of them, or use {flag}"),
            ),
            Problem::NotText => (format!("{source} is not valid UTF-8"), format!("correct it, or use {flag}")),
        })
    }
}

/// The file in `AFFITOR_API_KEY_FILE`.
struct KeyFile {
    path: PathBuf,
    problem: Option<KeyFileProblem>,
}

enum KeyFileProblem {
    /// A variable with a key is set as well.
    Conflict(&'static str),
    Unreadable(io::ErrorKind),
}

/// The effective settings, resolved like the library resolves its environment variables: surrounding white space is
/// removed, and blank values are ignored.
pub(crate) struct Settings {
    pub(crate) key: Option<Setting>,
    /// File that the key comes from, and why it can't be used.
    key_file: Option<KeyFile>,
    pub(crate) url: Setting,
    pub(crate) program_id: Option<Setting>,
}

impl ConnectionArgs {
    pub(crate) fn settings(&self) -> Settings {
        self.settings_of_app(|_| None)
    }

    /// Returns the settings, also from the app's own variables: `own_variable` returns the one of a name in affitor.toml.
    pub(crate) fn settings_of_app<'v>(&self, own_variable: impl Fn(&str) -> Option<&'v str>) -> Settings {
        // Once per process.
        let own = |name: &str| own_variable(name).map(|variable| &*variable.to_owned().leak());
        let default_url = || Setting { raw: DEFAULT_URL.to_owned(), source: "AFFITOR_API_URL", problem: None };
        // A file in a cloned repository must not name another secret as the key.
        let looks_like_a_key = |variable: &&str| {
            env::var(variable)
                .is_ok_and(|key| ["aff_", "affitor_", "test_"].iter().any(|prefix| key.trim().starts_with(prefix)))
        };
        let mut key = API_KEY.resolve(self.api_key.as_deref(), own("api_key").filter(looks_like_a_key));
        // The flag overrides all variables.
        let from_flag = key.as_ref().is_some_and(|key| key.source == API_KEY.flag);
        let path = env::var_os(API_KEY_FILE).filter(|path| !path.is_empty() && !from_flag).map(PathBuf::from);
        let key_file = path.map(|path| {
            let problem = match (&key, fs::read_to_string(&path)) {
                (Some(key), _) => Some(KeyFileProblem::Conflict(key.source)),
                (None, Ok(raw)) => {
                    // A file usually ends with a line feed.
                    key = Some(Setting { raw: raw.trim_end().to_owned(), source: API_KEY_FILE, problem: None });
                    None
                }
                (None, Err(error)) => Some(KeyFileProblem::Unreadable(error.kind())),
            };
            KeyFile { path, problem }
        });
        Settings {
            key,
            key_file,
            url: API_URL.resolve(self.api_url.as_deref(), own("api_url")).unwrap_or_else(default_url),
            program_id: PROGRAM_ID.resolve(self.program_id.as_deref(), own("program_id")),
        }
    }
}

impl Settings {
    /// Returns a client builder with these settings.
    ///
    /// # Errors
    ///
    /// Returns a failure if the key or the URL is unusable.
    pub(crate) fn builder(&self) -> Result<ClientBuilder, Failure> {
        for Check { status, message, hint, .. } in [self.check_key(), self.check_url().0] {
            if status == CheckStatus::Failed {
                return Err(Failure::usage(message, hint.unwrap_or_default()));
            }
        }
        if let Some((message, hint)) = self.program_id.as_ref().and_then(|id| id.problem(PROGRAM_ID.flag)) {
            return Err(Failure::usage(message, hint));
        }
        let mut builder = Client::builder().api_url(self.url.value());
        if let Some(file) = &self.key_file {
            builder = builder.api_key_file(&file.path);
        } else if let Some(key) = &self.key {
            builder = builder.api_key(key.value());
        }
        if let Some(id) = &self.program_id {
            builder = builder.program_id(id.value());
        }
        Ok(builder)
    }

    pub(crate) fn build(&self, builder: ClientBuilder) -> Result<Client, Failure> {
        builder.build().map_err(|error| self.failure(&error))
    }

    pub(crate) fn client(&self) -> Result<Client, Failure> {
        self.build(self.builder()?)
    }

    /// The file from which the key comes, whether it is there or not.
    pub(crate) fn key_path(&self) -> Option<&Path> {
        self.key_file.as_ref().map(|file| &*file.path)
    }

    /// The arguments that name the service, if a flag did. Variables apply to the next command, too.
    pub(crate) fn url_arguments(&self) -> String {
        let is_flag = self.url.source == API_URL.flag;
        if is_flag { format!(" {} {}", API_URL.flag, quoted(self.url.value())) } else { String::new() }
    }

    /// The key to hide from all output, or `None` if it is too short to be distinguished from other text.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.key.as_ref().map(Setting::value).filter(|key| key.len() >= 8)
    }

    /// Quotes a setting's value for output, or hides it if it may contain a secret that was put into the wrong variable.
    pub(crate) fn quoted(&self, value: &str) -> String {
        let lower = value.to_lowercase();
        let may_be_secret = ["@", "%40", "aff_", "affk_"].iter().any(|part| lower.contains(part));
        let is_key = self.key.as_ref().is_some_and(|key| value.contains(key.value()));
        if may_be_secret || is_key { "(not shown)".to_owned() } else { format!("{value:?}") }
    }
}
