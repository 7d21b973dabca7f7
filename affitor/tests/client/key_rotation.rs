//! Rotating the API key: the client reads it again when the service rejects it.

use std::{
    convert::Infallible,
    fs,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use affitor::{Client, Currency, Sale, SaleOutcome};
use affitor_sandbox::Sandbox;

fn sale(id: &str) -> Sale {
    Sale::new(id, 4_900, Currency::USD).customer_key("user_7")
}

/// Waits until a key may be read again.
async fn after_the_interval() {
    tokio::time::sleep(Duration::from_millis(5_050)).await;
}

#[tokio::test]
async fn a_rotated_key_is_read_from_its_file() {
    let sandbox = Sandbox::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, format!("{}\n", sandbox.api_key())).unwrap();
    let client = Client::builder().api_key_file(&path).api_url(sandbox.url()).build().unwrap();
    assert!(matches!(client.track_sale(sale("in_1")).await.unwrap(), SaleOutcome::NotAttributed { .. }));

    let new_key = sandbox.rotate_key().unwrap();
    assert!(client.track_sale(sale("in_2")).await.unwrap_err().is_unauthorized(), "the file still has the old key");
    fs::write(&path, &new_key).unwrap();
    assert!(
        client.track_sale(sale("in_2")).await.unwrap_err().is_unauthorized(),
        "it was read less than 5 seconds ago"
    );
    after_the_interval().await;
    // All concurrent calls get the new key, and the file is read once.
    let calls = (0..20).map(|number| {
        let client = client.clone();
        tokio::spawn(async move { client.track_sale(sale(&format!("in_2_{number}"))).await })
    });
    for call in calls.collect::<Vec<_>>() {
        assert!(matches!(call.await.unwrap().unwrap(), SaleOutcome::NotAttributed { .. }));
    }
    assert!(!format!("{client:?}").contains(&new_key));
}

#[tokio::test]
async fn a_half_written_file_is_read_again() {
    let sandbox = Sandbox::start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, sandbox.api_key()).unwrap();
    let client = Client::builder().api_key_file(&path).api_url(sandbox.url()).build().unwrap();
    let new_key = sandbox.rotate_key().unwrap();
    fs::write(&path, "").unwrap();
    let writer = tokio::spawn(async move {
        for end in [0, 4, 9, new_key.len()] {
            tokio::time::sleep(Duration::from_millis(20)).await;
            fs::write(&path, &new_key[..end]).unwrap();
        }
    });
    assert!(matches!(client.track_sale(sale("in_1")).await.unwrap(), SaleOutcome::NotAttributed { .. }));
    writer.await.unwrap();
}

#[tokio::test]
async fn a_function_provides_the_key() {
    let sandbox = Sandbox::start().await.unwrap();
    let (key, reads) = (Arc::new(Mutex::new(sandbox.api_key().to_owned())), Arc::new(AtomicUsize::new(0)));
    let (stored, counter) = (Arc::clone(&key), Arc::clone(&reads));
    let client = Client::builder()
        .api_key_fn(move || {
            counter.fetch_add(1, Ordering::SeqCst);
            let key = stored.lock().unwrap().clone();
            async move { Ok::<_, Infallible>(key) }
        })
        .api_url(sandbox.url())
        .build()
        .unwrap();
    assert_eq!(reads.load(Ordering::SeqCst), 0, "nothing is read before the first call");
    let _ = client.track_sale(sale("in_1")).await.unwrap();
    let _ = client.track_sale(sale("in_2")).await.unwrap();
    assert_eq!(reads.load(Ordering::SeqCst), 1);
    *key.lock().unwrap() = sandbox.rotate_key().unwrap();
    after_the_interval().await;
    let _ = client.track_sale(sale("in_3")).await.unwrap();
    assert_eq!(reads.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_function_that_hangs_or_fails_does_not_outlast_the_call() {
    let sandbox = Sandbox::start().await.unwrap();
    let limit = Duration::from_millis(300);
    let hanging = Client::builder().api_key_fn(std::future::pending::<Result<String, Infallible>>).timeout(limit);
    let failing =
        Client::builder().api_key_fn(|| async { Err::<String, _>("the vault is sealed: aff_secret") }).timeout(limit);
    for builder in [hanging, failing] {
        let client = builder.api_url(sandbox.url()).build().unwrap();
        let error = client.track_sale(sale("in_1")).await.unwrap_err();
        assert!(error.is_unauthorized() && !error.to_string().contains("aff_secret"), "{error}");
    }
    assert!(sandbox.requests().is_empty());
}
