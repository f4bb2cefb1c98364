//! Pingora and nothing else, by its own server: what the framework itself costs. With a key, each
//! request's token is verified by OpenSSL, and that is all.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use pingora::Result;
use pingora::http::ResponseHeader;
use pingora::modules::http::HttpModules;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::upstreams::peer::HttpPeer;

use super::verifier::Verifier;
use super::world::gateway::{free_address, wait_for};

struct PassThrough {
    peer: HttpPeer,
    verifier: Option<Verifier>,
}

#[async_trait]
impl ProxyHttp for PassThrough {
    type CTX = ();

    fn new_ctx(&self) {}

    fn init_downstream_modules(&self, _: &mut HttpModules) {}

    async fn request_filter(&self, session: &mut Session, _: &mut ()) -> Result<bool> {
        let Some(verifier) = &self.verifier else {
            return Ok(false);
        };
        let header = session.req_header().headers.get(AUTHORIZATION);
        if header.is_some_and(|value| verifier.accepts(value.as_bytes())) {
            return Ok(false);
        }
        let mut answer = ResponseHeader::build(401, None)?;
        answer.insert_header(CONTENT_LENGTH, "0")?;
        session
            .write_response_header(Box::new(answer), true)
            .await?;
        Ok(true)
    }

    async fn upstream_peer(&self, _: &mut Session, _: &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(self.peer.clone()))
    }
}

/// Until it is killed; prints where it listens.
pub(super) fn run(upstream: &str, key: Option<&str>) {
    let mut peer = HttpPeer::new(
        upstream.parse::<SocketAddr>().unwrap(),
        false,
        String::new(),
    );
    peer.options.connection_timeout = Some(Duration::from_secs(5));
    peer.options.idle_timeout = Some(Duration::from_secs(55));
    let verifier = key.map(|file| Verifier::new(&std::fs::read(file).unwrap()));
    let address = free_address();
    let mut server = Server::new(None).unwrap();
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, PassThrough { peer, verifier });
    service.add_tcp(&address);
    service.threads = Some(1);
    server.add_service(service);
    let announced = address.clone();
    std::thread::spawn(move || {
        wait_for(&announced);
        println!("{announced}");
    });
    server.run_forever();
}
