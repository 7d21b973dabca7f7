//! The journal: restarts, damaged files, full disks.

use std::{fs, io::Write as _, path::PathBuf};

use crate::support::{Visitor, builder, sale, start};
use affitor_sandbox::{Interpretations, LeadAuth, PartnerState, RepeatedLead, Sandbox, SandboxBuilder, SecondRefund};
use serde_json::json;

/// A data file that is deleted at the end of the test.
struct Data(PathBuf);

impl Data {
    fn new(name: &str) -> Self {
        let file = std::env::temp_dir().join(format!("affitor-journal-{}-{name}", std::process::id()));
        assert!(!file.exists());
        Self(file)
    }

    fn builder(&self) -> SandboxBuilder {
        builder().data(&self.0)
    }

    fn text(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }

    /// Returns the error of a sandbox that can't start.
    async fn start_error(&self) -> String {
        self.builder().start().await.unwrap_err().to_string()
    }
}

impl Drop for Data {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

async fn restarted(sandbox: Sandbox, builder: SandboxBuilder) -> Sandbox {
    drop(sandbox);
    start(builder).await
}

#[tokio::test]
async fn state_survives_a_restart() {
    let data = Data::new("day");
    let mut interpretations = Interpretations::default();
    interpretations.second_refund = SecondRefund::Taken;
    interpretations.repeated_lead = RepeatedLead::Idempotent;
    let settings = || data.builder().interpretations(interpretations).lead_auth(LeadAuth::ServerRequired);
    let sandbox = start(settings()).await;
    let server = Visitor::server(&sandbox);
    let browser = Visitor::browser(&sandbox);
    server.bought("user_7", "t_1").await;
    let click_id = server.click("abc123", None).await;
    let lead = json!({ "click_id": click_id, "customer_key": "user_8", "email": "secret@example.com" });
    assert_eq!(browser.track("lead", lead).await.1["provisional"], true);
    assert_eq!(server.track("lead", json!({ "click_id": click_id, "customer_key": "user_8" })).await.0, 200);
    assert_eq!(server.track("lead", json!({ "click_id": click_id, "customer_key": "user_9" })).await.0, 200);
    sandbox.advance_days(3);
    assert_eq!(
        server.track("sale", sale("t_2", "user_9")).await.0,
        200,
        "user_9 is a second key of the same customer as user_8"
    );
    for amount in [1_000, 2_000] {
        let refund = json!({ "transaction_id": "t_1", "refund_amount_cents": amount });
        assert_eq!(server.track("refund", refund).await.0, 200);
    }
    assert_eq!(server.track("sale", sale("t_1", "user_7")).await.0, 409);
    assert_eq!(server.track("sale", json!({ "additional_data": { "test_mode": true } })).await.0, 200);
    assert_eq!(server.post("/api/v1/cli/test-event", r#"{"type":"chain"}"#).await.0, 200);
    assert!(sandbox.set_partner_state("abc123", PartnerState::LinkInactive));
    let before = sandbox.snapshot();
    let refused: Vec<_> = sandbox.requests().into_iter().filter(|request| request.error.is_some()).collect();

    let sandbox = restarted(sandbox, settings()).await;
    let server = Visitor::server(&sandbox);
    assert_eq!(sandbox.snapshot(), before);
    let after: Vec<_> = sandbox.requests().into_iter().filter(|request| request.error.is_some()).collect();
    assert_eq!(after, refused);
    assert!(sandbox.now_ms() - before.sales[0].at_ms >= 3 * 24 * 60 * 60 * 1000, "the clock is still ahead");
    assert_eq!(server.track("sale", sale("t_2", "user_8")).await.0, 409, "transaction ids are still known");
    let inactive = server.track("click", json!({ "affiliate_url": "https://shop.example/?aff=abc123" })).await;
    assert_eq!(inactive.1["success"], false);
    server.bought("user_10", "t_3").await;
    let ids: Vec<_> = sandbox.snapshot().sales.iter().map(|sale| sale.sale_id).collect();
    assert!(ids.is_sorted() && ids[1] < ids[2], "numbering continues: {ids:?}");
    for secret in ["secret@example.com", "jo@example.com", "test_key", "other_key"] {
        assert!(!data.text().contains(secret), "{secret}");
    }
}

#[tokio::test]
async fn an_incomplete_last_line_is_dropped_and_any_other_damage_is_an_error() {
    let data = Data::new("torn");
    let sandbox = start(data.builder()).await;
    Visitor::server(&sandbox).bought("user_7", "t_1").await;
    drop(sandbox);
    let whole = data.text();
    assert_eq!(whole.lines().count(), 4, "{whole}");
    // A file cut within its last line keeps all other lines. A file cut within its header is empty.
    let last = whole.trim_end().rfind('\n').unwrap() + 1;
    for cut in [last + 1, last + 30, whole.len() - 2, 5, 0] {
        fs::write(&data.0, &whole[..cut]).unwrap();
        let sandbox = start(data.builder()).await;
        let snapshot = sandbox.snapshot();
        let expected = if cut >= last { (1, 1, 0) } else { (0, 0, 0) };
        assert_eq!((snapshot.clicks.len(), snapshot.leads.len(), snapshot.sales.len()), expected, "cut at {cut}");
        if cut >= last {
            assert_eq!(Visitor::server(&sandbox).track("sale", sale("t_1", "user_7")).await.0, 200);
        }
    }
    // Some editors drop the last newline.
    fs::write(&data.0, whole.trim_end()).unwrap();
    let sandbox = start(data.builder()).await;
    assert_eq!(sandbox.sales().len(), 1);
    assert_eq!(Visitor::server(&sandbox).track("sale", sale("t_1", "user_7")).await.0, 409);
    drop(sandbox);
    assert!(data.text().starts_with(&whole), "the newline is restored");

    let lines: Vec<&str> = whole.lines().collect();
    let empty = summed("\"request\": null, \"changes\": []}");
    for (at, line, why) in [
        (0, "{\"hello\": 1}", "line 1: this is not a sandbox journal"),
        (
            0,
            "{\"affitor_sandbox_journal\": 9}",
            "line 1: this journal has version 9, but this sandbox supports only version 4",
        ),
        (1, "nonsense", "line 2: the checksum is wrong"),
        (1, &lines[1].replacen("\"at_ms\":", "\"at_ms\":1", 1), "line 2: the checksum is wrong"),
        (1, &summed("\"request\": null, \"changes\": [{\"moon\": 1}]}"), "line 2: unknown variant `moon`"),
        (1, &summed(&lines[1][START..].replacen("\"at_ms\":", "\"at_ms\":-", 9)), "is out of range"),
        (2, lines[3], "line 3: there is no customer 1 in this sandbox"),
    ] {
        let mut edited: Vec<&str> = lines.clone();
        edited[at] = line;
        if at == 2 {
            edited[1] = &empty;
        }
        let text = edited.join("\n") + "\n";
        fs::write(&data.0, &text).unwrap();
        let error = data.start_error().await;
        assert!(error.contains(why), "{error}");
        assert_eq!(data.text(), text, "an unreadable file is left unchanged");
    }
    fs::write(&data.0, "my letters").unwrap();
    assert!(data.start_error().await.contains("line 1: this is not a sandbox journal"));
    assert_eq!(data.text(), "my letters");
}

/// Length of a line's checksum, with the comma after it.
const START: usize = "{\"sum\":\"01234567\",".len();

/// A line with the right checksum.
fn summed(rest: &str) -> String {
    format!("{{\"sum\":\"{:08x}\",{rest}", crc32fast::hash(rest.as_bytes()))
}

/// Each bit of a file can change: the error names the line, and with the switch the other lines are read.
#[tokio::test]
async fn a_flipped_bit_is_an_error_that_names_the_line() {
    let data = Data::new("bits");
    let sandbox = start(data.builder()).await;
    Visitor::server(&sandbox).bought("user_7", "t_1").await;
    Visitor::server(&sandbox).bought("user_8", "t_2").await;
    drop(sandbox);
    let whole = fs::read(&data.0).unwrap();
    let header = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let (mut errors, mut total) = (0, 0);
    // Upper case in a checksum means the same.
    let is_letter_of_sum = |at: usize, bit: usize| bit == 5 && whole[at].is_ascii_alphabetic();
    for at in (header..whole.len()).step_by(7) {
        let bit = at % 8;
        if is_letter_of_sum(at, bit) {
            continue;
        }
        let mut flipped = whole.clone();
        flipped[at] ^= 1 << bit;
        fs::write(&data.0, &flipped).unwrap();
        let line = whole[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        total += 1;
        match data.builder().start().await {
            Ok(_) => panic!("bit {bit} of byte {at} in line {line} was not noticed"),
            Err(error) => errors += usize::from(error.to_string().contains(&format!("line {line}: "))),
        }
        assert_eq!(fs::read(&data.0).unwrap(), flipped, "the file is left unchanged");
        let sandbox = start(data.builder().skip_damaged_lines(true)).await;
        let kept = sandbox.snapshot();
        // What the two customers did: of the one whose line was damaged, what does not need it.
        let of = |customer: u64| {
            let clicks = kept.clicks.iter().filter(|click| click.customer_id == customer).count();
            let leads = kept.leads.iter().filter(|lead| lead.customer_id == customer).count();
            clicks + leads + kept.sales.iter().filter(|sale| sale.customer_id == customer).count()
        };
        let (damaged, other) = if line <= 4 { (1, 2) } else { (2, 1) };
        let is_last_newline = at + 1 == whole.len();
        assert_eq!(of(other), 3, "byte {at}: the other customer is whole");
        assert!(of(damaged) < 3 || is_last_newline, "byte {at}: the line is left out");
    }
    assert!(errors == total && total > 100, "{errors} of {total} errors name the line");
}

#[tokio::test]
async fn only_one_sandbox_can_open_a_file() {
    let data = Data::new("lock");
    let _first = start(data.builder()).await;
    let error = data.start_error().await;
    assert!(error.contains("another sandbox has this file open"), "{error}");
    let nowhere = builder().data("/nowhere/at/all").start().await.unwrap_err().to_string();
    assert!(nowhere.starts_with("/nowhere/at/all: "), "{nowhere}");
}

#[tokio::test]
async fn a_journal_of_other_programs_is_refused() {
    let data = Data::new("programs");
    let sandbox = start(data.builder()).await;
    Visitor::server(&sandbox).bought("user_7", "t_1").await;
    drop(sandbox);
    let error = data.builder().program_id(43).start().await.unwrap_err().to_string();
    assert!(
        error.contains("line 2: there is no program 42 in this sandbox: was it started with other programs?"),
        "{error}"
    );
}

#[tokio::test]
async fn reset_empties_the_file() {
    let data = Data::new("reset");
    let sandbox = start(data.builder()).await;
    Visitor::server(&sandbox).bought("user_7", "t_1").await;
    sandbox.advance_days(9);
    sandbox.reset().unwrap();
    assert_eq!(data.text().lines().count(), 1);
    assert!(sandbox.snapshot().clicks.is_empty() && sandbox.requests().is_empty());
    Visitor::server(&sandbox).bought("user_7", "t_1").await;
    let sandbox = restarted(sandbox, data.builder()).await;
    assert_eq!(sandbox.sales().len(), 1);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn only_regular_files_of_valid_size_are_accepted() {
    for (path, why) in
        [("/dev/full", "not a regular file"), ("/dev/zero", "not a regular file"), ("/tmp", "Is a directory")]
    {
        let error = builder().data(path).start().await.unwrap_err().to_string();
        assert!(error.starts_with(&format!("{path}: {why}")), "{error}");
    }
    let data = Data::new("sparse");
    fs::File::create_new(&data.0).unwrap().set_len(1 << 34).unwrap();
    let error = data.start_error().await;
    assert!(error.contains("line 1: this line is too long for a sandbox journal"), "{error}");
}

/// If the file can't be written, the event is not recorded and the response is a 500.
///
/// The small disk is mounted in namespaces of a child process, so that it needs no root and changes nothing on the machine.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk() {
    const DIRECTORY: &str = "AFFITOR_TEST_SMALL_DISK";
    if let Some(directory) = std::env::var_os(DIRECTORY) {
        return a_full_disk_at(PathBuf::from(directory)).await;
    }
    let namespaces = ["--user", "--map-root-user", "--mount"];
    let directory = tempfile::tempdir().unwrap();
    let unshare = || {
        let mut command = std::process::Command::new("unshare");
        command.args(namespaces).args(["sh", "-c", r#"mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@""#]);
        command.arg(directory.path());
        command
    };
    if !unshare().arg("true").output().is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("AFFITOR_TESTS_FORBID_SKIP").is_none(), "failed to mount a small disk");
        writeln!(&mut std::io::stderr(), "SKIPPED: a_full_disk: this machine allows no user namespaces").unwrap();
        return;
    }
    let mut child = unshare();
    child.arg(std::env::current_exe().unwrap()).args(["--exact", "journal::a_full_disk"]);
    let output = child.env(DIRECTORY, directory.path()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[cfg(target_os = "linux")]
async fn a_full_disk_at(directory: PathBuf) {
    let file = directory.join("journal");
    let sandbox = start(builder().data(&file)).await;
    let server = Visitor::server(&sandbox);
    server.bought("user_7", "t_0").await;
    let mut recorded = 1;
    let refused = loop {
        let (status, response) = server.track("sale", sale(&format!("t_{recorded}"), "user_7")).await;
        if status != 200 {
            break (status, response);
        }
        recorded += 1;
        assert!(recorded < 1_000, "64 KiB should be full");
    };
    assert_eq!(refused, (500, json!({ "error": "The data file can't be written" })));
    assert_eq!(sandbox.sales().len(), recorded);
    assert!(sandbox.reset().is_ok(), "reset frees space");
    server.bought("user_7", "t_1").await;
    assert!(fs::read_to_string(&file).unwrap().ends_with("}\n"));
}

/// A process that reads the file sees only complete lines.
#[tokio::test]
async fn a_line_is_written_before_its_response() {
    let data = Data::new("before");
    let sandbox = start(data.builder()).await;
    let server = Visitor::server(&sandbox);
    server.click("PARTNER123", None).await;
    for number in 0..20 {
        server.click("abc123", None).await;
        let text = data.text();
        assert!(text.ends_with('\n'));
        assert_eq!(text.lines().count(), 3 + number);
    }
}

/// Every body that is accepted can be replayed, regardless of its nesting depth.
#[tokio::test]
async fn nested_bodies() {
    let data = Data::new("deep");
    let sandbox = start(data.builder()).await;
    let server = Visitor::server(&sandbox);
    let nested = |deep: usize| {
        let additional = format!("{}1{}", "{\"a\":".repeat(deep), "}".repeat(deep));
        let url = "https://shop.example/?aff=abc123";
        serde_json::from_str(&format!("{{\"affiliate_url\":\"{url}\",\"additional_data\":{additional}}}")).unwrap()
    };
    let mut accepted = 0;
    for deep in [1, 50, 99, 100, 101, 110, 120, 124] {
        match server.track("click", nested(deep)).await.0 {
            200 => accepted += 1,
            status => assert_eq!((status, deep > 100), (400, true), "{deep}"),
        }
    }
    assert!(accepted >= 4, "{accepted}");
    drop(sandbox);
    assert_eq!(start(data.builder()).await.clicks().len(), accepted);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt as _;

    let data = Data::new("mode");
    let sandbox = start(data.builder()).await;
    assert_eq!(fs::metadata(&data.0).unwrap().permissions().mode() & 0o777, 0o600);
    sandbox.stop().await;
}
