//! Which challenges stand in a `WWW-Authenticate` field (RFC 9110 §11.6.1)? Read from whatever a server
//! sends: what is no challenge is passed over, and of many only the first are kept.

/// Challenges of one field, and parameters of one challenge, that are kept.
const MOST: usize = 16;
/// Bytes of a field that are read.
const LONG: usize = 16 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    scheme: String,
    params: Vec<(String, String)>,
}

impl Challenge {
    /// Whether it is of this scheme, given in lower case.
    pub fn is(&self, scheme: &str) -> bool {
        self.scheme.eq_ignore_ascii_case(scheme)
    }

    /// The first parameter of this name, given in lower case.
    pub fn param(&self, name: &str) -> Option<&str> {
        let mut params = self.params.iter();
        let found = params.find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// All that a field holds.
pub fn challenges(field: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    if field.len() > LONG {
        return found;
    }
    let mut pieces = Pieces {
        rest: field,
        begins: true,
    };
    while let Some(piece) = pieces.next() {
        match piece {
            Piece::Scheme(_) if found.len() == MOST => break,
            Piece::Scheme(scheme) => found.push(Challenge {
                scheme: scheme.to_owned(),
                params: Vec::new(),
            }),
            Piece::Param(name, value) => {
                let last = found.last_mut().filter(|it| it.params.len() < MOST);
                if let Some(challenge) = last {
                    challenge.params.push((name.to_owned(), value));
                }
            }
        }
    }
    found
}

struct Pieces<'a> {
    rest: &'a str,
    /// A comma has come, or nothing yet: a scheme may begin.
    begins: bool,
}

enum Piece<'a> {
    Scheme(&'a str),
    Param(&'a str, String),
}

impl<'a> Pieces<'a> {
    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            let piece = self.rest.trim_start_matches([' ', '\t', ',']);
            self.begins |= self.rest[..self.rest.len() - piece.len()].contains(',');
            self.rest = piece;
            if piece.is_empty() {
                return None;
            }
            let end = piece.find(|sign| !is_token(sign)).unwrap_or(piece.len());
            let (word, rest) = piece.split_at(end);
            if let Some(value) = rest.trim_start_matches([' ', '\t']).strip_prefix('=')
                && !word.is_empty()
            {
                self.begins = false;
                let value = self.value(value.trim_start_matches([' ', '\t']));
                return Some(Piece::Param(word, value));
            }
            if !word.is_empty() && std::mem::take(&mut self.begins) {
                self.rest = rest;
                return Some(Piece::Scheme(word));
            }
            // A token68, or nonsense: what is behind the next comma may be in order.
            self.rest = rest.split_once(',').map_or("", |(_, rest)| rest);
            self.begins = true;
        }
    }

    /// Takes a token or a quoted string off the front.
    fn value(&mut self, text: &'a str) -> String {
        let Some(quoted) = text.strip_prefix('"') else {
            let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
            let (value, rest) = text.split_at(end);
            self.rest = rest;
            return value.to_owned();
        };
        let (mut value, mut is_escaped) = (String::new(), false);
        for (place, sign) in quoted.char_indices() {
            match sign {
                '"' if !is_escaped => {
                    self.rest = &quoted[place + 1..];
                    return value;
                }
                '\\' if !is_escaped => is_escaped = true,
                sign => {
                    value.push(sign);
                    is_escaped = false;
                }
            }
        }
        self.rest = "";
        value
    }
}

/// RFC 9110 §5.6.2.
fn is_token(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_told_apart_and_quotes_undone() {
        let field =
            r#"Negotiate YII/x==, Bearer realm="a, \"b\"", error=x ,claims = "Zg==",, Basic"#;
        let found = challenges(field);
        let [negotiate, bearer, basic] = &found[..] else {
            panic!("{found:?}")
        };
        assert!(negotiate.is("negotiate") && basic.is("basic") && bearer.is("bearer"));
        assert_eq!(bearer.param("realm"), Some("a, \"b\""));
        assert_eq!(
            (bearer.param("error"), bearer.param("claims")),
            (Some("x"), Some("Zg=="))
        );
        assert_eq!(
            (basic.param("realm"), negotiate.param("realm")),
            (None, None)
        );
    }

    #[test]
    fn nonsense_ends_and_what_is_in_order_behind_it_is_read() {
        for field in [
            "",
            ",",
            "=",
            "\"",
            "\u{e4}",
            "a=b",
            "Bearer error=\"open",
            "= x, Bearer a=b",
        ] {
            let found = challenges(field);
            assert!(found.len() <= 1, "{field}: {found:?}");
        }
        assert_eq!(challenges("(), Bearer a=b")[0].param("a"), Some("b"));
        assert_eq!(
            challenges("Bearer error=\"open")[0].param("error"),
            Some("open")
        );
        assert!(
            challenges(&"Bearer a=b, ".repeat(2000)).is_empty(),
            "too long"
        );
        assert_eq!(challenges(&"Bearer a=b, ".repeat(100)).len(), MOST);
    }
}
