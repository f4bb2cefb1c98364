//! A source file as the rules of the house see it: code without comments and literals, and which
//! part of it is product and which is test.

use std::collections::BTreeSet;
use std::path::Path;

/// One file of `src`.
pub(super) struct Source {
    /// From `src/` on, with `/`.
    pub(super) path: String,
    pub(super) text: String,
    /// The text with comments and literals blanked, byte for byte.
    pub(super) code: String,
    /// The code with what is compiled for tests only blanked as well.
    pub(super) product: String,
    /// By its name, or because a `#[cfg(test)]` leads to it.
    pub(super) is_test: bool,
    /// Files that a `#[cfg(test)] mod name;` here stands for, from `src/` on.
    tests: Vec<String>,
}

impl Source {
    pub(super) fn new(path: &str, text: &str) -> Self {
        let code = blanked(text);
        let (product, modules) = without_tests(&code);
        let tests = modules
            .into_iter()
            .flat_map(|module| files_of(path, text, &code, module))
            .collect();
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            product,
            is_test: path.ends_with("_tests.rs"),
            tests,
        }
    }

    /// The first folder, or the file's own name.
    pub(super) fn room(&self) -> &str {
        let first = self.path.split('/').next().unwrap_or(&self.path);
        let name = first.trim_end_matches(".rs");
        name.strip_suffix("_tests").unwrap_or(name)
    }

    /// Whether the code names a package, also by one of its sub-packages.
    pub(super) fn has_word(&self, word: &str) -> bool {
        words(&self.code).any(|(_, found)| found == word || found.starts_with(&format!("{word}_")))
    }

    pub(super) fn product_has(&self, path: &str) -> bool {
        let first = path.split("::").next().unwrap_or(path);
        words(&self.product).any(|(at, word)| word == first && self.product[at..].starts_with(path))
    }

    pub(super) fn type_names(&self) -> Vec<&str> {
        let words: Vec<_> = words(&self.code).map(|(_, word)| word).collect();
        let pairs = words.windows(2);
        pairs
            .filter(|pair| ["struct", "enum", "trait", "type"].contains(&pair[0]))
            .map(|pair| pair[1])
            .collect()
    }

    /// The items of the product at the top of the file, each from its first word.
    pub(super) fn items(&self) -> Vec<String> {
        let mut items = Vec::new();
        let mut rest = self.product.trim_start();
        while !rest.is_empty() {
            let end = item_end(rest);
            let item = rest[..end].split_whitespace().collect::<Vec<_>>().join(" ");
            rest = rest[end..].trim_start();
            let mut item = item.as_str();
            while let Some(attribute) = item.strip_prefix('#') {
                let end = attribute.find(']').map_or(attribute.len(), |end| end + 1);
                item = attribute[end..].trim_start();
            }
            if let Some(visible) = item.strip_prefix("pub") {
                let visible = visible.trim_start();
                item = match visible.strip_prefix('(') {
                    Some(to) => to.split_once(')').map_or("", |(_, rest)| rest).trim_start(),
                    None => visible,
                };
            }
            // A module with a body is furniture, whatever it is called.
            items.push(match item.starts_with("mod ") && item.contains('{') {
                true => format!("inline {item}"),
                false => item.to_owned(),
            });
        }
        items.retain(|item| !item.is_empty());
        items
    }
}

/// All files of the folder, in order; those that only tests compile are marked.
pub(super) fn sources(src: &Path) -> Vec<Source> {
    let mut files = Vec::new();
    let mut folders = vec![src.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(src).unwrap().to_str().unwrap();
                let text = std::fs::read_to_string(&path).unwrap();
                files.push(Source::new(&name.replace('\\', "/"), &text));
            }
        }
    }
    files.sort_by(|one, other| one.path.cmp(&other.path));
    let tests: BTreeSet<_> = files.iter().flat_map(|file| file.tests.clone()).collect();
    for file in &mut files {
        file.is_test |= tests.contains(&file.path);
        if file.is_test {
            file.product.clear();
        }
    }
    files
}

/// The rooms that the code of a file imports from, in whatever form; `*` for all of them at once.
pub(super) fn imports(path: &str, code: &str) -> BTreeSet<String> {
    let depth = path.trim_end_matches("/mod.rs").split('/').count();
    let mut rooms = BTreeSet::new();
    let mut supers = 0;
    for (at, word) in words(code) {
        let after = code[at + word.len()..].trim_start();
        let Some(path) = after.strip_prefix("::").map(str::trim_start) else {
            if word == "crate"
                && words(after)
                    .next()
                    .is_some_and(|(at, next)| at == 0 && next == "as")
            {
                rooms.insert("*".to_owned());
            }
            supers = 0;
            continue;
        };
        match word {
            "crate" | "bearergate" => rooms.extend(heads(path)),
            "super" => {
                supers += 1;
                // As many as the file is deep lead to the root, where only rooms are.
                if supers >= depth {
                    let known = |head: &String| super::floor(head).is_some();
                    rooms.extend(heads(path).into_iter().filter(known));
                }
                continue;
            }
            _ => {}
        }
        supers = 0;
    }
    rooms
}

