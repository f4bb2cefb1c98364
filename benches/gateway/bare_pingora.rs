//! Pingora and nothing else, by its own server: what the framework itself costs. With a key, each
//! request's token is verified by OpenSSL, and that is all.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{AUTHORIZATION, CONTENT_LENGTH};
use pingora::Result;
use pingora::apps::HttpServerOptions;
use pingora::http::ResponseHeader;
use pingora::listeners::ALPN;
use pingora::listeners::tls::TlsSettings;
use pingora::modules::http::HttpModules;
use pingora::proxy::{ProxyHttp, Session, http_proxy_service};
use pingora::server::Server;
use pingora::upstreams::peer::HttpPeer;

use super::verifier::Verifier;
use super::world::gateway::{free_address, wait_for};
use super::world::wire::Wire;

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

/// Until it is killed; prints where it listens. `words`: the upstream, the folder of keys, how it is
/// spoken to, and whether it checks tokens.
pub(super) fn run(words: &[String]) {
    let [upstream, folder, wire, checks] = words else {
        panic!("{words:?}")
    };
    let folder = Path::new(folder);
    let mut wires = Wire::ALL.into_iter();
    let wire = wires.find(|known| known.name() == wire).unwrap();
    let mut peer = HttpPeer::new(
        upstream.parse::<SocketAddr>().unwrap(),
        false,
        String::new(),
    );
    peer.options.connection_timeout = Some(Duration::from_secs(5));
    peer.options.idle_timeout = Some(Duration::from_secs(55));
    let verify = || Verifier::new(&std::fs::read(folder.join("public.pem")).unwrap());
    let verifier = (checks == "true").then(verify);
    let address = free_address();
    let mut server = Server::new(None).unwrap();
    server.bootstrap();
    let mut service = http_proxy_service(&server.configuration, PassThrough { peer, verifier });
    if wire.is_encrypted() {
        let path = |name| folder.join(name).display().to_string();
        let mut tls = TlsSettings::intermediate(&path("own.pem"), &path("own.key")).unwrap();
        tls.set_alpn(if wire.is_http2() { ALPN::H2 } else { ALPN::H1 });
        service.add_tls_with_settings(&address, None, tls);
    } else {
        service.add_tcp(&address);
    }
    if wire == Wire::H2c {
        let mut options = HttpServerOptions::default();
        options.h2c = true;
        service.app_logic_mut().unwrap().server_options = Some(options);
    }
    service.threads = Some(1);
    server.add_service(service);
    let announced = address.clone();
    std::thread::spawn(move || {
        wait_for(&announced);
        println!("{announced}");
    });
    server.run_forever();
}
