//! The rows.

mod budget;
mod caches;
mod carried;
mod consent;
mod cookies;
mod hostile;
mod navigation;
mod proxies;
mod redirects;

use crate::capture::row::Row;

pub(crate) fn all() -> Vec<Row> {
    let categories = [
        navigation::rows(),
        redirects::rows(),
        cookies::rows(),
        caches::rows(),
        consent::rows(),
        budget::rows(),
        proxies::rows(),
        carried::rows(),
        hostile::rows(),
    ];
    categories.into_iter().flatten().collect()
}
