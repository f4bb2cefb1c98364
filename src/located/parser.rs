//! The parser of the library: how it is asked, where its marks are in our terms, and what its
//! complaints mean.

use serde_saphyr::granit_parser::{self, Marker, Options, ScanError, Span};

use super::tree::{Found, Place};

/// Of lists and mappings in each of their two forms.
const MAX_DEPTH: usize = 32;

pub(super) fn options() -> Options {
    granit_parser::options! {
        disallow_directives: true,
        emit_unresolved_aliases: true,
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    }
}

pub(super) fn place(span: &Span) -> Place {
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
pub(super) fn explained(error: &ScanError) -> Found {
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
