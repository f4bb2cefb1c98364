//! Code of others that the gateway is told to run: may it?

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::secret::why_unreadable;

/// What it is run as.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Foreign {
    Program,
    Module,
}

/// Why it is not run. SECURITY: what a search finds, or anybody may replace, would be given the gateway's place.
pub(super) fn unfit(path: &Path, what: Foreign) -> Option<String> {
    if !path.is_absolute() {
        return Some(match what {
            Foreign::Program => "a command begins with the absolute path of a program".to_owned(),
            Foreign::Module => "a module is named by its absolute path".to_owned(),
        });
    }
    let shown = path.display();
    match std::fs::metadata(path) {
        Err(why) => Some(why_unreadable(path, &why)),
        Ok(about) if !about.is_file() => Some(format!("{shown} is no file")),
        Ok(about) if what == Foreign::Program && about.mode() & 0o111 == 0 => {
            Some(format!("{shown} may not be executed"))
        }
        Ok(about) if about.mode() & 0o002 != 0 => Some(format!(
            "anybody may write to {shown}: take that away (`chmod o-w`)"
        )),
        Ok(_) => replaceable(path),
    }
}

/// A file that nobody may write to is replaced by whoever may write to its folder, unless that is sticky.
fn replaceable(path: &Path) -> Option<String> {
    let real = std::fs::canonicalize(path).ok()?;
    let folder = real.parent()?;
    let mode = std::fs::metadata(folder).ok()?.mode();
    (mode & 0o1002 == 0o002).then(|| {
        format!(
            "anybody may replace {}: take that away (`chmod o-w {}`)",
            real.display(),
            folder.display()
        )
    })
}
