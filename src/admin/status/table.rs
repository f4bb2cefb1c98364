//! How is a table drawn? On a phone each row is a list of its own, so every cell knows its column's name.

use super::markup::Html;
use super::report::Report;
use crate::clock::UnixTime;

/// What stands in it of one thing.
pub(super) struct Column<T> {
    name: &'static str,
    is_number: bool,
    write: fn(&mut Html, &T, UnixTime),
}

pub(super) const fn text<T>(name: &'static str, write: fn(&mut Html, &T, UnixTime)) -> Column<T> {
    Column {
        name,
        is_number: false,
        write,
    }
}

pub(super) const fn number<T>(name: &'static str, write: fn(&mut Html, &T, UnixTime)) -> Column<T> {
    Column {
        name,
        is_number: true,
        write,
    }
}

/// One that the page may have.
pub(super) struct Table<T: 'static> {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    /// What it is of, in a few words behind the title; may be empty.
    pub(super) of: &'static str,
    pub(super) columns: &'static [Column<T>],
}

impl<T> Table<T> {
    /// Draws it, where there is something in it. `left_out`: how many more there are.
    pub(super) fn draw(&self, html: &mut Html, report: &Report, rows: &[T], left_out: usize) {
        let Self {
            id,
            title,
            of,
            columns,
        } = *self;
        if rows.is_empty() {
            return;
        }
        html.markup("<section aria-labelledby=\"")
            .markup(id)
            .markup("\">\n<h2 id=\"")
            .markup(id);
        html.markup("\">")
            .markup(title)
            .markup(" <small>")
            .markup(of)
            .markup("</small></h2>\n");
        html.markup("<table role=\"table\" aria-labelledby=\"")
            .markup(id);
        html.markup("\">\n<thead role=\"rowgroup\"><tr role=\"row\">");
        for column in columns {
            html.markup("<th role=\"columnheader\" scope=\"col\"");
            html.markup(if column.is_number {
                " class=\"number\">"
            } else {
                ">"
            });
            html.markup(column.name).markup("</th>");
        }
        html.markup("</tr></thead>\n<tbody role=\"rowgroup\">\n");
        for row in rows {
            html.markup("<tr role=\"row\">");
            for column in columns {
                html.markup("<td role=\"cell\" data-label=\"")
                    .markup(column.name)
                    .markup("\"");
                html.markup(if column.is_number {
                    " class=\"number\">"
                } else {
                    ">"
                });
                (column.write)(html, row, report.now.0);
                html.markup("</td>");
            }
            html.markup("</tr>\n");
        }
        html.markup("</tbody>\n</table>\n");
        if left_out > 0 {
            html.markup("<p class=\"quiet\">and ")
                .text(left_out)
                .markup(" more</p>\n");
        }
        html.markup("</section>\n");
    }
}
