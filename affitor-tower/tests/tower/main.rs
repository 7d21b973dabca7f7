//! The layers, over services without a framework.

mod test_util;
mod transparent;
mod waiting;
