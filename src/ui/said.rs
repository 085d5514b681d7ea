//! What a form came to, said beside it: pages with several forms, and pages that are shown again after they were saved.

use std::convert::Infallible;
use std::fmt::Display;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};

/// What one of a page's forms came to. The form is named by the id of its part of the page, which its address ends with:
/// a browser shows that part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Said {
    /// None was sent.
    #[default]
    Nothing,
    /// It was done.
    Done {
        /// The form.
        form: &'static str,
        /// What happens now.
        words: &'static str,
    },
    /// It was not done.
    Refused {
        /// The form.
        form: &'static str,
        /// Why.
        why: String,
    },
}

impl Said {
    /// It was done.
    pub const fn done(form: &'static str, words: &'static str) -> Self {
        Self::Done { form, words }
    }

    /// It was not done.
    pub fn refused(form: &'static str, why: impl Display) -> Self {
        Self::Refused {
            form,
            why: why.to_string(),
        }
    }

    /// What was done by this form.
    pub fn done_by(&self, wanted: &str) -> Option<&str> {
        match self {
            Self::Done { form, words } if *form == wanted => Some(words),
            Self::Done { .. } | Self::Refused { .. } | Self::Nothing => None,
        }
    }

    /// Why this form was refused.
    pub fn refused_to(&self, wanted: &str) -> Option<&str> {
        match self {
            Self::Refused { form, why } if *form == wanted => Some(why),
            Self::Done { .. } | Self::Refused { .. } | Self::Nothing => None,
        }
    }

    /// Whether a form was refused.
    pub const fn is_refused(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }
}

/// Whether a page is shown because its form has just been taken.
#[derive(Clone, Copy, Debug)]
pub struct Saved(pub bool);

impl<S: Sync> FromRequestParts<S> for Saved {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(parts.uri.query() == Some("saved")))
    }
}

/// Back to a page that says that its form was taken.
pub fn saved(path: &str) -> Response {
    Redirect::to(&saved_path(path)).into_response()
}

/// The same page, when it says that its form was taken.
pub fn saved_path(path: &str) -> String {
    format!("{path}?saved")
}
