//! HTML in the making. SECURITY: markup is what stands in this program; whatever comes from elsewhere
//! goes in as text, and there is no third way.

use std::fmt::{Display, Write};

/// A page, or a part of it.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of ours.
    pub(super) fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, also within a quoted attribute.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        // Writing to a text cannot fail.
        let _ = write!(Escaped(&mut self.0), "{text}");
        self
    }

    /// Text with `code` in backquotes.
    pub(super) fn prose(&mut self, text: &str) -> &mut Self {
        for (place, part) in text.split('`').enumerate() {
            match place % 2 {
                0 => self.text(part),
                _ => self.markup("<code>").text(part).markup("</code>"),
            };
        }
        self
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0.into_bytes()
    }
}

struct Escaped<'h>(&'h mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for sign in text.chars() {
            match sign {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(sign),
                // Marks that turn the writing direction could make a line read as another.
                sign if sign.is_control() || is_turning(sign) => self.0.push('\u{fffd}'),
                sign => self.0.push(sign),
            }
        }
        Ok(())
    }
}

fn is_turning(sign: char) -> bool {
    matches!(sign, '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
        || matches!(sign, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        let mut html = Html::default();
        html.text(text);
        html.0
    }

    #[test]
    fn what_comes_from_elsewhere_is_text() {
        assert_eq!(
            shown("<script>alert('1')</script>&\"\u{202e}\0"),
            "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;\u{fffd}\u{fffd}"
        );
        let mut html = Html::default();
        html.prose("set `a: <b>` to `c");
        assert_eq!(html.0, "set <code>a: &lt;b&gt;</code> to <code>c</code>");
    }

    proptest! {
        #[test]
        fn no_text_becomes_markup(text in any::<String>()) {
            let shown = shown(&text);
            prop_assert!(!shown.contains(['<', '>', '"', '\'']));
        }
    }
}
