//! Apps that are hostile, or that a stranger has taken over: a proof ends soon, and shows nothing that moves the cursor.

use axum::{
    Router,
    body::Body,
    http::{StatusCode, header},
    response::{Html, IntoResponse, Redirect},
    routing::{get, post},
};
use futures_util::stream;
use tokio::time::{Duration, timeout};

use super::{Running, ids, shop::Shop};

/// Longer than a request may take.
const LIMIT: Duration = Duration::from_secs(45);

async fn endless() -> Body {
    Body::from_stream(stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 64 * 1024])))
}

/// Each `<meta>` has the names of ten others: if they were filled in one after the other, the text would have 10^12 parts.
async fn nested() -> Html<String> {
    let meta = |depth: u32| {
        let content = format!("{{meta:m{}}}", depth + 1).repeat(10);
        format!("<meta name=m{depth} content='{content}'>")
    };
    Html((0..12).map(meta).collect())
}

async fn rejected(body: String) -> impl IntoResponse {
    // What was sent is short.
    assert!(body.len() < 1_000, "{} bytes", body.len());
    (StatusCode::UNPROCESSABLE_ENTITY, "\u{1b}[2J\u{202e}no")
}

fn router(landing: axum::routing::MethodRouter) -> Router {
    let landed = Redirect::to("/circle");
    Router::new()
        .route("/", landing)
        .route("/circle", get(landed.clone()))
        .route("/signup", get(nested).post(rejected))
        .route("/webhooks", post(endless))
}

#[tokio::test]
async fn a_proof_of_a_hostile_app_ends() {
    let landed = "[signup]\nsteps = [{ get = '/signup' }, { post = '/signup', form = { token = '{meta:m0}', email = '{email}' } }]\n";
    let landing = format!("[landing]\npath = '/'\n{landed}");
    let text = |text: &'static str| get(move || async move { ([(header::CONTENT_TYPE, "text/html")], text) });
    for (settings, page, finding) in [
        (&landing, get(endless), "landing-failed"),
        (&landing, text("<meta http-equiv=refresh content='0;url=/?again'>"), "aff-lost"),
        (&landing, get(async || Redirect::to("/circle")), "landing-failed"),
        (&landed.to_owned(), get(nested), "signup-failed"),
    ] {
        let shop = Shop::with_settings("127.0.0.1:0", "polar", settings).await;
        let mut proof = Running::start(&shop, &["--wait", "1", "--quick"]);
        proof.read_variables().await;
        shop.serve_app(router(page));
        super::shop::client(&proof.variables).readiness().await.unwrap();
        let (code, report) = timeout(LIMIT, proof.finish()).await.expect(finding);
        assert_eq!((code, ids(&report)), (1, vec![finding]), "{report:#}");
        let shown = report.to_string();
        assert!(!shown.contains(['\u{1b}', '\u{202e}']) && !shown.contains("\\u001b"), "{shown}");
    }
}
