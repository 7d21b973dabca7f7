//! Has no code. The messages are in `tests/ui`.
