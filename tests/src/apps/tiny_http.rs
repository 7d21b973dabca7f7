use std::net::SocketAddr;

use adapter::Affitor;
use affitor::Client;

use super::{Received, Reporter, Setup};

pub(super) fn start(setup: Setup, reporter: Reporter) -> SocketAddr {
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let address = server.server_addr().to_ip().unwrap();
    let affitor = Affitor::new(Client::disabled()).sources(setup.sources());
    // The thread ends with the test's process.
    std::thread::spawn(move || {
        for mut request in server.incoming_requests() {
            let mut received = Received::default();
            let read = if setup == Setup::NoLayer {
                request.as_reader().read_to_end(&mut received.body)
            } else {
                let (client, mut body) = affitor.attribute(&mut request);
                received.click_id = client.click_id().map(ToString::to_string);
                body.read_to_end(&mut received.body)
            };
            if let Err(error) = read {
                received.end = format!("error: {error}");
            }
            if reporter.send(received).is_err() {
                return;
            }
            let _ = request.respond(tiny_http::Response::empty(200));
        }
    });
    address
}
