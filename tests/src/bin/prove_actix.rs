//! The shop of the tests of `affitor prove`, in actix-web.

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    affitor_tests::prove_apps::serve_actix().await
}
