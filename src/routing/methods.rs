//! Which methods does a route take? HEAD follows GET (RFC 9110 §9.3.2).

use http::Method;

/// What `Allow` says for a route that lists no methods: those that clients know.
const ORDINARY: [Method; 7] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
    Method::OPTIONS,
];

/// The methods of a route; `None`: all but CONNECT and TRACE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Methods(pub(super) Option<Vec<Method>>);

impl Methods {
    pub(super) fn take(&self, method: &Method) -> bool {
        match &self.0 {
            // SECURITY: some servers read methods in any case, against RFC 9110 §9.1.
            None => !["CONNECT", "TRACE"]
                .iter()
                .any(|never| method.as_str().eq_ignore_ascii_case(never)),
            Some(listed) => {
                listed.contains(method) || (method == Method::HEAD && listed.contains(&Method::GET))
            }
        }
    }

    pub(super) fn allowed(&self) -> impl Iterator<Item = Method> {
        let listed = self.0.as_deref().unwrap_or(&ORDINARY);
        listed.iter().flat_map(|method| {
            let head = (method == Method::GET).then_some(Method::HEAD);
            std::iter::once(method.clone()).chain(head)
        })
    }

    pub(super) fn overlap(&self, other: &Self) -> Option<Method> {
        self.allowed()
            .find(|method| other.take(method))
            .or_else(|| other.allowed().find(|method| self.take(method)))
    }
}
