//! Runs a case of this program under callgrind, and reads the instruction count.

use std::{env, error::Error, fs, process::Command};

use crate::measure::REQUESTS;

/// Returns the number of instructions per request of a case.
pub(crate) fn instructions(subject: &str, case: &str) -> Result<f64, Box<dyn Error>> {
    let out = env::temp_dir().join(format!("affitor-bench.{}.callgrind", std::process::id()));
    let run = Command::new("valgrind")
        .args(["--tool=callgrind", "--collect-atstart=no", "--toggle-collect=*counted_serve*"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(env::current_exe()?)
        .args([subject, "--case", case])
        // With a larger cache, each allocation takes the allocator's short path. Otherwise the layout of the heap, which any change
        // to this program alters, adds about 140 instructions to some cases.
        .env("GLIBC_TUNABLES", "glibc.malloc.tcache_count=100")
        .output()
        .map_err(|error| format!("valgrind: {error} (install valgrind, which counts the instructions)"))?;
    if !run.status.success() {
        return Err(format!("case {case}: {}", String::from_utf8_lossy(&run.stderr)).into());
    }
    let profile = fs::read_to_string(&out)?;
    if env::var_os("AFFITOR_BENCH_KEEP").is_some() {
        eprintln!("{case}: {}", out.display());
    } else {
        fs::remove_file(&out)?;
    }
    let total = profile.lines().find_map(|line| line.strip_prefix("totals:").or(line.strip_prefix("summary:")));
    let total: u64 = total.and_then(|total| total.trim().parse().ok()).unwrap_or(0);
    if total == 0 {
        return Err(format!("case {case}: callgrind counted no instructions").into());
    }
    Ok(total as f64 / REQUESTS as f64)
}
