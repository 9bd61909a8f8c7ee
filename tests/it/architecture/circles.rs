//! No circle of imports among the files of a crate: a file stands above all that it imports. (That there is no circle of crates
//! is for Cargo.)
//!
//! A `use` and a path such as `crate::a::b::name` import the file of the longest module path that they name; what a file re-exports
//! is imported from the file that re-exports it. To declare `mod child;` is no import, `pub use child::Name` is one. What a module
//! `tests` imports does not count.

use std::collections::{BTreeMap, BTreeSet};

use super::{Source, sources};

/// The cycles that stay, by their files, each with its reason.
const ALLOWED: &[(&[&str], &str)] = &[(
    &["src/fhir/fhirpath/evaluate.rs", "src/fhir/fhirpath/function.rs", "src/fhir/fhirpath/tree_function.rs"],
    "an interpreter: an expression calls functions, whose arguments are expressions",
)];

/// The files that each file imports, with the names that it takes from them.
type Imports = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

#[test]
fn no_import_cycles_except_those_allowed() {
    let sources = sources();
    let imports = imports(&sources);
    let count: usize = imports.values().map(BTreeMap::len).sum();
    assert!(count > 1000, "imports are not found any more: {count}");
    let circles = circles(&imports);
    let is_allowed = |circle: &Vec<String>| ALLOWED.iter().any(|(files, _)| files == circle);
    let received: Vec<String> = circles
        .iter()
        .filter(|circle| !is_allowed(circle))
        .map(|circle| describe(circle, &imports))
        .collect();
    assert!(received.is_empty(), "{} circles of imports:\n{}", received.len(), received.join("\n"));
    for (files, reason) in ALLOWED {
        assert!(circles.iter().any(|circle| circle == files), "{files:?} is no circle any more: {reason}");
    }
}

/// A cycle and the names that tie it.
fn describe(circle: &[String], imports: &Imports) -> String {
    let mut lines = vec![format!("{} files: {}", circle.len(), circle.join(", "))];
    for file in circle {
        for (imported, names) in imports.get(file).into_iter().flatten() {
            if circle.contains(imported) {
                let names: Vec<&str> = names.iter().map(String::as_str).collect();
                lines.push(format!("  {file} -> {imported}: {}", names.join(", ")));
            }
        }
    }
    lines.join("\n")
}

/// The sets of more than one file of which each imports every other, by way of others or not.
fn circles(imports: &Imports) -> Vec<Vec<String>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|file| (file.as_str(), reached_from(file, imports))).collect();
    let imports_in_the_end = |from: &str, to: &str| reached.get(from).is_some_and(|files| files.contains(to));
    let mut circles: BTreeSet<Vec<String>> = BTreeSet::new();
    for file in imports.keys().filter(|file| imports_in_the_end(file, file)) {
        let circle =
            imports.keys().filter(|other| imports_in_the_end(file, other) && imports_in_the_end(other, file));
        circles.insert(circle.cloned().collect());
    }
    circles.into_iter().collect()
}

fn reached_from<'i>(file: &str, imports: &'i Imports) -> BTreeSet<&'i str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = vec![file];
    while let Some(file) = open.pop() {
        for imported in imports.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(imported.as_str()) {
                open.push(imported);
            }
        }
    }
    reached
}

fn imports(sources: &[Source]) -> Imports {
    let mut crates: BTreeMap<&str, Modules> = BTreeMap::new();
    for source in sources {
        if let Some((name, module)) = module_of(&source.path) {
            crates.entry(name).or_default().insert(module, source.path.clone());
        }
    }
    let mut imports = Imports::new();
    for source in sources {
        let Some((name, module)) = module_of(&source.path) else { continue };
        let found = Reader::read(&source.text, module, &crates[name]);
        imports.insert(source.path.clone(), found);
    }
    for (file, imported) in &mut imports {
        imported.remove(file);
    }
    imports
}

/// A module path below its crate.
type Module = Vec<String>;

/// The files of a crate by their modules.
type Modules = BTreeMap<Module, String>;

/// The crate and the module of a file; `None` for the program itself, which is one file.
fn module_of(path: &str) -> Option<(&str, Module)> {
    let (name, rest) = path.strip_prefix("src/")?.split_once('/')?;
    let rest = rest.strip_prefix("src/").unwrap_or(rest);
    let rest = rest.strip_suffix(".rs")?;
    let mut module: Module = rest.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib")) {
        module.pop();
    }
    Some((name, module))
}

