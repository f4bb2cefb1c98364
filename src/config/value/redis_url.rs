//! Where a Redis is: scheme, host, port and the number of a database.

use std::net::IpAddr;

use url::{Host, Url};

use crate::located::{Scalar, Wrong, shown};

/// The most that a configuration of Redis could have; by default there are 16.
const MOST_DATABASES: u16 = 10_000;

/// A URL whose path is left out, and the database that it named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::config) struct RedisUrl {
    pub(in crate::config) url: Url,
    pub(in crate::config) database: u16,
}

impl Scalar for RedisUrl {
    const EXPECTED: &str = "a URL such as `rediss://redis.internal:6379/0`";
    const PATTERN: &str = "^rediss?://";

    fn parse(text: &str) -> Result<Self, Wrong> {
        let schemes = ["redis", "rediss"];
        let url = Url::parse(text).ok();
        let url = url.filter(|url| schemes.contains(&url.scheme()) && url.has_host());
        let Some(mut url) = url else {
            let is_place = !text.contains("://") && Url::parse(&format!("redis://{text}")).is_ok();
            let meant = is_place.then(|| format!("write `rediss://{}`", shown(text)));
            return Err(Wrong::but(meant));
        };
        let path = url.path().trim_start_matches('/').to_owned();
        let database = match &*path {
            "" => Some(0),
            number => number.parse().ok().filter(|it| *it < MOST_DATABASES),
        };
        let why = if !url.username().is_empty() || url.password().is_some() {
            "a URL must not hold a user name or password"
        } else if url.query().is_some() || url.fragment().is_some() {
            "this URL must not have a query or a fragment"
        } else if url.port() == Some(0) {
            "port 0 cannot be connected to"
        } else if let Some(database) = database {
            url.set_path("");
            return Ok(Self { url, database });
        } else {
            "the path of this URL is the number of a database, such as `/0`"
        };
        Err(Wrong::because(why))
    }
}

impl RedisUrl {
    /// Whether what goes there can be read on the way. A name, `localhost` too, is what DNS makes of it.
    pub(in crate::config) fn is_exposed(&self) -> bool {
        let is_loopback = match self.url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => IpAddr::V6(address).to_canonical().is_loopback(),
            // What is no scheme of the web has names that nobody has parsed.
            Some(Host::Domain(name)) => name
                .parse::<IpAddr>()
                .is_ok_and(|address| address.is_loopback()),
            None => false,
        };
        self.url.scheme() == "redis" && !is_loopback
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scheme_host_port_and_database_and_nothing_else() {
        for (text, url, database, is_exposed) in [
            ("redis://127.0.0.1", "redis://127.0.0.1", 0, false),
            ("redis://[::1]:6380/3", "redis://[::1]:6380", 3, false),
            ("redis://redis:6379/", "redis://redis:6379", 0, true),
            ("redis://localhost", "redis://localhost", 0, true),
            (
                "rediss://redis.internal/15",
                "rediss://redis.internal",
                15,
                false,
            ),
        ] {
            let Ok(parsed) = RedisUrl::parse(text) else {
                panic!("{text}");
            };
            assert_eq!(parsed.url.as_str(), url);
            assert_eq!(parsed.database, database);
            assert_eq!(parsed.is_exposed(), is_exposed, "{text}");
        }
        for wrong in [
            "",
            "redis.internal:6379",
            "http://redis.internal",
            "redis://",
            "redis:///0",
            "redis://user@redis.internal",
            "redis://:word@redis.internal",
            "redis://redis.internal/a",
            "redis://redis.internal/-1",
            "redis://redis.internal/10000",
            "redis://redis.internal/0/1",
            "redis://redis.internal/0?x=1",
            "redis://redis.internal:0",
        ] {
            assert!(RedisUrl::parse(wrong).is_err(), "{wrong}");
        }
    }
}
