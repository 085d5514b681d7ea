//! The words of a rate script.

use rust_decimal::Decimal;

use super::parse::ScriptError;

/// A word, and the line it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) line: usize,
}

/// What a word is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A pair, or a source's name.
    Name(String),
    /// A decimal without a sign.
    Number(Decimal),
    /// One of `= ; + - * / ( ) ,`.
    Sign(char),
}

/// The longest name or number, in characters: more than any means is a typing error.
const WORD_CHARS_MAX: usize = 64;

/// Cuts a script into words; comments and blanks fall away.
pub(super) fn words(text: &str) -> Result<Vec<Token>, ScriptError> {
    let mut tokens = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let taken = if first.is_whitespace() {
            first.len_utf8()
        } else if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            let end = rest
                .find("*/")
                .ok_or_else(|| ScriptError::at(line, "a comment that begins with /* has no end"))?;
            end + 2
        } else if first.is_ascii_digit() {
            let (kind, taken) = number(rest, line)?;
            tokens.push(Token { kind, line });
            taken
        } else if first.is_ascii_alphabetic() || first == '_' {
            let taken = length(rest, |c| c.is_ascii_alphanumeric() || c == '_');
            let name = &rest[..taken];
            if name.len() > WORD_CHARS_MAX {
                return Err(ScriptError::at(line, "a name is too long"));
            }
            let kind = Kind::Name(name.to_owned());
            tokens.push(Token { kind, line });
            taken
        } else if "=;+-*/(),".contains(first) {
            let kind = Kind::Sign(first);
            tokens.push(Token { kind, line });
            1
        } else {
            let what = format!("'{}' means nothing here", first.escape_default());
            return Err(ScriptError::at(line, what));
        };
        line += rest[..taken].matches('\n').count();
        rest = &rest[taken..];
    }
    Ok(tokens)
}

fn number(rest: &str, line: usize) -> Result<(Kind, usize), ScriptError> {
    let taken = length(rest, |c| c.is_ascii_digit() || c == '.');
    let text = &rest[..taken];
    let next_is_letter = rest[taken..].starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    let reads = text.len() <= WORD_CHARS_MAX && !text.ends_with('.') && !next_is_letter;
    // Exactly: digits that would be rounded away are refused.
    match Decimal::from_str_exact(text) {
        Ok(number) if reads => Ok((Kind::Number(number), taken)),
        Ok(_) | Err(_) => {
            let shown: String = text.chars().take(WORD_CHARS_MAX).collect();
            Err(ScriptError::at(line, format!("'{shown}' is no number")))
        }
    }
}

fn length(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !belongs(c)).unwrap_or(rest.len())
}
