//! Parts of lists: `skip` and `take`; without them a list is complete (D29).

use utoipa::IntoParams;

use super::error::ApiError;
use super::extract::Params;

/// Members of a query that name a part of a list.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// How many to leave out first.
    pub skip: Option<u64>,
    /// How many at most; all by default.
    pub take: Option<u64>,
}

/// Which part of a list is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    skip: usize,
    take: usize,
}

impl Page {
    /// As the query says.
    pub fn of(params: &Params) -> Result<Self, ApiError> {
        Ok(Self {
            skip: params.count("skip")?.unwrap_or(0),
            take: params.count("take")?.unwrap_or(usize::MAX),
        })
    }

    /// The part of a list.
    pub fn cut<T>(self, list: Vec<T>) -> Vec<T> {
        list.into_iter().skip(self.skip).take(self.take).collect()
    }

    /// How many matches to look for before stopping.
    pub fn end(self) -> usize {
        self.skip.saturating_add(self.take)
    }
}
