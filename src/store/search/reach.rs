//! The clause that restricts callers to the rows that they may see at this instant. It is part of every
//! statement and of every subselect.
//!
//! A search that names its rows (by id, or by one of their people) has the clause looked up for each row. One
//! that does not is driven by the rows of the organisation: checking each row of the country until a page is
//! full would take long.

use crate::search::compile::Statement;
use crate::search::filter::{Datum, Filter, Is};
use crate::search::query::Visibility;
use crate::search::table::Table;
use domain::person::NhsNumber;
use domain::proxy::{OdsCode, Status};

/// A patient who is registered at an organisation now.
const REGISTERED: &str = "SELECT nhs_number FROM people WHERE practice = ?";

impl Statement {
    /// Rows that name two people: those that name the caller, those between the two of a role, or those of an
    /// organisation.
    pub(super) fn named(&mut self, table: Table, filter: &Filter) {
        match self.scope.clone() {
            Visibility::Everything => self.push("1 = 1"),
            Visibility::Party { number, .. } => self.bound("(proxy = ? OR patient = ?)", &[number, number]),
            Visibility::Pair { proxy, patient } => {
                self.bound("(proxy = ? AND patient = ?)", &[proxy, patient]);
            }
            Visibility::Organisation(None) => self.push("1 = 0"),
            Visibility::Organisation(Some(code)) => {
                let is_led = !(self.is_of_few || filter.names_rows());
                self.of_organisation(table, &code, is_led);
            }
        }
    }

    /// Rows of the patients of an organisation. Of roles, those that it granted as well.
    fn of_organisation(&mut self, table: Table, code: &OdsCode, is_led: bool) {
        let name = table.name();
        let of_patient = if is_led {
            format!("{name}.patient IN ({REGISTERED})")
        } else {
            format!("EXISTS ({REGISTERED} AND nhs_number = {name}.patient)")
        };
        let is_role = matches!(table, Table::Roles | Table::RoleVersions);
        let (sql, places) = match (is_role, is_led) {
            (false, _) => (of_patient, 1),
            (true, true) => (
                format!(
                    "{name}.id IN (SELECT id FROM roles AS reached WHERE patient IN ({REGISTERED}) \
                     UNION SELECT id FROM roles AS granted WHERE grantor = ?)"
                ),
                2,
            ),
            (true, false) => (
                format!(
                    "({of_patient} OR EXISTS (SELECT 1 FROM roles AS granted \
                     WHERE granted.id = {name}.id AND granted.grantor = ?))"
                ),
                2,
            ),
        };
        self.push(&sql);
        for _ in 0..places {
            self.value(Datum::Text(code.to_string()));
        }
    }

    /// People: the caller and those with whom they have an active role, the two of a role, or the patients of
    /// an organisation.
    ///
    /// A proxy sees the patient's details while they may act. A patient sees a proxy's from when the role is
    /// granted, though it begin later, for they may end it before; and not after it has ended: a person's
    /// practice shows where they live, and a proxy may have moved. Of a role that is not active only the
    /// Consent stays visible.
    pub(super) fn known(&mut self) {
        match self.scope.clone() {
            Visibility::Everything => self.push("1 = 1"),
            Visibility::Party { number, now } => {
                const PROXIES: &str = "(nhs_number IN (SELECT proxy FROM roles WHERE patient = ? AND status = ? \
                     AND (end_at IS NULL OR end_at >= ?))";
                const PATIENTS: &str = " OR nhs_number IN (SELECT patient FROM roles WHERE proxy = ? AND status = ? \
                     AND (end_at IS NULL OR end_at >= ?) AND (start_at IS NULL OR start_at <= ?))";
                let (number, now) = (Datum::Text(number.to_string()), Datum::Number(now));
                let active = Datum::Text(Status::Active.as_str().to_owned());
                self.push(PROXIES);
                for value in [&number, &active, &now] {
                    self.value(value.clone());
                }
                self.push(PATIENTS);
                for value in [&number, &active, &now, &now] {
                    self.value(value.clone());
                }
                self.push(" OR nhs_number = ?)");
                self.value(number);
            }
            Visibility::Pair { proxy, patient } => self.bound("nhs_number IN (?, ?)", &[proxy, patient]),
            Visibility::Organisation(None) => self.push("1 = 0"),
            Visibility::Organisation(Some(code)) => {
                self.push("practice = ?");
                self.value(Datum::Text(code.to_string()));
            }
        }
    }

