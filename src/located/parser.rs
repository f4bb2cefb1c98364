//! The parser of the library: how it is asked, and where its marks are in our terms.

use serde_saphyr::granit_parser::{self, Marker, Options, Span};

use super::tree::Place;

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

pub(super) fn marked(marker: &Marker) -> Place {
    let start = marker.byte_offset().unwrap_or(0);
    Place {
        line: marker.line(),
        column: marker.col() + 1,
        start,
        end: start,
    }
}
