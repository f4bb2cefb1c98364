//! Pingora and nothing else, by its own server: what the framework itself costs.

use std::net::SocketAddr;
use std::time::Duration;

use async_trait::async_trait;
use pingora::Result;
use pingora::modules::http::HttpModules;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::upstreams::peer::HttpPeer;

use super::contender::{free_address, wait_for};

struct PassThrough(HttpPeer);

#[async_trait]
impl ProxyHttp for PassThrough {
    type CTX = ();

    fn new_ctx(&self) {}

    fn init_downstream_modules(&self, _: &mut HttpModules) {}

    async fn upstream_peer(&self, _: &mut Session, _: &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(self.0.clone()))
    }
}

pub(super) fn run(upstream: &str) {
    let mut peer = HttpPeer::new(
        upstream.parse::<SocketAddr>().unwrap(),
        false,
        String::new(),
    );
    peer.options.connection_timeout = Some(Duration::from_secs(5));
    peer.options.idle_timeout = Some(Duration::from_secs(55));
    let address = free_address();
    let mut server = Server::new(None).unwrap();
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, PassThrough(peer));
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
