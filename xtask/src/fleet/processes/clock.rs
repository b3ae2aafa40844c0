//! Wall clocks that are wrong.

use std::path::PathBuf;

use crate::Result;

/// A wall clock that is wrong by some seconds, for one process. Its monotonic clock stays right.
#[derive(Clone)]
pub(in crate::fleet) struct FalseClock {
    library: PathBuf,
    seconds: i64,
}

impl FalseClock {
    /// A clock that is wrong by this much.
    ///
    /// # Errors
    /// There is no libfaketime.
    pub(in crate::fleet) fn wrong_by(seconds: i64) -> Result<Self> {
        let architecture = std::env::consts::ARCH;
        let library = format!("/usr/lib/{architecture}-linux-gnu/faketime/libfaketimeMT.so.1");
        let library = PathBuf::from(library);
        match library.exists() {
            true => Ok(Self { library, seconds }),
            false => {
                Err("libfaketime is missing; install it with `apt-get install faketime`".into())
            }
        }
    }

    /// The variables that give a process this clock.
    pub(super) fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("FAKETIME", format!("{:+}s", self.seconds)),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
            ("DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }
}
