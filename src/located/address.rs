//! Where things are: addresses, networks, URLs.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use serde_json::{Value as Json, json};
use url::{Host, Url};

use super::masking::shown;
use super::reader::{Read, Reader};
use super::schema::Schemas;
use super::tree::NodeId;

/// An `http` or `https` URL without user, query and fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpUrl(pub(crate) Url);

impl Read for SocketAddr {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = "an address and port, such as `127.0.0.1:8080` or `[::1]:8080`";
        let text = reader.scalar(node).map(|(text, _)| text);
        let address = text.and_then(|text| text.parse().ok());
        if address.is_none() {
            let port = text.and_then(|text| text.rsplit(':').next()?.parse::<u16>().ok());
            let host = match text {
                Some(text) if text.starts_with("localhost:") => Some("127.0.0.1"),
                Some(text) if text.trim_start_matches(['*', ':']).parse::<u16>().is_ok() => {
                    Some("0.0.0.0")
                }
                _ => None,
            };
            let found = reader.unexpected(node, expected);
            if let (Some(host), Some(port)) = (host, port) {
                found.hint(format_args!("write `{host}:{port}`"));
            }
        }
        address
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "pattern": "^.+:[0-9]{1,5}$" })
    }
}

impl Read for IpNet {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = "a network such as `10.0.0.0/8` or `fd00::/8`";
        let text = reader.text(node, expected)?;
        let Ok(network) = text.parse::<IpNet>() else {
            let address = text.parse::<IpAddr>().ok();
            let found = reader.unexpected(node, expected);
            found.hint = address
                .map(|address| format!("for this one address write `{}`", IpNet::from(address)));
            return None;
        };
        // Clients' addresses are compared as IPv4 where they are mapped: such a network fits none.
        if let IpNet::V6(mapped) = network
            && let Some(address) = mapped.addr().to_ipv4_mapped()
        {
            let length = mapped.prefix_len().saturating_sub(96);
            reader
                .problem(node, "an IPv4-mapped network never fits")
                .hint(format_args!("write `{address}/{length}`"));
            return None;
        }
        if network.trunc() != network {
            let address = IpNet::from(network.addr());
            let message = format!("`{network}` has bits beyond its prefix");
            reader
                .problem(node, message)
                .hint(format_args!("write `{}` or `{address}`", network.trunc()));
            return None;
        }
        Some(network)
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "pattern": "^[0-9A-Fa-f.:]+/[0-9]{1,3}$" })
    }
}

impl Read for HttpUrl {
    fn read(node: NodeId, reader: &mut Reader<'_>) -> Option<Self> {
        let expected = "a URL such as `https://api.example.com`";
        let text = reader.text(node, expected)?;
        let url = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https"));
        let Some(url) = url.filter(|url| url.host().is_some()) else {
            let hint = (!text.contains("://") && text.contains('.'))
                .then(|| format!("write `https://{}`", shown(text)));
            reader.unexpected(node, expected).hint = hint;
            return None;
        };
        let wrong = if !url.username().is_empty() || url.password().is_some() {
            "a URL must not hold a user name or password"
        } else if url.query().is_some() || url.fragment().is_some() {
            "this URL must not have a query or a fragment"
        } else if matches!(url.host(), Some(Host::Domain(name)) if name.ends_with('.')) {
            "the host must not end with a dot"
        } else if url.port() == Some(0) {
            "port 0 cannot be connected to"
        } else {
            return Some(Self(url));
        };
        reader.problem(node, wrong);
        None
    }

    fn schema(_: &mut Schemas) -> Json {
        json!({ "type": "string", "pattern": "^https?://" })
    }
}

impl HttpUrl {
    /// Whether it is `http` to anything but a loopback address: readable on the way.
    pub(crate) fn is_exposed(&self) -> bool {
        self.0.scheme() != "https" && !self.is_loopback()
    }

    /// Whether the host is a loopback address. A name, `localhost` too, is what DNS makes of it.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical().is_loopback(),
            Some(Host::Domain(_)) | None => false,
        }
    }

    /// What to write instead of an exposed URL.
    pub(crate) fn less_exposed(&self) -> String {
        match self.0.host_str() {
            Some("localhost") => {
                "localhost is whatever DNS makes of it: write 127.0.0.1".to_owned()
            }
            host => format!("write `https://{}`", shown(host.unwrap_or("…"))),
        }
    }

    /// Whether it is scheme, host and port only.
    pub(crate) fn is_bare(&self) -> bool {
        matches!(self.0.path(), "" | "/")
    }
}
