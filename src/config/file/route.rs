//! A route and its parts.

use std::time::Duration;

use ipnet::IpNet;

use super::balance::{Health, Retries, UpstreamLimits};
use super::choice::{CallerHeaders, Callers, Proxy, Sha256, Token};
use super::cors::Cors;
use super::limit::{Limit, RouteLimits};
use crate::config::secret_ref::SecretRef;
use crate::config::value::{Caller, KeptHeader, ParameterName, Preserve, Verb};
use crate::edge::TlsVersion;
use crate::guid::Guid;
use crate::located::{At, FilePath, Filled, HttpUrl, May, Must, Name, Named, Or, Text, object};
use crate::outbound::{Applications, Balance, UpstreamProtocol};
use crate::policy::{AllowedOption, PrincipalRule, ValuePattern};
use crate::routing::{HostPattern, Template};

object! {
    /// A route: who may come in, where it goes, and whose token it carries.
    Route "a route" {
        /// Its name in logs and metrics; no two the same.
        id: Must<Name>,
        /// The listener it is reached by.
        listener: Must<Name>,
        /// Which requests it takes.
        r#match: Must<Match>,
        /// Who may come in: alternatives in order, or the word `public`.
        callers: Must<Callers>,
        /// Where it goes.
        upstream: Must<Upstream>,
        /// Whose token it carries.
        token: May<Token> = "nothing is sent",
        /// What the upstream is told of the caller: header names, each with a claim.
        caller_headers: May<CallerHeaders> = "none",
        /// Headers that go on from outside although they would be removed: what others trust, and on routes that carry the gateway's token what is on no list. `Set-Cookie` keeps it in answers.
        keep_headers: Or<Vec<At<KeptHeader>>> = "[]",
        /// Bounds in time of the route's requests.
        timeouts: Or<RouteTimeouts> = "{}",
        /// Bounds of the route's requests in number and size.
        limits: Or<RouteLimits> = "{}",
        /// Which web pages may call it. Left out, they may not by CORS, but what an upstream says of that is passed on.
        cors: May<Cors> = "none",
        /// Whether what lasts longer than the caller's bearer token ends with it: a WebSocket, with a closing frame (1008), and an answer that streams.
        end_with_token: Or<bool> = "false",
        /// Whether a path with a segment `$batch` may pass with the gateway's token.
        allow_batch: Or<bool> = "false",
        /// Whether `X-HTTP-Method`, `X-HTTP-Method-Override` or `X-Method-Override` of a POST is the method: the one that is matched, judged and forwarded. Otherwise such a request is refused.
        method_override: Or<bool> = "false",
        /// Which options of the query may pass beside those that always may.
        query: Or<Query> = "{}",
    }
}

object! {
    /// Options of the query.
    Query "a mapping such as `{ allow: [$expand=attachments] }`" {
        /// Options that may pass where the gateway's token travels, or `where` holds: `$expand` with every value, or `$expand=attachments*` with those that fit, where `*` is any characters but `,` and `/`. The `$` may be missing, in both.
        allow: Or<Vec<At<AllowedOption>>> = "[]",
    }
}

object! {
    /// Bounds in time of a route's requests.
    RouteTimeouts "a mapping of timeouts" {
        /// From the request's head to the answer's last byte, else 504, or an answer that breaks off.
        request: May<Duration> = "none" in "1ms" to "1d",
    }
}

object! {
    /// Which requests a route takes.
    Match "a match such as `{ path: /orders/** }`" {
        /// Segments are literal, `{name}` for exactly one, or `**`, at the end, for any rest. Of all patterns that fit, the most literal wins.
        path: Must<Template>,
        /// `api.example.com`, or `*.example.com` for what is below it; without port.
        host: May<HostPattern> = "any",
        /// Whether the path is matched as upstreams read it that ignore case: with trailing slashes, dots and spaces, `()`, `microsoft.graph.` and keys as `users('a')` as well. Always so for Microsoft Graph's hosts. What came is what is forwarded.
        ignore_case: Or<bool> = "false",
        /// Whether `%2F` may stand in a segment: for upstreams that take it for a part of the name, as `/projects/{id}` of `group%2Fproject`.
        encoded_slashes: Or<bool> = "false",
        /// Whether two slashes may follow each other where `**` stands, for upstreams to whom an empty segment is one.
        empty_segments: Or<bool> = "false",
        /// Parameters behind a segment, `/orders;version=2/7`, that may pass, by name. They take no part in matching, and are forwarded. Not beside `where`.
        path_parameters: Or<Vec<At<ParameterName>>> = "[]",
        /// `[GET, POST]`. Where the path fits and the method does not, the answer is 405.
        methods: May<Filled<Verb>> = "all but CONNECT and TRACE",
    }
}

