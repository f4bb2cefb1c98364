//! Where things are: addresses, networks, URLs.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use url::{Host, Url};

use super::masking::shown;
use super::scalar::{Form, Scalar, Wrong};

/// An `http` or `https` URL without user, query and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpUrl(pub(crate) Url);

impl Scalar for SocketAddr {
    const EXPECTED: &str = "an address and port, such as `127.0.0.1:8080` or `[::1]:8080`";
    const FORM: Form = Form::Any;
    const PATTERN: &str = "^.+:[0-9]{1,5}$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        text.parse().map_err(|_| {
            let port = text.rsplit(':').next().and_then(|port| port.parse().ok());
            let any = || text.trim_start_matches(['*', ':']).parse::<u16>().is_ok();
            let host = match text {
                _ if text.starts_with("localhost:") => Some("127.0.0.1"),
                _ => any().then_some("0.0.0.0"),
            };
            let meant = host.zip(port);
            Wrong::but(meant.map(|(host, port): (_, u16)| format!("write `{host}:{port}`")))
        })
    }
}

impl Scalar for IpNet {
    const EXPECTED: &str = "a network such as `10.0.0.0/8` or `fd00::/8`";
    const PATTERN: &str = "^[0-9A-Fa-f.:]+/[0-9]{1,3}$";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let Ok(network) = text.parse::<Self>() else {
            let address = text.parse::<IpAddr>().ok();
            let hint = |one| format!("for this one address write `{}`", Self::from(one));
            return Err(Wrong::but(address.map(hint)));
        };
        // Clients' addresses are compared as IPv4 where they are mapped: such a network fits none.
        if let Self::V6(mapped) = network
            && let Some(address) = mapped.addr().to_ipv4_mapped()
        {
            let length = mapped.prefix_len().saturating_sub(96);
            let hint = format!("write `{address}/{length}`");
            return Err(Wrong::because("an IPv4-mapped network never fits").hint(hint));
        }
        let whole = network.trunc();
        if whole != network {
            let one = Self::from(network.addr());
            let message = format!("`{network}` has bits beyond its prefix");
            return Err(Wrong::because(message).hint(format_args!("write `{whole}` or `{one}`")));
        }
        Ok(network)
    }
}

impl Scalar for HttpUrl {
    const EXPECTED: &str = "a URL such as `https://api.example.com`";
    const PATTERN: &str = "^https?://";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let url = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url else {
            return Err(Wrong::but(with_scheme(text)));
        };
        Err(Wrong::because(
            if !url.username().is_empty() || url.password().is_some() {
                "a URL must not hold a user name or password"
            } else if url.query().is_some() || url.fragment().is_some() {
                "this URL must not have a query or a fragment"
            } else if url.domain().is_some_and(|name| name.ends_with('.')) {
                "the host must not end with a dot"
            } else if url.port() == Some(0) {
                "port 0 cannot be connected to"
            } else {
                return Ok(Self(url));
            },
        ))
    }
}

/// What to write instead of a host without a scheme: either, for what stands behind a gateway often
/// speaks no TLS.
fn with_scheme(text: &str) -> Option<String> {
    let named = |one: char| one.is_ascii_alphanumeric() || matches!(one, '.' | '-' | '_');
    let is_place = text.split(['/', ':']).next()?.chars().all(named);
    let url = Url::parse(&format!("https://{text}")).ok();
    let usable =
        !text.contains("://") && is_place && url.is_some_and(|url| url.username().is_empty());
    let text = shown(text);
    usable.then(|| format!("write `https://{text}`, or `http://{text}` where it speaks no TLS"))
}

impl HttpUrl {
    /// Whether it is `http` to anything but a loopback address: readable on the way. A name,
    /// `localhost` too, is what DNS makes of it.
    pub(crate) fn is_exposed(&self) -> bool {
        let loopback = match self.0.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical().is_loopback(),
            Some(Host::Domain(_)) | None => false,
        };
        self.0.scheme() != "https" && !loopback
    }

    /// What to write instead of an exposed URL.
    pub(crate) fn less_exposed(&self) -> String {
        let (host, path) = (self.0.host_str().unwrap_or("…"), self.0.path());
        let path = path.trim_end_matches('/');
        // What listens for http on its own port hardly listens for https on another.
        let port = self.0.port().map(|port| format!(":{port}"));
        let port = port.unwrap_or_default();
        match host {
            "localhost" => {
                let url = format!("http://127.0.0.1{port}{path}");
                format!(
                    "localhost is whatever DNS makes of it: write `{}`",
                    shown(&url)
                )
            }
            host => format!("write `https://{}`", shown(&format!("{host}{port}{path}"))),
        }
    }

    /// Whether it is scheme, host and port only.
    pub(crate) fn is_bare(&self) -> bool {
        matches!(self.0.path(), "" | "/")
    }
}
