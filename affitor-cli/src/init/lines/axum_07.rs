/// The app's client for the visitor of a request.
pub struct AffitorClient(pub BoundClient);

#[async_trait::async_trait]
impl<S: Sync> FromRequestParts<S> for AffitorClient {
    type Rejection = (StatusCode, &'static str);

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let missing = (StatusCode::INTERNAL_SERVER_ERROR, "there is no AffitorLayer around this route");
        parts.affitor().map(AffitorClient).ok_or(missing)
    }
}
