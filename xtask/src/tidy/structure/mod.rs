//! Rules on the structure of a crate: its folders, imports and signatures.

mod file_circles;
mod folder_order;
mod folder_size;
mod impl_folder;
mod import_order;
mod tuple_parameters;

pub(super) use self::{folder_order::Order, folder_size::largest_folders};
use super::{names::Package, violation::Violation};

/// The rules on one crate.
pub(super) const RULES: &[fn(&Package) -> Vec<Violation>] = &[
    file_circles::no_file_circles,
    folder_size::folder_size,
    impl_folder::impl_in_own_folder,
    import_order::import_order,
    tuple_parameters::no_tuple_parameters,
];
