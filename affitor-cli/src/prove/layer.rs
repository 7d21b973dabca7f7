//! What an app says if an extractor finds no layer: in a response header, and in its log.

use affitor::adapter::MissingLayer;
use reqwest::header::HeaderMap;

use super::finding::{Finding, FindingId};

/// Finds the problem in the headers of a response.
pub(super) fn problem_of(headers: &HeaderMap) -> Option<MissingLayer> {
    problem_in(headers.get(MissingLayer::HEADER)?.to_str().ok()?)
}

/// Finds the problem in a line of the app's log.
pub(super) fn problem_in(line: &str) -> Option<MissingLayer> {
    // The longer code begins with the shorter one.
    let problems = [MissingLayer::OtherRoutes, MissingLayer::NoLayer];
    problems.into_iter().find(|problem| line.contains(problem.code()))
}

pub(super) fn finding(problem: MissingLayer, route: &str) -> Finding {
    match problem {
        MissingLayer::OtherRoutes => FindingId::LayerMissesRoute
            .found(format!("{route} responded that the app's `AffitorLayer` is not around it")),
        _ => FindingId::LayerMissing.found(format!("{route} responded that there is no `AffitorLayer`")),
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, MissingLayer, problem_in, problem_of};

    #[test]
    fn the_problems_are_told_apart() {
        for problem in [MissingLayer::NoLayer, MissingLayer::OtherRoutes] {
            let code = problem.code();
            assert_eq!(
                problem_in(&format!("ERROR affitor_axum: an extractor found no layer code={code:?}")),
                Some(problem)
            );
            let mut headers = HeaderMap::new();
            headers.insert(MissingLayer::HEADER, code.parse().unwrap());
            assert_eq!(problem_of(&headers), Some(problem));
        }
        assert_eq!(problem_in("500 Internal Server Error"), None);
        assert_eq!(problem_of(&HeaderMap::new()), None);
    }
}