    /// Access requests whose two people may appear, if the registry knows them. An applicant sees their own
    /// whatever the standing of the other: it holds what they wrote, and its disappearance would reveal the
    /// other's standing.
    pub(super) fn requested(&mut self, name: &str, current: &Datum) {
        const APPLICANT: &str = "(CASE applicant WHEN 'Patient' THEN patient ELSE proxy END) = ?";
        let applicant = match self.scope {
            Visibility::Party { number, .. } => Some(number),
            Visibility::Everything | Visibility::Pair { .. } | Visibility::Organisation(_) => None,
        };
        self.push("(");
        if let Some(number) = applicant {
            self.bound(APPLICANT, &[number]);
            self.push(" OR ");
        }
        self.neither_is_hidden(name, current);
        self.push(")");
    }

    /// Records whose two people may appear. Records of a citizen's own requests stay visible where they name
    /// a person who may not appear, or whom the registry does not know: they hold what the caller wrote.
    /// Records about roles and relationships are hidden with these.
    pub(super) fn recorded(&mut self, name: &str, current: &Datum) {
        const OWN: &str = "(caller_id = ? AND caller_kind IN ('citizen', 'proxy') \
             AND (subject IS NULL OR (subject NOT LIKE 'Consent%' AND subject NOT LIKE 'RelatedPerson%')))";
        if let Visibility::Party { number, .. } = self.scope {
            self.push("(");
            self.bound(OWN, &[number]);
            self.push(" OR ");
            self.neither_is_hidden(name, current);
            self.push(")");
            return;
        }
        for (number, party) in ["proxy", "patient"].into_iter().enumerate() {
            self.push(if number > 0 { " AND " } else { "" });
            self.push(&format!(
                "({party} IS NULL OR EXISTS (SELECT 1 FROM people WHERE nhs_number = {name}.{party} AND standing = "
            ));
            self.bind(current);
            self.push("))");
        }
    }

    fn neither_is_hidden(&mut self, name: &str, current: &Datum) {
        for (number, party) in ["proxy", "patient"].into_iter().enumerate() {
            self.push(if number > 0 { " AND " } else { "(" });
            self.push(&format!(
                "NOT EXISTS (SELECT 1 FROM people WHERE nhs_number = {name}.{party} AND standing <> "
            ));
            self.bind(current);
            self.push(")");
        }
        self.push(")");
    }

    /// Users whose person may appear. A user without an account is staff.
    pub(super) fn users(&mut self, table: Table, current: &Datum) {
        let (standing, own, registered) = if table == Table::Users {
            (
                "NOT EXISTS (SELECT 1 FROM account_users JOIN people USING (nhs_number) \
                 WHERE user_id = users.id AND standing <> ",
                "users.id IN (SELECT user_id FROM account_users WHERE nhs_number = ?)",
                format!("users.id IN (SELECT user_id FROM account_users WHERE nhs_number IN ({REGISTERED}))"),
            )
        } else {
            (
                "EXISTS (SELECT 1 FROM people WHERE nhs_number = account_users.nhs_number AND standing = ",
                "nhs_number = ?",
                format!("nhs_number IN ({REGISTERED})"),
            )
        };
        self.push(standing);
        self.bind(current);
        self.push(") AND ");
        match self.scope.clone() {
            Visibility::Everything => self.push("1 = 1"),
            Visibility::Party { number, .. } | Visibility::Pair { proxy: number, .. } => {
                self.bound(own, &[number]);
            }
            Visibility::Organisation(None) => self.push("1 = 0"),
            Visibility::Organisation(Some(code)) => {
                self.push(&registered);
                self.value(Datum::Text(code.to_string()));
            }
        }
    }

    /// SQL with a placeholder for each of these numbers.
    fn bound(&mut self, sql: &str, numbers: &[NhsNumber]) {
        self.push(sql);
        for number in numbers {
            self.value(Datum::Text(number.to_string()));
        }
    }
}

impl Filter {
    /// Whether the filter names few rows: by an identifier of their own, or by one of their people.
    fn names_rows(&self) -> bool {
        match self {
            Self::All(all) => all.iter().any(Self::names_rows),
            Self::Any(any) => any.iter().all(Self::names_rows),
            Self::Compare(field, Is::Equal, Datum::Text(_)) | Self::OneOf(field, _) => field.is_narrow(),
            Self::Not(_)
            | Self::Compare(..)
            | Self::Contains(..)
            | Self::Null(_)
            | Self::Within(..)
            | Self::HasCode(_) => false,
        }
    }
}
