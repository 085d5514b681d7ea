//! A Rust file as far as the walls need it: its paths, without comments and texts.

/// The code of a file. Comments and texts are blanked out, so that places keep their lines.
pub struct Source(String);

impl Source {
    /// Blanks out what is not code.
    pub fn read(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut code = bytes.to_vec();
        let mut at = 0;
        while at < bytes.len() {
            let end = match &bytes[at..] {
                [b'/', b'/', ..] => until(bytes, at, b"\n"),
                [b'/', b'*', ..] => until(bytes, at + 2, b"*/"),
                [b'r', b'"' | b'#', ..] if !follows_word(bytes, at) => raw_text(bytes, at),
                [b'"', ..] => quoted(bytes, at),
                [b'\'', b'\\', ..] => until(bytes, at + 3, b"'"),
                [b'\'', _, b'\'', ..] => at + 3,
                _ => {
                    at += 1;
                    continue;
                }
            };
            for byte in &mut code[at..end] {
                if *byte != b'\n' {
                    *byte = b' ';
                }
            }
            at = end;
        }
        Self(String::from_utf8_lossy(&code).into_owned())
    }

    /// The line of a place, from 1.
    pub fn line(&self, at: usize) -> usize {
        self.0[..at].matches('\n').count() + 1
    }

    /// Where something is written, as whole words.
    pub fn places_of(&self, word: &str) -> Vec<usize> {
        self.0
            .match_indices(word)
            .map(|(at, _)| at)
            .filter(|at| !follows_word(self.0.as_bytes(), *at))
            .filter(|at| {
                let next = self.0.as_bytes().get(at + word.len()).copied();
                !next.is_some_and(is_word) || !word.as_bytes().last().copied().is_some_and(is_word)
            })
            .collect()
    }

    /// The modules of the crate's root that are named, through `crate::` or through enough `super::`.
    pub fn floors(&self, path: &str) -> Vec<(usize, String)> {
        let module = path.trim_end_matches(".rs").trim_end_matches("/mod");
        let depth = module.split('/').count();
        let climb = "super::".repeat(depth);
        let mut found = Vec::new();
        for root in ["crate::", &climb] {
            for at in self.places_of(root) {
                // A longer chain of `super` is found at its own beginning; one inside it is no root.
                if !self.0[..at].ends_with("::") {
                    let tree = &self.0[at + root.len()..];
                    found.extend(heads(tree).into_iter().map(|name| (at, name)));
                }
            }
        }
        found
    }

    /// The crates that are named, at the head of a `use` or of a path.
    pub fn crates(&self, known: &[String]) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut rest = self.0.clone();
        for at in self.places_of("use") {
            let tree = &self.0[at + 3..];
            if !tree.starts_with([' ', '\n']) {
                continue;
            }
            let end = tree.find(';').map_or(self.0.len(), |end| at + 3 + end);
            found.extend(heads(tree).into_iter().map(|name| (at, name)));
            rest.replace_range(at..end, &" ".repeat(end - at));
        }
        for name in known {
            let path = format!("{name}::");
            let heads = rest
                .match_indices(&path)
                .map(|(at, _)| at)
                .filter(|at| !follows_word(rest.as_bytes(), *at) && !rest[..*at].ends_with("::"));
            found.extend(heads.map(|at| (at, name.clone())));
        }
        found.retain(|(_, name)| known.contains(name));
        found
    }
}

/// The first names of a `use` tree: one, or those of a group.
fn heads(tree: &str) -> Vec<String> {
    let tree = tree.trim_start().trim_start_matches("::");
    let Some(group) = tree.strip_prefix('{') else {
        return vec![word(tree)];
    };
    let mut names = Vec::new();
    let mut depth = 0;
    let mut from = 0;
    for (at, byte) in group.bytes().enumerate() {
        let ends = match byte {
            b'{' => {
                depth += 1;
                false
            }
            b'}' if depth == 0 => true,
            b'}' => {
                depth -= 1;
                false
            }
            b',' => depth == 0,
            _ => false,
        };
        if ends {
            names.push(word(group[from..at].trim_start().trim_start_matches("::")));
            from = at + 1;
        }
        if ends && byte == b'}' {
            break;
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn word(text: &str) -> String {
    text.chars()
        .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
        .collect()
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn follows_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && is_word(bytes[at - 1])
}

/// The place behind the next `end`, or the end of all.
fn until(bytes: &[u8], from: usize, end: &[u8]) -> usize {
    let found = bytes
        .get(from..)
        .and_then(|rest| rest.windows(end.len()).position(|here| here == end));
    found.map_or(bytes.len(), |place| from + place + end.len())
}

fn quoted(bytes: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn raw_text(bytes: &[u8], at: usize) -> usize {
    let hashes = bytes[at + 1..].iter().take_while(|b| **b == b'#').count();
    if bytes.get(at + 1 + hashes) != Some(&b'"') {
        // A raw identifier.
        return at + 1;
    }
    let end = [&b"\""[..], &vec![b'#'; hashes]].concat();
    until(bytes, at + 2 + hashes, &end)
}
