//! Runs the function against a stand-in for Lambda's runtime interface, which freezes it after each response and kills it in the
//! end.

#![cfg(unix)]

use std::{
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use affitor_sandbox::{Fault, Interpretations, Sandbox, UnknownLead};
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Mutex, mpsc},
};

const REQUESTS: usize = 5;

/// Lambda's side: gives requests to the function, and gets its responses.
struct Runtime {
    requests: Mutex<mpsc::Receiver<Value>>,
    responses: mpsc::Sender<Value>,
}

async fn next(State(runtime): State<Arc<Runtime>>) -> impl IntoResponse {
    let request = runtime.requests.lock().await.recv().await.unwrap_or_default();
    let mut headers = HeaderMap::new();
    headers.insert("lambda-runtime-aws-request-id", "1".parse().unwrap());
    headers.insert("lambda-runtime-deadline-ms", "9999999999999".parse().unwrap());
    headers.insert("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:1:function:f".parse().unwrap());
    (headers, request.to_string())
}

async fn response(State(runtime): State<Arc<Runtime>>, body: String) -> StatusCode {
    runtime.responses.send(serde_json::from_str(&body).unwrap()).await.unwrap();
    StatusCode::ACCEPTED
}

/// A request as the API Gateway passes it on.
fn request(user: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "$default", "rawPath": "/users", "rawQueryString": "", "isBase64Encoded": false,
        "headers": { "content-type": "application/json" },
        "body": json!({ "id": user }).to_string(),
        "requestContext": {
            "accountId": "1", "apiId": "a", "domainName": "example.com", "domainPrefix": "a", "requestId": "r", "routeKey": "$default",
            "stage": "$default", "time": "01/Jan/2026:00:00:00 +0000", "timeEpoch": 1,
            "http": { "method": "POST", "path": "/users", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test" }
        }
    })
}

fn signal(signal: &str, process: u32) {
    assert!(Command::new("kill").args([signal, &process.to_string()]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_that_is_frozen_after_each_response_loses_nothing() {
    let mut interpretations = Interpretations::default();
    interpretations.unknown_lead = UnknownLead::Unattributed;
    // Slow enough that a response without a flush would be first.
    let slow = Fault::Latency(Duration::from_millis(200)).always();
    let sandbox = Sandbox::builder().interpretations(interpretations).fault(slow).start().await.unwrap();
    let (requests, receiver) = mpsc::channel(1);
    let (sender, mut responses) = mpsc::channel(1);
    let runtime = Arc::new(Runtime { requests: Mutex::new(receiver), responses: sender });
    let app = Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .with_state(runtime);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });

    let mut function = Command::new(env!("CARGO_BIN_EXE_lambda"))
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "f")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AFFITOR_API_KEY", sandbox.api_key())
        .env("AFFITOR_API_URL", sandbox.url())
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    for number in 0..REQUESTS {
        signal("-CONT", function.id());
        let user = format!("user_{number}");
        requests.send(request(&user)).await.unwrap();
        let response = tokio::time::timeout(Duration::from_secs(20), responses.recv()).await.unwrap().unwrap();
        signal("-STOP", function.id());
        assert_eq!((&response["statusCode"], &response["body"]), (&json!(200), &json!(user)), "{response}");
        assert_eq!(sandbox.leads().len(), number + 1, "the lead is delivered before the response");
    }
    function.kill().unwrap();
    function.wait().unwrap();
    assert_eq!(sandbox.leads().len(), REQUESTS);
}
