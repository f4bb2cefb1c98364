//! `bearergate certificate`: the material by which an application proves itself to Entra.

pub(super) mod files;
mod material;
mod new;

pub(crate) use new::CertificateNew;