/// The first words of a use tree: `a::b`, `{a::b, c::{d, e}}`, `*`.
fn heads(tree: &str) -> Vec<String> {
    let Some(group) = tree.strip_prefix('{') else {
        return match tree.starts_with('*') {
            true => vec!["*".to_owned()],
            false => words(tree)
                .next()
                .map(|(_, word)| word.to_owned())
                .into_iter()
                .collect(),
        };
    };
    let mut heads_found = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                let member = group[start..at].trim();
                if !member.is_empty() {
                    heads_found.extend(heads(member));
                }
                start = at + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    heads_found
}

fn words(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + code[at..].find(is_word)?;
        let end = code[start..]
            .find(|letter| !is_word(letter))
            .map_or(code.len(), |end| start + end);
        at = end;
        Some((start, &code[start..end]))
    })
}

/// Where the first item ends: behind its `;`, or behind the brace that closes its body.
fn item_end(code: &str) -> usize {
    let (mut depth, mut is_use) = (0_usize, false);
    for (at, letter) in code.char_indices() {
        match letter {
            '{' | '(' | '[' => {
                // The braces of a `use` close a group; its `;` is still to come.
                is_use |= letter == '{' && depth == 0 && code[..at].trim_end().ends_with("::");
                depth += 1;
            }
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if letter == '}' && depth == 0 && !is_use {
                    return at + 1;
                }
            }
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

/// The code without what `#[cfg(test)]` precedes, and the ranges of the `mod name;` among that.
fn without_tests(code: &str) -> (String, Vec<std::ops::Range<usize>>) {
    const MARK: &str = "#[cfg(test)]";
    let (mut product, mut modules) = (code.to_owned(), Vec::new());
    let mut from = 0;
    while let Some(found) = code[from..].find(MARK) {
        let start = from + found;
        let end = start + MARK.len() + item_end(&code[start + MARK.len()..]);
        let blank: String = code[start..end]
            .chars()
            .map(|letter| if letter == '\n' { '\n' } else { ' ' })
            .collect();
        product.replace_range(start..end, &blank);
        if code[start..end].ends_with(';')
            && words(&code[start..end]).any(|(_, word)| word == "mod")
        {
            modules.push(start..end);
        }
        from = end;
    }
    (product, modules)
}

/// Where a `mod name;` in this file has its text.
fn files_of(path: &str, text: &str, code: &str, module: std::ops::Range<usize>) -> Vec<String> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let within = |folder: &str, name: &str| match folder {
        "" => name.to_owned(),
        folder => format!("{folder}/{name}"),
    };
    if let Some((_, named)) = text[module.clone()].split_once("path = \"") {
        return vec![within(folder, named.split('"').next().unwrap_or(named))];
    }
    let words: Vec<_> = words(&code[module]).map(|(_, word)| word).collect();
    let name = words.last().copied().unwrap_or_default();
    let folder = match file {
        "mod.rs" | "lib.rs" | "main.rs" => folder.to_owned(),
        file => within(folder, file.trim_end_matches(".rs")),
    };
    vec![
        within(&folder, &format!("{name}.rs")),
        within(&folder, &format!("{name}/mod.rs")),
    ]
}

/// The text with comments and the insides of literals blanked; the same length, the same lines.
fn blanked(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let before = text[..at].chars().next_back();
        let starts_word = !before.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = starts_word.then(|| raw_string(rest)).flatten() {
            length
        } else if rest.starts_with('"') {
            quoted(rest, '"')
        } else if rest.starts_with('\'') && is_character(rest) {
            quoted(rest, '\'')
        } else {
            let letter = rest.chars().next().unwrap_or(' ');
            code.push(letter);
            at += letter.len_utf8();
            continue;
        };
        for letter in rest[..length].chars() {
            match letter {
                '\n' => code.push('\n'),
                letter => code.extend(std::iter::repeat_n(' ', letter.len_utf8())),
            }
        }
        at += length;
    }
    code
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`, `br"…"`: up to the quote with as many hashes.
fn raw_string(rest: &str) -> Option<usize> {
    let after = ["br", "cr", "r"]
        .iter()
        .find_map(|mark| rest.strip_prefix(mark))?;
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inner = after[hashes..].strip_prefix('"')?;
    let end = format!("\"{}", "#".repeat(hashes));
    let length = inner
        .find(&end)
        .map_or(inner.len(), |found| found + end.len());
    Some(rest.len() - inner.len() + length)
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, letter) in rest.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            letter if letter == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Whether a quote begins a character and not a lifetime.
fn is_character(rest: &str) -> bool {
    let mut letters = rest.chars().skip(1);
    match letters.next() {
        Some('\\') => true,
        Some(_) => letters.next() == Some('\''),
        None => false,
    }
}
