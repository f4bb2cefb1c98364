//! From text to tree: how the parser is asked, where its marks are in our terms, and what its
//! complaints mean.

use serde_saphyr::granit_parser::{self, Marker, Parser, ScanError, Span};

use super::builder::{Builder, MAX_DEPTH};
use super::masking::Masking;
use super::tree::{Found, Place, Tree, Unreadable};

impl<'t> Tree<'t> {
    /// Parses a text; the second value is what is wrong with its form but can be read past.
    ///
    /// # Errors
    /// When nothing can be read past the place.
    pub(crate) fn parse(
        text: &'t str,
        masking: &'static Masking,
    ) -> Result<(Self, Vec<Found>), Unreadable> {
        let mut builder = Builder::new(masking);
        let options = granit_parser::options! {
            disallow_directives: true,
            emit_unresolved_aliases: true,
            emit_comments: false,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        for next in Parser::new_from_str_with_options(text, options) {
            let (event, span) = next.map_err(|error| Unreadable(explained(&error)))?;
            builder.take(event, place(&span))?;
        }
        Ok(builder.into_tree())
    }
}

fn place(span: &Span) -> Place {
    let end = span.end.byte_offset().unwrap_or(0);
    Place {
        end,
        ..marked(&span.start)
    }
}

fn marked(marker: &Marker) -> Place {
    let start = marker.byte_offset().unwrap_or(0);
    Place {
        line: marker.line(),
        column: marker.col() + 1,
        start,
        end: start,
    }
}

/// The parser's complaint in our words where the cause is a common one.
fn explained(error: &ScanError) -> Found {
    use granit_parser::ErrorKind as Cause;
    let cause = error.kind();
    let (message, hint) = match cause {
        Cause::TabNotAllowed
        | Cause::TabInBlockIndentation
        | Cause::TabInIndentation
        | Cause::TabInPlainScalar
        | Cause::TabAtBlockScalarStart => ("a tab cannot indent YAML", "use spaces"),
        Cause::UnclosedQuotedScalar => ("a quotation mark is opened here and never closed", ""),
        Cause::UnclosedFlowCollection { open } => {
            (&*format!("`{open}` is opened here and never closed"), "")
        }
        Cause::RecursionLimitExceeded => ("the file nests deeper than 32 levels", ""),
        Cause::DirectiveDisallowed => ("directives have no meaning here", "leave the line out"),
        Cause::MappingValueNotAllowed | Cause::SimpleKeyExpected => (
            &*format!("this is not YAML: {cause}"),
            "check the indentation, and quote text that holds `: `",
        ),
        other => (&*format!("this is not YAML: {other}"), ""),
    };
    let mut found = Found::new(None, marked(error.marker()), message);
    found.hint = Some(hint.to_owned()).filter(|hint| !hint.is_empty());
    found
}
