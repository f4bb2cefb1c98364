//! A route and its parts.

use std::time::Duration;

use ipnet::IpNet;

use super::choice::{CallerHeaders, Callers, Sha256, Token};
use crate::config::secret_ref::SecretRef;
use crate::config::value::{KeptHeader, Preserve, Verb};
use crate::guid::Guid;
use crate::located::{At, FilePath, Filled, HttpUrl, May, Must, Name, Named, Text, object};
use crate::policy::{PrincipalRule, ValuePattern};
use crate::routing::{HostPattern, Template};

object! {
    /// A route: who may come in, where it goes, and whose token it carries.
    Route "a route" {
        /// Its name in logs and metrics.
        id: Must<Name>,
        /// The listener it is reached by.
        listener: Must<Name>,
        /// Which requests it takes.
        r#match: Must<Match>,
        /// Who may come in: alternatives in order, or the word public.
        callers: Must<Callers>,
        /// Where it goes.
        upstream: Must<Upstream>,
        /// Whose token it carries: left out, nobody's.
        token: May<Token>,
        /// What the upstream is told of the caller: header names, each with a claim.
        caller_headers: May<CallerHeaders>,
        /// Headers that others trust and that may nevertheless come from outside.
        keep_headers: May<Vec<At<KeptHeader>>>,
        /// Whether $batch may pass a route that carries the gateway's token; false by default.
        allow_batch: May<bool>,
    }
}

object! {
    /// Which requests a route takes.
    Match "a match such as `{ path: /orders/** }`" {
        /// Segments are literal, {name} for one, or ** for any rest.
        path: Must<Template>,
        /// A host, or *. and a suffix; any by default.
        host: May<HostPattern>,
        /// The methods; all but CONNECT and TRACE by default.
        methods: May<Filled<Verb>>,
    }
}

object! {
    /// One way to be let in: every condition must hold.
    Entry "an entry such as `bearer: { … }`" {
        /// A token of an issuer.
        bearer: May<Bearer>,
        /// A key, in X-Api-Key or as the password of Basic.
        api_key: May<ApiKey>,
        /// The client's address is in one of these networks.
        network: May<Filled<IpNet>>,
        /// Parameters of the path, each with the patterns it may fit.
        r#where: May<Named<Filled<ValuePattern>>>,
        /// Says that this entry's networks are meant to be enough by themselves.
        alone: May<bool>,
    }
    later ["client_certificate", "basic"]
}

object! {
    /// Conditions on a bearer token.
    Bearer "conditions such as `{ issuer: …, roles: […] }`" {
        /// Who must have signed it.
        issuer: Must<Name>,
        /// Whom it must be for: any of; replaces the issuer's.
        audiences: May<Filled<Text>>,
        /// The calling application: any of; appid in tokens of version 1.
        azp: May<Filled<Guid>>,
        /// App roles: any of.
        roles: May<Filled<Text>>,
        /// App roles: all of.
        all_roles: May<Filled<Text>>,
        /// Delegated scopes: any of.
        scp: May<Filled<Text>>,
        /// Object ids: any of.
        oid: May<Filled<Guid>>,
        /// Whether an application or a user may come; user with scp, any with any_valid_token, else app.
        principal: May<PrincipalRule>,
        /// Says that no condition is meant: any application of the tenant can get such a token.
        any_valid_token: May<bool>,
    }
    later ["all_scp", "groups", "claims"]
}

object! {
    /// A key, given by its place or by its hash.
    ApiKey "a key such as `{ id: payroll, key: { file: … } }`" {
        /// Its public name; the user name where it comes as Basic.
        id: Must<Name>,
        /// Where the key is: 32 characters at least.
        key: May<SecretRef>,
        /// The key's SHA-256, 64 hexadecimal digits.
        sha256: May<Sha256>,
    }
}

object! {
    /// Where a route goes.
    Upstream "an upstream such as `{ url: https://api.example.com }`" {
        /// Scheme, host, port, and a path that goes before the forwarded one.
        url: Must<HttpUrl>,
        /// Leading segments of match.path that are not forwarded.
        strip_prefix: May<Text>,
        /// preserve sends the caller's Host on; by default it is the url's.
        host: May<Preserve>,
        /// PEM certificates to trust instead of the system's.
        ca_file: May<FilePath>,
        /// Bounds in time.
        timeouts: May<UpstreamTimeouts>,
    }
    later ["urls", "client_certificate"]
}

object! {
    /// Bounds in time of an upstream.
    UpstreamTimeouts "a mapping of timeouts" {
        /// To connect, TLS included; 5s by default.
        connect: May<Duration>,
        /// Until the response's head, and between two reads of it; 60s by default.
        response: May<Duration>,
    }
}

object! {
    /// An app-only token of the gateway's own.
    OurToken "`forward` or `{ identity: …, scope: … }`" {
        /// Whose it is.
        identity: Must<Name>,
        /// What it is for, ending in /.default.
        scope: Must<Text>,
        /// Lets a Graph or Exchange token go to a host that is not Graph or Exchange; false by default.
        allow_host_mismatch: May<bool>,
    }
    later ["on_behalf_of"]
}
