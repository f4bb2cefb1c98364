//! A request's head as HTTP/2 writes it (RFC 9113 §8.2.2, §8.3.1): `Host` becomes `:authority`, and
//! what belongs to a connection of HTTP/1.1 stays behind. An interim answer's the other way round.

use bytes::{BufMut, Bytes};
use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Request, Response, Uri, Version, header};

const OF_HTTP_1: [HeaderName; 6] = [
    header::HOST,
    header::CONNECTION,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// `None` where it cannot be written so: a host that is none was refused long before.
pub(super) fn request(parts: &Parts, scheme: &Scheme) -> Option<Request<()>> {
    let host = parts.headers.get(header::HOST)?;
    let path = parts.uri.path_and_query().cloned();
    let mut target = http::uri::Parts::default();
    target.scheme = Some(scheme.clone());
    target.authority = Some(Authority::try_from(host.as_bytes()).ok()?);
    target.path_and_query = Some(path.unwrap_or(PathAndQuery::from_static("/")));
    let mut request = Request::new(());
    *request.method_mut() = parts.method.clone();
    *request.uri_mut() = Uri::from_parts(target).ok()?;
    *request.version_mut() = Version::HTTP_2;
    let headers = request.headers_mut();
    *headers = parts.headers.clone();
    for name in OF_HTTP_1 {
        headers.remove(name);
    }
    if headers
        .remove(header::TE)
        .is_some_and(|te| te == "trailers")
    {
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
    }
    Some(request)
}

/// As it stands on the wire of HTTP/1.1.
pub(super) fn interim(answer: &Response<()>) -> Bytes {
    let mut bytes = b"HTTP/1.1 ".to_vec();
    bytes.put(answer.status().as_str().as_bytes());
    bytes.put(&b" \r\n"[..]);
    for (name, value) in answer.headers() {
        bytes.put(name.as_str().as_bytes());
        bytes.put(&b": "[..]);
        bytes.put(value.as_bytes());
        bytes.put(&b"\r\n"[..]);
    }
    bytes.put(&b"\r\n"[..]);
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(target: &str, fields: &[(&str, &str)]) -> Parts {
        let mut request = Request::builder().method("POST").uri(target);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn what_belongs_to_one_connection_stays_behind() {
        let parts = parts(
            "/a?b=c",
            &[
                ("host", "api.internal:8080"),
                ("connection", "te"),
                ("te", "trailers"),
                ("transfer-encoding", "chunked"),
                ("upgrade", "websocket"),
                ("keep-alive", "5"),
                ("content-length", "3"),
                ("cookie", "a=b"),
                ("cookie", "c=d"),
            ],
        );
        let request = request(&parts, &Scheme::HTTP).unwrap();
        assert_eq!(request.uri(), "http://api.internal:8080/a?b=c");
        let mut left: Vec<_> = request.headers().iter().collect();
        left.sort_by_key(|(name, _)| name.as_str());
        let left: Vec<String> = left
            .into_iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
            .collect();
        assert_eq!(
            left,
            [
                "content-length: 3",
                "cookie: a=b",
                "cookie: c=d",
                "te: trailers"
            ]
        );
    }

    #[test]
    fn a_target_stays_what_it_is_and_no_host_is_no_request() {
        for target in ["*", "/", "/%2e/a;b?%20"] {
            let request = request(&parts(target, &[("host", "[::1]")]), &Scheme::HTTPS).unwrap();
            assert_eq!(request.uri().path_and_query().unwrap(), target);
            assert_eq!(request.uri().authority().unwrap(), "[::1]");
        }
        for fields in [&[][..], &[("host", "a b")]] {
            assert!(request(&parts("/", fields), &Scheme::HTTP).is_none());
        }
        let other = parts("/", &[("host", "a"), ("te", "gzip, trailers")]);
        let request = request(&other, &Scheme::HTTP).unwrap();
        assert!(!request.headers().contains_key("te"));
    }

    #[test]
    fn an_interim_answer_is_written_as_http_1_1_does() {
        let answer = Response::builder().status(103).header("link", "</a>");
        let bytes = interim(&answer.body(()).unwrap());
        assert_eq!(&bytes[..], b"HTTP/1.1 103 \r\nlink: </a>\r\n\r\n");
    }
}
