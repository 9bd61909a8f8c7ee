//! The people whom the tour shows: five proxies, with their roles as they are now.

use std::collections::HashMap;

use ::web::gate::Gate;
use ::web::page::name_of;
use base::error::Error;
use domain::person::NhsNumber;
use domain::proxy::{Role, Status};
use store::search::{Filter, RoleField, Visibility};

/// The proxies: a parent with roles of several statuses, a second proxy of the same patients, a parent of three, a carer of four,
/// one whose role has ended. The other people of the sandbox data are there for the examples of the contract.
const PROXIES: [&str; 5] = ["9000000017", "9000000022", "9000000211", "9000000212", "9000000231"];
/// How many roles of each are shown.
const MOST: usize = 12;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) number: String,
    pub(crate) name: String,
}

/// A role, as the tour shows it.
#[derive(Clone, Debug)]
pub(crate) struct ShownRole {
    pub(crate) id: String,
    pub(crate) patient: Named,
    /// The words for the legal basis.
    pub(crate) basis: &'static str,
    pub(crate) status: Status,
}

/// A proxy, and the roles that they have.
#[derive(Clone, Debug)]
pub(crate) struct Family {
    pub(crate) proxy: Named,
    pub(crate) roles: Vec<ShownRole>,
    /// How many roles are not shown.
    pub(crate) more: usize,
}

/// Reads them: three statements.
pub(crate) async fn list_families(gate: &Gate) -> Result<Vec<Family>, Error> {
    let now = gate.clock.now();
    gate.store
        .read(move |tx| {
            let of_proxies = PROXIES.map(|number| Filter::text(RoleField::Proxy, number));
            let roles = tx.list_visible_roles(&Filter::Any(of_proxies.into()), Visibility::Everything)?;
            let roles: Vec<Role> = roles.into_iter().map(|role| role.value.as_of(now)).collect();
            let mut numbers: Vec<NhsNumber> =
                roles.iter().flat_map(|role| [role.proxy, role.patient]).collect();
            numbers.sort_unstable();
            numbers.dedup();
            let people = tx.list_current_people(&numbers)?;
            let names: HashMap<NhsNumber, String> =
                people.iter().map(|person| (person.nhs_number, name_of(person))).collect();
            Ok(PROXIES.iter().filter_map(|proxy| family(proxy, &roles, &names)).collect())
        })
        .await
}

/// The roles of a proxy: those in force first.
fn family(proxy: &str, roles: &[Role], names: &HashMap<NhsNumber, String>) -> Option<Family> {
    let person = |number: NhsNumber| Named {
        number: number.to_string(),
        name: names.get(&number).cloned().unwrap_or_default(),
    };
    let mut own: Vec<&Role> = roles.iter().filter(|role| role.proxy.as_str() == proxy).collect();
    own.sort_by_key(|role| (role.status != Status::Active, role.patient));
    let acting = person(own.first()?.proxy);
    let shown = |role: &&Role| ShownRole {
        id: role.id.to_string(),
        patient: person(role.patient),
        basis: role.legal_basis.display(),
        status: role.status,
    };
    let more = own.len().saturating_sub(MOST);
    Some(Family { proxy: acting, roles: own.iter().take(MOST).map(shown).collect(), more })
}
