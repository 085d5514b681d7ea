//! QR codes as inline SVG: black on white also in the dark, a quiet zone of four modules, error level M.

use std::fmt::{self, Write};

use qrcode::{Color, EcLevel, QrCode};

/// Modules of white around the code, without which cameras fail.
const QUIET: usize = 4;

/// A code, ready to stand in a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Qr(String);

impl Qr {
    /// Draws a text. `None` if it is too long for any code.
    pub fn of(text: &str, label: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::M).ok()?;
        let width = code.width();
        let side = width + 2 * QUIET;
        let mut path = String::new();
        for (row, modules) in code.to_colors().chunks(width).enumerate() {
            let mut column = 0;
            while column < width {
                let run = modules[column..]
                    .iter()
                    .take_while(|module| **module == Color::Dark)
                    .count();
                if run > 0 {
                    // Writing to a string can't fail.
                    let _ = write!(path, "M{} {}h{run}v1h-{run}z", column + QUIET, row + QUIET);
                }
                column += run.max(1);
            }
        }
        let label = askama::filters::escape(label, askama::filters::Html).ok()?;
        Some(Self(format!(
            "<svg class=\"qr\" role=\"img\" aria-label=\"{label}\" viewBox=\"0 0 {side} {side}\" \
             shape-rendering=\"crispEdges\"><rect width=\"{side}\" height=\"{side}\" fill=\"#fff\"/>\
             <path d=\"{path}\" fill=\"#000\"/></svg>"
        )))
    }
}

/// HTML: a drawing, with the label escaped.
impl fmt::Display for Qr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Qr {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upper_case_makes_a_smaller_code() {
        let text = "lnbcrt210u1p".repeat(30);
        let side = |text: &str| {
            let svg = Qr::of(text, "a code").expect("fits").to_string();
            let view = svg.split("0 0 ").nth(1).expect("a view box");
            view.split(' ')
                .next()
                .expect("a side")
                .parse::<u32>()
                .expect("a number")
        };
        assert!(side(&text.to_uppercase()) < side(&text));
    }

    #[test]
    fn what_is_too_long_has_no_code_and_labels_are_escaped() {
        assert_eq!(Qr::of(&"x".repeat(5_000), "a code"), None);
        let svg = Qr::of("x", "\"<b>").expect("fits").to_string();
        assert!(!svg.contains("<b>"), "{svg}");
    }
}
