//! The shop of the tests of `affitor prove`, in axum.

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    affitor_tests::prove_apps::serve_axum().await
}
