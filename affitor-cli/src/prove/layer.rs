//! The text with which the extractors reject a request if their layer is missing.

use affitor::adapter::MissingLayer;

use super::finding::{Finding, FindingId};

/// Finds the text in a response or a log.
pub(super) fn problem_in(text: &str) -> Option<MissingLayer> {
    // The longer text begins with the shorter one.
    let problems = [MissingLayer::OtherRoutes, MissingLayer::NoLayer];
    problems.into_iter().find(|problem| text.contains(&problem.to_string()))
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
    use super::{MissingLayer, problem_in};

    #[test]
    fn the_texts_are_told_apart() {
        for problem in [MissingLayer::NoLayer, MissingLayer::OtherRoutes] {
            assert_eq!(problem_in(&format!("ERROR shop: {problem}: add a layer")), Some(problem));
        }
        assert_eq!(problem_in("500 Internal Server Error"), None);
    }
}