/// The names, `::` and signs of a text; comments, strings, letters and lifetimes are left out.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            let length = rest.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(rest.len());
            let (name, after) = rest.split_at(length);
            let raw = after.trim_start_matches('#');
            if matches!(name, "r" | "br") && raw.starts_with('"') {
                rest = past_raw_string(after, after.len() - raw.len());
                continue;
            }
            length
        } else if rest.starts_with("//") {
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
            continue;
        } else if first == '"' {
            rest = past_string(rest);
            continue;
        } else if first == '\'' {
            rest = past_letter_or_lifetime(rest);
            continue;
        } else if rest.starts_with("::") {
            2
        } else {
            first.len_utf8()
        };
        let (token, after) = rest.split_at(length);
        if !first.is_whitespace() {
            tokens.push(token);
        }
        rest = after;
    }
    tokens
}

fn past_string(text: &str) -> &str {
    let mut is_escaped = false;
    let end = text.char_indices().skip(1).find(|(_, letter)| {
        let is_end = *letter == '"' && !is_escaped;
        is_escaped = *letter == '\\' && !is_escaped;
        is_end
    });
    end.map_or("", |(at, _)| &text[at + 1..])
}

fn past_raw_string(text: &str, hashes: usize) -> &str {
    let close = format!("\"{}", "#".repeat(hashes));
    text[hashes + 1..].split_once(&close).map_or("", |(_, after)| after)
}

fn past_letter_or_lifetime(text: &str) -> &str {
    let mut letters = text.chars().skip(1);
    match (letters.next(), letters.next()) {
        (Some('\\'), Some(escaped)) => {
            let after = &text[2 + escaped.len_utf8()..];
            after.split_once('\'').map_or("", |(_, after)| after)
        }
        (Some(letter), Some('\'')) => &text[letter.len_utf8() + 2..],
        _ => &text[1..],
    }
}

/// Reads what one file imports.
struct Reader<'m> {
    modules: &'m Modules,
    /// The module of the file, and the modules within it at this place, each with the depth of braces at which it ends.
    module: Module,
    inline: Vec<(String, usize)>,
    /// What names stand for that were brought into scope: a path below the crate; `None` for one of another crate.
    scope: BTreeMap<String, Option<Module>>,
    found: BTreeMap<String, BTreeSet<String>>,
}

impl<'m> Reader<'m> {
    fn read(text: &str, module: Module, modules: &'m Modules) -> BTreeMap<String, BTreeSet<String>> {
        let tokens = tokens(text);
        let mut reader =
            Self { modules, module, inline: Vec::new(), scope: BTreeMap::new(), found: BTreeMap::new() };
        // What is brought into scope counts in the whole file.
        reader.walk(&tokens, true);
        reader.walk(&tokens, false);
        reader.found
    }

    fn walk(&mut self, tokens: &[&str], is_of_uses: bool) {
        let (mut at, mut depth) = (0, 0_usize);
        while let Some(token) = tokens.get(at) {
            match *token {
                "{" => depth += 1,
                "}" => {
                    depth = depth.saturating_sub(1);
                    self.inline.pop_if(|(_, end)| *end == depth);
                }
                // Tests import their helpers.
                "mod" if tokens.get(at + 1..at + 3) == Some(&["tests", "{"]) => {
                    at += block(&tokens[at..]);
                }
                "mod" if tokens.get(at + 2) == Some(&"{") => {
                    self.inline.push((tokens[at + 1].to_owned(), depth));
                }
                "use" if tokens.get(at + 1) != Some(&"<") => {
                    let end = tokens[at..].iter().position(|token| *token == ";").expect("a use ends");
                    if is_of_uses {
                        self.use_tree(&tokens[at + 1..at + end], &[]);
                    }
                    at += end;
                }
                // `pub(in crate::a)` takes nothing from there.
                "in" if at > 0 && tokens[at - 1] == "(" => {
                    at += tokens[at..].iter().position(|token| *token == ")").expect("it is closed");
                }
                _ if tokens.get(at + 1) == Some(&"::") && (at == 0 || tokens[at - 1] != "::") => {
                    let mut path = vec![*token];
                    while tokens.get(at + 1) == Some(&"::") && tokens.get(at + 2).is_some_and(is_name) {
                        path.push(tokens[at + 2]);
                        at += 2;
                    }
                    if !is_of_uses && is_name(token) {
                        self.import(&path);
                    }
                }
                _ => {}
            }
            at += 1;
        }
    }

    /// Reads `a::b::{c, d as e, self, f::*}` below a path.
    fn use_tree(&mut self, tree: &[&str], above: &[&str]) {
        let mut path = above.to_vec();
        let mut at = 0;
        if tree.first() == Some(&"::") {
            path.push("::");
            at = 1;
        }
        while let Some(token) = tree.get(at) {
            match *token {
                "::" => {}
                "{" => {
                    let (mut depth, mut begin) = (0, at + 1);
                    for (place, token) in tree.iter().enumerate().skip(at) {
                        depth += usize::from(*token == "{");
                        if depth == 1 && matches!(*token, "," | "}") {
                            if begin < place {
                                self.use_tree(&tree[begin..place], &path);
                            }
                            begin = place + 1;
                        }
                        depth -= usize::from(*token == "}");
                    }
                    return;
                }
                "*" => {
                    self.import(&path);
                    return;
                }
                "as" => break,
                "self" if !path.is_empty() => break,
                _ => path.push(token),
            }
            at += 1;
        }
        let alias = tree.iter().skip_while(|token| **token != "as").nth(1);
        let alias = alias.or(path.last()).map(|name| (*name).to_owned());
        let absolute = self.import(&path);
        self.scope.insert(alias.expect("a name"), absolute);
    }

