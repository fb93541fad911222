//! Whose rows a connection may see. PostgreSQL itself gives it no others: each table has a policy (row-level security)
//! that compares the tenant of a row with a setting of the session, so that a query that forgets its tenant finds
//! nothing that is another's.

use std::fmt;

/// The setting that the policies compare with.
pub(crate) const SETTING: &str = "entente.tenant";
/// What it is where the rows of every tenant are meant. It is no tenant's name.
const ALL: &str = "*";

/// The tenants whose rows are read or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tenants<'a> {
    /// One.
    One(&'a str),
    /// Every one: for what a service does by itself, such as looking for what is due.
    All,
}

impl<'a> From<&'a str> for Tenants<'a> {
    fn from(tenant: &'a str) -> Self {
        Self::One(tenant)
    }
}

impl<'a> From<&'a String> for Tenants<'a> {
    fn from(tenant: &'a String) -> Self {
        Self::One(tenant)
    }
}

impl Tenants<'_> {
    /// The value of the setting. A tenant that is called like the mark for all of them is none that exists.
    pub(crate) fn setting(&self) -> &str {
        match self {
            Self::One(ALL) => "",
            Self::One(tenant) => tenant,
            Self::All => ALL,
        }
    }
}

/// The setting as a literal of SQL.
impl fmt::Display for Tenants<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.setting().replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_literal_and_never_the_mark_for_all() {
        assert_eq!(Tenants::One("acme").to_string(), "'acme'");
        assert_eq!(Tenants::One("o'hara").to_string(), "'o''hara'");
        assert_eq!(Tenants::One("*").to_string(), "''");
        assert_eq!(Tenants::All.to_string(), "'*'");
    }
}
