//! The mark as a file of one line in the data directory.

use std::io::ErrorKind;
use std::path::PathBuf;

use async_trait::async_trait;

use super::files::write_private;
use crate::ports::mark::{Mark, MarkFailed};

/// A file that holds the generation as a decimal number.
#[derive(Clone, Debug)]
pub struct FileMark(PathBuf);

impl FileMark {
    /// The mark at this path; the folder has to be there.
    pub const fn at(path: PathBuf) -> Self {
        Self(path)
    }

    fn look(&self) -> Result<Option<u64>, MarkFailed> {
        let text = match std::fs::read_to_string(&self.0) {
            Ok(text) => text,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(MarkFailed(e.to_string())),
        };
        let number = text.trim().parse();
        number
            .map(Some)
            .map_err(|_| MarkFailed("it does not hold a number".to_owned()))
    }

    async fn blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<R, MarkFailed> + Send + 'static,
    ) -> Result<R, MarkFailed> {
        let mark = self.clone();
        match tokio::task::spawn_blocking(move || work(&mark)).await {
            Ok(outcome) => outcome,
            Err(failed) => Err(MarkFailed(failed.to_string())),
        }
    }
}

#[async_trait]
impl Mark for FileMark {
    fn place(&self) -> String {
        self.0.display().to_string()
    }

    async fn read(&self) -> Result<Option<u64>, MarkFailed> {
        self.blocking(Self::look).await
    }

    async fn write(&self, generation: u64) -> Result<(), MarkFailed> {
        self.blocking(move |mark| {
            write_private(&mark.0, &generation.to_string()).map_err(|e| MarkFailed(e.to_string()))
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[tokio::test]
    async fn a_mark_is_read_as_it_was_written_and_nothing_else_is_a_mark() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("tollway.mark");
        let mark = FileMark::at(path.clone());
        assert_eq!(mark.read().await, Ok(None));
        for generation in [1, u64::MAX, 7] {
            mark.write(generation).await.expect("writes");
            assert_eq!(mark.read().await, Ok(Some(generation)));
        }
        let mode = std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        for bad in ["", "seven", "-1", "7 8"] {
            std::fs::write(&path, bad).expect("writes");
            assert!(mark.read().await.is_err(), "{bad:?}");
        }
        let nowhere = FileMark::at(dir.path().join("no/tollway.mark"));
        assert!(nowhere.write(1).await.is_err());
    }
}
