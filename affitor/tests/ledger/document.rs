//! `docs/what-counts.md` and the tables name the same rows.
