//! How is a user, for whom an application is to act? Well, where nobody said otherwise.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserState {
    #[default]
    Well,
    /// A policy demands one, which the user has shown where `amr` says `mfa`.
    SecondFactor,
    /// By Conditional Access, whatever the user does.
    Blocked,
    Disabled,
    /// The sessions were ended: what was issued before is worth nothing.
    Revoked,
    /// The user's client asks over and over.
    Looping,
}