object! {
    /// One way to be let in: every condition must hold.
    Entry "an entry such as `bearer: { … }`" {
        /// A token of an issuer. An entry takes `bearer` or `api_key`, not both.
        bearer: May<Bearer> = "none",
        /// A key, in `X-Api-Key` or as the password of Basic.
        api_key: May<ApiKey> = "none",
        /// The client's address is in one of these networks. Behind a proxy of `trusted_proxies` the client is the rightmost hop of `X-Forwarded-For` that is not one of them.
        network: May<Filled<IpNet>> = "none",
        /// Lets `network` hold for a proxy of `trusted_proxies` that sends no `X-Forwarded-For`: its own address counts then. Otherwise nobody knows who the client is, and `network` fails.
        proxies: Or<bool> = "false",
        /// Parameters of the path, each with the patterns it may fit. `*` is one or more characters other than `@`, `/`, `?`, `#` and `;`; a pattern with `@` ignores case. Without `*` it may name any value; but with `/`, or with `%` once decoded, none fits.
        r#where: May<Named<Filled<ValuePattern>>> = "none",
        /// Says that a `network` with nothing beside it in its entry, but with other entries beside it, is meant. Many who write it mean *and*.
        alone: Or<bool> = "false",
        /// For each whom this entry lets in, instead of the route's `limits.per_caller`.
        limits: May<Limit> = "the route's `limits.per_caller`",
    }
    later ["client_certificate", "basic"]
}

object! {
    /// Conditions on a bearer token.
    Bearer "conditions such as `{ issuer: …, roles: […] }`" {
        /// Who must have signed the token.
        issuer: Must<Name>,
        /// Whom it must be for: any of. A GUID stands for itself, and in v1 tokens for `api://<guid>` too. Required here or on the issuer.
        audiences: May<Filled<Text>> = "the issuer's",
        /// The calling application, any of these GUIDs; `appid` in v1 tokens.
        azp: May<Filled<Guid>> = "none",
        /// App roles: any of.
        roles: May<Filled<Text>> = "none",
        /// App roles: all of.
        all_roles: May<Filled<Text>> = "none",
        /// Delegated scopes: any of.
        scp: May<Filled<Text>> = "none",
        /// Object ids, any of these GUIDs.
        oid: May<Filled<Guid>> = "none",
        /// Whether an application (`app`), a user (`user`) or either (`any`) may come.
        principal: May<PrincipalRule> = "`user` with `scp`, `any` with `any_valid_token`, else `app`",
        /// Says that no condition is meant: any application of the tenant can get such a token.
        any_valid_token: Or<bool> = "false",
    }
    later ["all_scp", "groups", "claims"]
}

object! {
    /// A key, given by its place or by its hash.
    ApiKey "a key such as `{ id: payroll, key: { file: … } }`" {
        /// The key's public name, in the log and in `caller_headers`; the user name where it comes as Basic. The same key in the whole file.
        id: Must<Name>,
        /// Where the key is: `{ file: … }` or `{ env: … }`; at least 32 characters.
        key: May<SecretRef> = "by `sha256`",
        /// Its SHA-256 instead: 64 hexadecimal digits (`printf %s "$KEY" | sha256sum`).
        sha256: May<Sha256> = "by `key`",
    }
}