    /// Notes what a path imports; the answer is the path below the crate, if it is one of this crate.
    fn import(&mut self, path: &[&str]) -> Option<Module> {
        let absolute = self.absolute(path)?;
        let length =
            (0..=absolute.len()).rev().find(|length| self.modules.contains_key(&absolute[..*length]));
        let length = length.expect("the crate has a root");
        let file = self.modules[&absolute[..length]].clone();
        let is_module = length == absolute.len();
        let name = if is_module {
            path.last().map(|name| (*name).to_owned())
        } else {
            absolute.get(length).cloned()
        };
        self.found.entry(file).or_default().insert(name.expect("a name"));
        Some(absolute)
    }

    fn absolute(&self, path: &[&str]) -> Option<Module> {
        let here: Module =
            self.module.iter().chain(self.inline.iter().map(|(name, _)| name)).cloned().collect();
        let mut rest = path;
        let mut absolute = match *path.first()? {
            "crate" => Vec::new(),
            "self" | "super" => here,
            first if self.scope.contains_key(first) => self.scope[first].clone()?,
            first => {
                let child =
                    |module: &Module| module.iter().cloned().chain([first.to_owned()]).collect::<Module>();
                let children = [child(&here), child(&self.module)];
                children.into_iter().find(|child| self.modules.contains_key(child))?
            }
        };
        if *path.first()? != "super" {
            rest = &rest[1..];
        }
        while rest.first() == Some(&"super") {
            absolute.pop();
            rest = &rest[1..];
        }
        absolute.extend(rest.iter().map(|name| (*name).to_owned()));
        Some(absolute)
    }
}

/// Up to where the first braces of a text are closed.
fn block(tokens: &[&str]) -> usize {
    let mut depth = 0_usize;
    let end = tokens.iter().position(|token| {
        depth += usize::from(*token == "{");
        depth -= usize::from(*token == "}" && depth > 0);
        *token == "}" && depth == 0
    });
    end.expect("braces are closed")
}

fn is_name(token: &&str) -> bool {
    token.starts_with(|sign: char| sign.is_alphabetic() || sign == '_')
}

#[test]
fn imports_are_read_as_they_are_written() {
    let source = |path: &str, text: &str| Source { path: path.to_owned(), text: text.to_owned(), lines: 0 };
    let sources = [
        source("src/x/lib.rs", "mod a;\nmod b;\npub use a::{one::One as Uno, Two};"),
        source(
            "src/x/a/mod.rs",
            "mod one;\nmod two;\nfn f() -> &'static str { one::g(r#\"crate::b::no\"#) }",
        ),
        source(
            "src/x/a/one.rs",
            "use super::{super::b::{self as c, deep::*}, two};\nfn f() { c::B; 'c'; \"\\\"crate::a::no\" }",
        ),
        source(
            "src/x/a/two.rs",
            "mod inner { use super::*; fn f() { crate::a::three(super::super::four()) } }\nmod tests { use crate::b; }",
        ),
        source(
            "src/x/b.rs",
            "pub(in crate::a) fn f(x: std::a::One) { ::a::no(); other::no() } // crate::a::no",
        ),
    ];
    let imports = imports(&sources);
    let read = |file: &str| -> Vec<String> {
        let names = |(file, names): (&String, &BTreeSet<String>)| format!("{file}: {names:?}");
        imports[file].iter().map(names).collect()
    };
    assert_eq!(read("src/x/lib.rs"), [r#"src/x/a/mod.rs: {"Two"}"#, r#"src/x/a/one.rs: {"One"}"#]);
    assert_eq!(read("src/x/a/mod.rs"), [r#"src/x/a/one.rs: {"g"}"#]);
    assert_eq!(read("src/x/a/one.rs"), [r#"src/x/a/two.rs: {"two"}"#, r#"src/x/b.rs: {"B", "b", "deep"}"#]);
    assert_eq!(read("src/x/a/two.rs"), [r#"src/x/a/mod.rs: {"four", "three"}"#]);
    assert_eq!(read("src/x/b.rs"), Vec::<String>::new());
    let circle = ["src/x/a/mod.rs", "src/x/a/one.rs", "src/x/a/two.rs"];
    assert_eq!(circles(&imports), [circle.map(str::to_owned)]);
}
