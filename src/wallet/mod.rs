//! The tills.
/// All tills.
#[derive(Default)]
pub struct Tills;
impl Tills {
    pub(crate) fn has_staged(&self) -> bool {
        false
    }
    pub(crate) fn take_staged(&mut self) -> Vec<(Vec<u8>, Vec<u8>)> {
        Vec::new()
    }
}