object! {
    /// Where a route goes.
    Upstream "an upstream such as `{ url: https://api.example.com }`" {
        /// Scheme, host and port. A path goes before the forwarded one. No query, no password.
        url: May<HttpUrl> = "`urls`",
        /// Several places that serve the same, in place of `url`. They differ in host and port alone. A request whose place cannot be connected to goes to another.
        urls: May<Filled<HttpUrl>> = "`url`",
        /// How requests are shared out among `urls`: `round_robin`, in turns, or `least_requests`, to whichever has the fewest now.
        balance: Or<Balance> = "round_robin",
        /// When one of `urls` takes no requests. Where none takes any, all do.
        health: Or<Health> = "{}",
        /// Whether requests that failed are repeated, at another of `urls` where there is one. Only those whose method may be repeated (not POST, PATCH and CONNECT) and whose body is no longer than 64 KiB; not those that timed out.
        retries: May<Retries> = "not repeated",
        /// Bounds in number.
        limits: Or<UpstreamLimits> = "{}",
        /// The path of a Unix socket, where it is reached by one; its url, http and such as `http://localhost`, then says the `Host` alone.
        socket: May<FilePath> = "none",
        /// Which HTTP it is spoken to by: `h1`; `h2` over TLS; `h2c`, HTTP/2 without TLS; `auto`, the newer one that it agrees to. gRPC needs HTTP/2. Requests share a connection of HTTP/2, and WebSockets need HTTP/1.1.
        protocol: Or<UpstreamProtocol> = "h1",
        /// Leading literal segments of `match.path` that are not forwarded: with `/graph`, `/graph/v1.0/me` goes on as `/v1.0/me`.
        strip_prefix: May<Text> = "none",
        /// `preserve` sends the caller's `Host` on.
        host: May<Preserve> = "the url's",
        /// `preserve` sends header names in the spelling in which they came, both ways; for programs that tell `SOAPAction` from `Soapaction`.
        header_case: May<Preserve> = "`Like-This`",
        /// Whether a `Location` of its answers that names the upstream's own address leads back here: `https://orders.internal/a` becomes `/orders/a`.
        rewrite_location: Or<bool> = "false",
        /// The proxy that it must be reached through, by CONNECT: its URL (http), or `{ url, user, password }`. For https; the proxy resolves the name.
        proxy: May<Proxy> = "none",
        /// PEM certificates to trust instead of the system's.
        ca_file: May<FilePath> = "the system's",
        /// What an https upstream is shown that asks for a certificate.
        client_certificate: May<UpstreamCertificate> = "none",
        /// The oldest version of TLS that is spoken with it: `1.2` or `1.3`. Where it agrees to an older one, the connection ends before a request is sent.
        minimum_tls: Or<TlsVersion> = "1.2",
        /// Bounds in time.
        timeouts: Or<UpstreamTimeouts> = "{}",
    }
}

object! {
    /// A certificate with its key, for an upstream.
    UpstreamCertificate "a certificate such as `{ certificate: …, key: … }`" {
        /// A PEM certificate with its chain, or a `.pfx` or `.p12` (PKCS#12); DER and base64 of either do as well.
        certificate: Must<FilePath>,
        /// The path of the PEM key, where it is not in the same file.
        key: May<FilePath> = "in `certificate`",
        /// What opens the key: `{ file: … }` or `{ env: … }`.
        passphrase: May<SecretRef> = "none",
    }
}

object! {
    /// Bounds in time of an upstream.
    UpstreamTimeouts "a mapping of timeouts" {
        /// To connect, TLS included, else 504.
        connect: Or<Duration> = "5s" in "1ms" to "5m",
        /// Until the response's head, and between two reads of it, else 504.
        response: Or<Duration> = "60s" in "1ms" to "1d",
    }
}

object! {
    /// A token of the gateway's own: for itself, or to act for the user who calls.
    OurToken "`forward` or `{ identity: …, scope: … }`" {
        /// Whose token.
        identity: Must<Name>,
        /// What it is for: one scope that ends in `/.default`; of `oauth2` any, or none; with `on_behalf_of` also scopes of one API, such as `https://graph.microsoft.com/Mail.Read`, with spaces between.
        scope: May<Text> = "required; of `oauth2` the identity's own",
        /// `caller`: the token of the user who calls is exchanged for one by which the identity, whose `client_id` that token is for, acts for the user. What was exchanged ends with the user's token.
        on_behalf_of: May<Caller> = "it acts for itself",
        /// Beside `on_behalf_of`, what becomes of applications, whose tokens cannot be exchanged: `refuse`, or `app_only`, a token of the identity's own for the same API.
        app: Or<Applications> = "refuse",
        /// Lets a token go to another host than its scope's, where that is a URL or a resource of Microsoft's that is known (Graph, Exchange, Resource Manager, Key Vault, Storage, Dataverse …).
        allow_host_mismatch: Or<bool> = "false",
    }
}
