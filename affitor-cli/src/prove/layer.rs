//! The text with which the extractors reject a request if their layer is missing.

use super::finding::{Finding, FindingId};

/// What is wrong with the app's layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LayerProblem {
    Missing,
    MissesRoute,
}

impl LayerProblem {
    /// Finds the text in a response or a log.
    pub(super) fn in_text(text: &str) -> Option<Self> {
        let (_, rest) = text.split_once("an Affitor extractor found no `AffitorLayer`")?;
        Some(if rest.contains("although the app has one") { Self::MissesRoute } else { Self::Missing })
    }

    pub(super) fn finding(self, route: &str) -> Finding {
        match self {
            Self::Missing => {
                FindingId::LayerMissing.found(format!("{route} responded that there is no `AffitorLayer`"))
            }
            Self::MissesRoute => FindingId::LayerMissesRoute
                .found(format!("{route} responded that the app's `AffitorLayer` is not around it")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::LayerProblem;

    #[test]
    fn the_texts_of_the_extractors() {
        let missing =
            "an Affitor extractor found no `AffitorLayer`: add `.layer(AffitorLayer::new(client))` to the router";
        assert_eq!(LayerProblem::in_text(missing), Some(LayerProblem::Missing));
        let other = "ERROR an Affitor extractor found no `AffitorLayer` around this route, although the app has one: …";
        assert_eq!(LayerProblem::in_text(other), Some(LayerProblem::MissesRoute));
        assert_eq!(LayerProblem::in_text("500 Internal Server Error"), None);
    }
}
