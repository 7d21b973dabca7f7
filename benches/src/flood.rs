//! placeholder
pub(crate) fn report() -> Result<(), Box<dyn std::error::Error>> {
    Ok(())
}
