//! The table of roles and methods, `roles.toml`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

use crate::Method;

/// The table as text.
const TABLE: &str = include_str!("../../roles.toml");
/// The role that everyone has who is known.
const EVERYONE: &str = "everyone";

/// Some of the roles.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Roles(u32);

/// What a role may do.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Role {
    #[serde(skip)]
    name: String,
    about: String,
    #[serde(default)]
    anywhere: bool,
    #[serde(default)]
    service: bool,
    #[serde(default)]
    gives: Vec<String>,
    methods: BTreeMap<String, Vec<String>>,
}

#[derive(Default)]
struct Table {
    roles: Vec<Role>,
    /// By [`Method::index`]: who may call it.
    methods: Vec<Roles>,
    everyone: Roles,
    anywhere: Roles,
    services: Roles,
}

static TABLE_READ: LazyLock<Table> = LazyLock::new(|| {
    // A table that cannot be read, which a test would show, allows nothing.
    read(TABLE).unwrap_or_default()
});

fn read(text: &str) -> Result<Table, String> {
    let roles: toml::map::Map<String, toml::Value> =
        toml::from_str(text).map_err(|error| error.to_string())?;
    let mut table =
        Table { methods: vec![Roles::default(); Method::all().len()], ..Table::default() };
    for (name, value) in roles {
        let role: Role = value.try_into().map_err(|error| format!("{name}: {error}"))?;
        let bit = u32::try_from(table.roles.len()).ok().and_then(|at| 1_u32.checked_shl(at));
        let this = Roles(bit.ok_or("more than 32 roles")?);
        for (service, methods) in &role.methods {
            for method in methods {
                let known = Method::of_path(&format!("/{service}/{method}"));
                let cell = known.and_then(|method| table.methods.get_mut(method.index));
                let cell = cell.ok_or_else(|| format!("{name}: there is no {service}/{method}"))?;
                *cell = cell.and(this);
            }
        }
        if role.anywhere {
            table.anywhere = table.anywhere.and(this);
        }
        if role.service {
            table.services = table.services.and(this);
        }
        if name == EVERYONE {
            table.everyone = this;
        }
        table.roles.push(Role { name, ..role });
    }
    let mut given = table.roles.iter().flat_map(|role| &role.gives);
    let unknown = given.find(|name| table.roles.iter().all(|role| role.name != **name));
    match unknown {
        Some(name) => Err(format!("gives the unknown role {name}")),
        None => Ok(table),
    }
}

impl Roles {
    /// The role of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let at = TABLE_READ.roles.iter().position(|role| role.name == name)?;
        u32::try_from(at).ok().and_then(|at| 1_u32.checked_shl(at)).map(Self)
    }

    /// The roles of some names; those that are none are left out.
    #[must_use]
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names.into_iter().filter_map(Self::named).fold(Self::default(), Self::and)
    }

    /// All that there are.
    #[must_use]
    pub fn all() -> Self {
        Self::of(TABLE_READ.roles.iter().map(|role| role.name.as_str()))
    }

    /// The role that everyone has who is known.
    #[must_use]
    pub fn everyone() -> Self {
        TABLE_READ.everyone
    }

    /// Those of the suite's services.
    #[must_use]
    pub fn of_services() -> Self {
        TABLE_READ.services
    }

    /// Those that may call a method.
    #[must_use]
    pub fn that_may(method: &Method) -> Self {
        TABLE_READ.methods.get(method.index).copied().unwrap_or_default()
    }

    /// These and others.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Those of these that are among others.
    #[must_use]
    pub fn among(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    /// Those of these that count for every tenant.
    #[must_use]
    pub fn anywhere(self) -> Self {
        self.among(TABLE_READ.anywhere)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all of others are among these.
    #[must_use]
    pub fn include(self, others: Self) -> bool {
        others.0 & !self.0 == 0
    }

    /// Those that who has these may give to others.
    #[must_use]
    pub fn given(self) -> Self {
        Self::of(self.rows().flat_map(|role| role.gives.iter().map(String::as_str)))
    }

    /// Their names, in the order of the table.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        self.rows().map(|role| role.name.as_str())
    }

    /// What they are for, in the order of the table.
    pub fn about(self) -> impl Iterator<Item = &'static str> {
        self.rows().map(|role| role.about.as_str())
    }

    fn rows(self) -> impl Iterator<Item = &'static Role> {
        let chosen = move |at: usize| {
            let bit = u32::try_from(at).ok().and_then(|at| 1_u32.checked_shl(at));
            bit.is_some_and(|bit| self.0 & bit != 0)
        };
        TABLE_READ.roles.iter().enumerate().filter(move |(at, _)| chosen(*at)).map(|(_, role)| role)
    }
}

impl std::fmt::Debug for Roles {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_names_what_there_is() {
        let table = read(TABLE).unwrap_or_else(|error| panic!("roles.toml: {error}"));
        assert!(!table.everyone.is_empty());
        let wrong =
            "[a]\nabout = ''\n[a.methods]\n\"entente.event.v1.EventService\" = [\"Explode\"]";
        assert!(read(wrong).is_err_and(|error| error.contains("EventService/Explode")));
        assert!(read("[a]\nabout = ''\ngives = ['b']\n[a.methods]").is_err());
    }

    #[test]
    fn a_role_that_gives_another_may_do_no_less() {
        // Otherwise a key could make one that may more than itself.
        for role in ["owner", "reader"] {
            let role = Roles::of([role]);
            for method in Method::all() {
                let mays = Roles::that_may(method);
                let gives_more =
                    !role.given().among(mays).is_empty() && role.among(mays).is_empty();
                assert!(!gives_more, "{role:?} gives {}", method.name);
            }
        }
    }

    #[test]
    fn roles_are_sets() {
        let both = Roles::of(["reader", "owner", "nobody"]);
        assert_eq!(both.names().collect::<Vec<_>>(), ["owner", "reader"]);
        assert!(both.include(Roles::of(["reader"])) && !Roles::of(["reader"]).include(both));
        assert!(Roles::of(["operator"]).given().include(both));
        assert!(Roles::of(["gateway", "reader"]).given().is_empty());
    }
}
