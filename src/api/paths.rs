//! Paths match in any case, and with or without a slash at the end (Greenfield 1.5). Ids keep their letters.

/// The paths of all operations.
#[derive(Clone, Debug)]
pub struct Templates(Vec<Vec<Part>>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Word(String),
    Id,
    /// The last one: as many parts as come.
    Rest,
}

impl Part {
    fn of(text: &str) -> Self {
        if text.starts_with("{*") {
            Self::Rest
        } else if text.starts_with('{') {
            Self::Id
        } else {
            Self::Word(text.to_owned())
        }
    }

    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Word(word) => word.eq_ignore_ascii_case(text),
            Self::Id | Self::Rest => !text.is_empty(),
        }
    }
}

impl Templates {
    /// Such as `/v1/stores/{store}`.
    pub fn of<'a>(paths: impl IntoIterator<Item = &'a str>) -> Self {
        Self(
            paths
                .into_iter()
                .map(|path| path.split('/').map(Part::of).collect())
                .collect(),
        )
    }

    /// The path as its operation is written: words in its letters, no slash at the end. A path of no operation stays.
    pub fn plain(&self, path: &str) -> String {
        let path = path.trim_end_matches('/');
        let given: Vec<&str> = path.split('/').collect();
        // A word is more than an id, and what comes first counts most: as the router decides.
        let best = self
            .0
            .iter()
            .filter(|template| fits(template, &given))
            .max_by_key(|template| {
                let words = template.iter().map(|part| matches!(part, Part::Word(_)));
                words.collect::<Vec<bool>>()
            });
        let plain = match best {
            Some(template) => given
                .iter()
                .enumerate()
                .map(|(place, text)| match template.get(place) {
                    Some(Part::Word(word)) => word.as_str(),
                    Some(Part::Id | Part::Rest) | None => text,
                })
                .collect::<Vec<_>>()
                .join("/"),
            None => path.to_owned(),
        };
        if plain.is_empty() {
            "/".to_owned()
        } else {
            plain
        }
    }
}

fn fits(template: &[Part], given: &[&str]) -> bool {
    let length_fits = match template.last() {
        Some(Part::Rest) => given.len() >= template.len(),
        Some(Part::Word(_) | Part::Id) | None => given.len() == template.len(),
    };
    length_fits
        && template
            .iter()
            .zip(given)
            .all(|(part, text)| part.fits(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_as_declared_and_ids_stay_as_they_are() {
        let templates = Templates::of([
            "/v1/stores/{store}/invoices",
            "/v1/stores/{store}/invoices/{id}",
            "/v1/stores/{store}/invoices/pay",
            "/v1/pull-payments/{id}",
            "/v1/stores/{store}/old/{*rest}",
        ]);
        let rows = [
            ("/V1/Stores/AbC/Invoices/", "/v1/stores/AbC/invoices"),
            ("/v1/PULL-payments/XyZ", "/v1/pull-payments/XyZ"),
            (
                "/v1/stores/Invoices/Invoices",
                "/v1/stores/Invoices/invoices",
            ),
            ("/v1/stores/a/invoices/PAY", "/v1/stores/a/invoices/pay"),
            (
                "/v1/stores/a/invoices/Stores",
                "/v1/stores/a/invoices/Stores",
            ),
            ("/v1/stores/a/Old/B/C", "/v1/stores/a/old/B/C"),
            ("/v1/Stores/a/nothing", "/v1/Stores/a/nothing"),
            ("/v1//", "/v1"),
            ("/", "/"),
            ("", "/"),
        ];
        for (given, expected) in rows {
            assert_eq!(templates.plain(given), expected, "{given}");
        }
    }
}
