//! What came back, read within bounds, or why nothing did. Neither quotes a body or a query.

use std::fmt;

use zeroize::Zeroizing;

pub struct Answer {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub body: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for Answer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Answer")
            .field("status", &self.status)
            .field("body_length", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Why there is no answer. Never quotes a body or a query.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No connection, TLS failure, timeout, broken answer.
    #[error("{0}")]
    Failed(String),
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("only https, or http to a loopback address, may be fetched")]
    Insecure,
    #[error("a platform is asked at a loopback or link-local address only")]
    Elsewhere,
}

impl FetchError {
    pub(super) fn of(error: reqwest::Error) -> Self {
        Self::Failed(chain(&error.without_url()))
    }
}

/// Sends it, and reads an answer of at most `limit` bytes.
pub(super) async fn answer(
    request: reqwest::RequestBuilder,
    limit: usize,
) -> Result<Answer, FetchError> {
    let mut response = request.send().await.map_err(FetchError::of)?;
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(FetchError::TooLarge(limit));
    }
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let mut body = Zeroizing::new(Vec::with_capacity(
        usize::try_from(announced).unwrap_or(limit),
    ));
    while let Some(chunk) = response.chunk().await.map_err(FetchError::of)? {
        if chunk.len() > limit - body.len() {
            return Err(FetchError::TooLarge(limit));
        }
        append(&mut body, &chunk);
    }
    Ok(Answer {
        status,
        headers,
        body,
    })
}

/// Appends without leaving an unwiped copy behind where the buffer must grow.
pub(super) fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let needed = body.len() + chunk.len();
    if needed > body.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(2 * body.capacity())));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(chunk);
}

/// The error and all its causes, outermost first, each said once.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = match error.downcast_ref::<reqwest::Error>().map(|own| own.url()) {
            Some(Some(url)) => error.to_string().replace(&format!(" for url ({url})"), ""),
            _ => error.to_string(),
        };
        next = error.source();
        // The libraries' layers tell an operator nothing where there is a cause below them.
        let layer = text == "error sending request" || text.starts_with("client error (");
        if (next.is_none() || !layer) && !said.iter().any(|earlier| earlier.contains(&text)) {
            said.push(text);
        }
    }
    said.join(": ")
}
