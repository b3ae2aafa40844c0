//! A package of a registry.

/// A package at a pinned version.
pub(in super::super) struct Package {
    pub(in super::super) name: &'static str,
    pub(in super::super) version: &'static str,
    pub(in super::super) registry: Registry,
    /// Further packages at pinned versions, as the registry's tool takes them.
    pub(in super::super) beside: &'static [&'static str],
    pub(in super::super) program: Program,
}

/// The program of a package.
#[derive(Clone, Copy)]
pub(in super::super) enum Program {
    /// A file of the package.
    File(&'static str),
    /// A file of the package that runs by itself, on Linux on x86-64 only.
    Binary(&'static str),
    /// A script of this repository, which uses the package.
    Script(&'static str),
}

/// The registry of a package, which decides the tools that install and run it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Registry {
    Npm,
    PyPi,
}

impl Registry {
    /// The tools that install and run its packages.
    pub(in super::super) fn tools(self) -> &'static [&'static str] {
        match self {
            Self::Npm => &["node", "npm"],
            Self::PyPi => &["python3"],
        }
    }
}
