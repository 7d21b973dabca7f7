//! Env files: reads, adds and changes single variables. All other lines stay as they are.

/// The value of a variable. As in a shell, the last assignment counts. `None` if it is missing or empty.
pub(crate) fn variable<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let last = text.lines().filter_map(assignment).rfind(|(found, _)| *found == name);
    last.map(|(_, value)| value.trim().trim_matches(['"', '\''])).filter(|value| !value.is_empty())
}

/// Sets variables, or removes those without a value. The last assignment of each gets the value, earlier ones are removed; without
/// one, a line is added.
pub(crate) fn with(text: &str, variables: &[(&str, Option<&str>)]) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut new = String::new();
    for (number, line) in lines.iter().enumerate() {
        let name = assignment(line).map(|(name, _)| name);
        let Some((name, value)) = variables.iter().find(|(variable, _)| Some(*variable) == name) else {
            new += line;
            continue;
        };
        let is_repeated =
            lines[number + 1..].iter().any(|line| assignment(line).is_some_and(|(found, _)| found == *name));
        if let (Some(value), false) = (value, is_repeated) {
            let export = if line.trim_start().starts_with("export ") { "export " } else { "" };
            new += &format!("{export}{name}={value}{}", line_end(line));
        }
    }
    let missing = variables.iter().filter(|(name, _)| !is_assigned(text, name));
    for (name, value) in missing.filter_map(|(name, value)| Some((name, (*value)?))) {
        let end = line_end_of(text);
        new += if new.is_empty() || new.ends_with('\n') { "" } else { end };
        new += &format!("{name}={value}{end}");
    }
    new
}

/// Appends the paragraphs of a template that have a variable which the text lacks. In a paragraph, what is there already is left
/// out. Returns `None` if nothing is missing.
pub(crate) fn with_missing(text: &str, template: &str) -> Option<String> {
    let end = line_end_of(text);
    let mut new = text.to_owned();
    for paragraph in template.split("\n\n") {
        let is_missing = |line: &&str| assignment(line).is_some_and(|(name, _)| !is_assigned(text, name));
        if !paragraph.lines().any(|line| is_missing(&line)) {
            continue;
        }
        new += if new.is_empty() || new.ends_with('\n') { "" } else { end };
        new += if new.is_empty() { "" } else { end };
        for line in paragraph.lines().filter(|line| assignment(line).is_none() || is_missing(line)) {
            new += &format!("{line}{end}");
        }
    }
    (new != text).then_some(new)
}

fn is_assigned(text: &str, name: &str) -> bool {
    text.lines().filter_map(assignment).any(|(found, _)| found == name)
}

/// Name and value of a line, if it assigns a variable.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    let line = line.strip_prefix("export ").unwrap_or(line);
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_name.then_some((name, value))
}

fn line_end(line: &str) -> &'static str {
    match (line.ends_with("\r\n"), line.ends_with('\n')) {
        (true, _) => "\r\n",
        (_, true) => "\n",
        _ => "",
    }
}

fn line_end_of(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

#[cfg(test)]
mod tests {
    use super::{variable, with, with_missing};

    #[test]
    fn the_last_assignment_counts() {
        let env = "# AFFITOR_API_KEY=no\nAFFITOR_API_KEY_FILE=x\n AFFITOR_API_KEY = 'aff_1'\nexport AFFITOR_PROGRAM_ID=42\n\
                   A=1\nA=2\nB=1\nB=\n";
        for (name, expected) in
            [("AFFITOR_API_KEY", Some("aff_1")), ("AFFITOR_PROGRAM_ID", Some("42")), ("A", Some("2")), ("B", None)]
        {
            assert_eq!(variable(env, name), expected, "{name}");
        }
    }

    #[test]
    fn other_lines_are_kept() {
        let ours = [("KEY", Some("new")), ("ID", Some("7")), ("OLD", None)];
        for (before, after) in [
            ("", "KEY=new\nID=7\n"),
            ("# mine\nMINE=1\nKEY=old\n", "# mine\nMINE=1\nKEY=new\nID=7\n"),
            ("OLD=1\nID=1\nMINE=1", "ID=7\nMINE=1\nKEY=new\n"),
            ("KEY=old\nMINE=$KEY\nKEY=older\nID=7\n", "MINE=$KEY\nKEY=new\nID=7\n"),
            ("export KEY='old' \r\nID=7\r\n# end", "export KEY=new\r\nID=7\r\n# end"),
            ("MY_KEY=1\n#KEY=2\nKEY_FILE=3\nID = 7\n", "MY_KEY=1\n#KEY=2\nKEY_FILE=3\nID=7\nKEY=new\n"),
        ] {
            assert_eq!(with(before, &ours), after, "{before:?}");
        }
    }

    #[test]
    fn only_missing_variables_are_appended() {
        let template = "# The service.\nKEY=\nID=7\n\n# Payments.\nSECRET=\n";
        for (before, after) in [
            ("", Some("# The service.\nKEY=\nID=7\n\n# Payments.\nSECRET=\n")),
            ("MINE=1", Some("MINE=1\n\n# The service.\nKEY=\nID=7\n\n# Payments.\nSECRET=\n")),
            ("KEY=x\nSECRET=y\n", Some("KEY=x\nSECRET=y\n\n# The service.\nID=7\n")),
            ("MINE=1\r\nKEY=\r\nID=9\r\n", Some("MINE=1\r\nKEY=\r\nID=9\r\n\r\n# Payments.\r\nSECRET=\r\n")),
            ("SECRET=\nID=\nKEY=\n", None),
        ] {
            assert_eq!(with_missing(before, template).as_deref(), after, "{before:?}");
        }
    }
}
