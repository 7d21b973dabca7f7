//! How much of the long tests runs.

/// Returns how much of a long test runs, at least one: all of `full` if the environment variable `AFFITOR_TESTS_ONE_IN` is 1, an eighth
/// if it is not set. `.ci/long` sets it to 1.
///
/// # Panics
///
/// Panics if the variable is not a positive number.
#[must_use]
pub fn share(full: u64) -> u64 {
    full.div_ceil(one_in())
}

/// Returns whether this row of a long table runs. The share is spread over the table, and `offset` selects another one.
///
/// # Panics
///
/// Panics if the variable is not a positive number.
#[must_use]
pub fn is_in_share(row: usize, offset: usize) -> bool {
    (row as u64 + offset as u64).is_multiple_of(one_in())
}

/// Returns whether everything runs.
///
/// # Panics
///
/// Panics if the variable is not a positive number.
#[must_use]
pub fn is_all() -> bool {
    one_in() == 1
}

fn one_in() -> u64 {
    const NAME: &str = "AFFITOR_TESTS_ONE_IN";
    let Ok(text) = std::env::var(NAME) else { return 8 };
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .unwrap_or_else(|| panic!("{NAME} is {text:?}, not a positive number"))
}
