//! Finding the click id of a request.

mod click_ids;
mod head;
mod search;
