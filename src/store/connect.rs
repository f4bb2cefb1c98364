//! How is Redis, or Valkey, reached? Over TCP, with TLS by OpenSSL where the URL says `rediss`, as the
//! user of the file. What it says of itself is not repeated: it quotes what it was sent.

use std::net::IpAddr;
use std::pin::Pin;

use openssl::ssl::{ConnectConfiguration, SslConnector, SslMethod, SslVersion};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, ProtocolVersion, RedisConnectionInfo, RedisError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::bounded::{Allowance, Bounded};
use super::definition::RedisDefinition;

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection that has been let in. It lives for as long as its driver is polled.
pub(super) struct Connected {
    pub(super) connection: MultiplexedConnection,
    pub(super) driver: Pin<Box<dyn Future<Output = ()> + Send>>,
    pub(super) allowance: Allowance,
}

/// Connects and introduces itself; `Err` says why not, for the log. The caller bounds the time.
pub(super) async fn connect(definition: &RedisDefinition) -> Result<Connected, String> {
    let (host, port) = (definition.host(), definition.port());
    let socket = TcpStream::connect((host, port)).await;
    let socket = socket.map_err(|why| why.to_string())?;
    socket.set_nodelay(true).map_err(|why| why.to_string())?;
    let inner: Box<dyn Stream> = match definition.is_encrypted() {
        false => Box::new(socket),
        true => Box::new(encrypted(definition, socket).await?),
    };
    let allowance = Allowance::new();
    let stream = Bounded {
        inner,
        allowance: allowance.clone(),
    };
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let introduced =
        MultiplexedConnection::new_with_config(&introduction(definition), stream, config).await;
    let (connection, driver) = introduced.map_err(|why| told(&why))?;
    Ok(Connected {
        connection,
        driver: Box::pin(driver),
        allowance,
    })
}

fn introduction(definition: &RedisDefinition) -> RedisConnectionInfo {
    let mut introduction = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP2)
        .set_skip_set_lib_name()
        .set_db(definition.database.into());
    if let Some(user) = &definition.user {
        introduction = introduction.set_username(user);
    }
    if let Some(password) = &definition.password {
        introduction = introduction.set_password(password.expose());
    }
    introduction
}

async fn encrypted(
    definition: &RedisDefinition,
    socket: TcpStream,
) -> Result<SslStream<TcpStream>, String> {
    let host = definition.host();
    let made = configuration(definition).and_then(|it| it.into_ssl(host));
    let stream = made.and_then(|ssl| SslStream::new(ssl, socket));
    let mut stream = stream.map_err(|why| format!("TLS: {why}"))?;
    let shaken = Pin::new(&mut stream).connect().await;
    shaken.map_err(|why| {
        let verified = stream.ssl().verify_result();
        match verified == openssl::x509::X509VerifyResult::OK {
            true => format!("TLS: {why}"),
            false => format!(
                "TLS: its certificate is not believed: {verified}; `ca_file` names who signs it"
            ),
        }
    })?;
    Ok(stream)
}

fn configuration(
    definition: &RedisDefinition,
) -> Result<ConnectConfiguration, openssl::error::ErrorStack> {
    let mut connector = SslConnector::builder(SslMethod::tls_client())?;
    connector.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    match &definition.ca_pem {
        Some(pem) => {
            let mut trusted = X509StoreBuilder::new()?;
            for authority in X509::stack_from_pem(pem)? {
                trusted.add_cert(authority)?;
            }
            connector.set_cert_store(trusted.build());
        }
        None => {
            let found = openssl_probe::probe();
            for folder in &found.cert_dir {
                connector.load_verify_locations(None, Some(folder))?;
            }
            if let Some(file) = &found.cert_file {
                connector.load_verify_locations(Some(file), None)?;
            }
        }
    }
    let by_address = definition.host().parse::<IpAddr>().is_ok();
    let mut configuration = connector.build().configure()?;
    configuration.set_use_server_name_indication(!by_address);
    Ok(configuration)
}

/// What went wrong, in words of ours. SECURITY: a server's own words quote the commands that it does not
/// know, with the password in one of them.
pub(super) fn told(why: &RedisError) -> String {
    let advice = match why.code() {
        Some("NOAUTH") => "it wants a password: `state.redis.password`",
        Some("WRONGPASS") => "it refuses the user or the password",
        Some("NOPERM") => {
            "the user may not do this: it needs GET, MGET, SET, DEL and PING on `bearergate:*`, and for shared limits EVAL and PTTL"
        }
        Some("OOM") => "it is full: `maxmemory` is reached and its policy evicts nothing",
        Some("READONLY") => "it is a replica, which takes no writes: name the primary",
        Some("LOADING") => "it is reading its data set",
        Some("MISCONF") => "it cannot save its data set, and so takes no writes",
        Some("MOVED" | "ASK" | "CROSSSLOT" | "CLUSTERDOWN") => {
            "it is a cluster, which is not spoken here: name one that is none"
        }
        Some(_) | None => return unadvised(why),
    };
    advice.to_owned()
}

fn unadvised(why: &RedisError) -> String {
    match why.kind() {
        // The system's words, which know nothing of what was sent.
        ErrorKind::Io => why.to_string(),
        ErrorKind::AuthenticationFailed => "it refuses the user or the password".to_owned(),
        _ => match why.code() {
            Some(code) if code.len() <= 32 && code.bytes().all(|it| it.is_ascii_uppercase()) => {
                format!("it answers {code}")
            }
            _ => format!("it is not understood: {}", why.category()),
        },
    }
}
