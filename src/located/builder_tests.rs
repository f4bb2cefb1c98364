//! Texts that are meant to hurt, and texts that are merely large.

use super::*;

const MASKING: Masking = Masking {
    keys: &[],
    parts: &["secret"],
    endings: &[],
    references: &[],
    openings: &[],
    marks: &[],
};

fn refused(text: &str) -> String {
    match Tree::parse(text, &MASKING) {
        Ok(_) => panic!("accepted"),
        Err(found) => found.message,
    }
}

#[test]
fn bombs_are_refused_before_they_go_off() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    assert!(refused(&bomb).contains("200000"));
    assert!(refused(&"[".repeat(100_000)).contains("32 levels"));
    let blocks: String = (0..100)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    assert!(refused(&blocks).contains("32 levels"));
    assert!(refused(&format!("[{}]", "x,".repeat(MAX_NODES + 1))).contains("2000000"));
}

#[test]
fn a_long_line_is_read_in_one_go() {
    let item =
        r#"{"id": "a", "match": {"path": "/a/**"}, "callers": [{"bearer": {"roles": ["r"]}}]}"#;
    let items = vec![item; 10_000].join(", ");
    let text = format!(r#"{{"routes": [{items}]}}"#);
    let (tree, found) = Tree::parse(&text, &MASKING)
        .map_err(|why| why.message)
        .unwrap();
    assert!(found.is_empty());
    let last = NodeId(tree.nodes.len() - 1);
    assert_eq!(tree.path(last), "routes[9999].callers[0].bearer.roles[0]");
}

#[test]
fn an_aliass_nodes_have_the_path_of_the_alias_and_the_place_of_the_anchor() {
    let text = "a: &a { b: [x, y] }\nc: { d: *a }\n";
    let (tree, found) = Tree::parse(text, &MASKING)
        .map_err(|why| why.message)
        .unwrap();
    assert!(found.is_empty());
    let last = NodeId(tree.nodes.len() - 1);
    assert_eq!(tree.path(last), "c.d.b[1]");
    assert_eq!(tree.at(last).line, 1);
}

#[test]
fn an_alias_makes_its_anchor_as_secret_as_itself() {
    let text = "a: &a hunter2\nsecret: *a\n";
    let (tree, _) = Tree::parse(text, &MASKING)
        .map_err(|why| why.message)
        .unwrap();
    let secret = tree.secrets()[0].clone();
    assert_eq!(&text[secret], "hunter2");
}

#[test]
fn columns_count_characters() {
    let (tree, _) = Tree::parse("{ü: 'ß', b: c}", &MASKING)
        .map_err(|why| why.message)
        .unwrap();
    let last = NodeId(tree.nodes.len() - 1);
    assert_eq!((tree.at(last).column, tree.at(last).start), (13, 14));
}
