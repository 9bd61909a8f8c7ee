//! Compilation of filters to SQL: the same text for both databases, except for the placeholders.

use diesel::RunQueryDsl as _;
use diesel::sql_types::Text;

use crate::db::Db;
use crate::search::fields::{AuditField, Field};
use crate::search::filter::{Datum, Filter, Is, Select};
use crate::search::query::{HistoryQuery, PageQuery, Visibility};
use crate::search::table::Table;
use crate::sql::Sql;
use base::error::{Error, ErrorKind};
use domain::person::Standing;

const TOO_LARGE: &str = "The search, with what the scopes of the access token add to it, is larger than this server \
    carries out. Narrow it: fewer alternatives, chains or constraints.";

/// The longest list that is padded with further placeholders.
const MOST_PADDED: usize = 1000;

/// Joins a relationship to the codes of its present version: those of earlier ones are in the same table.
const CODES: &str = "relationship_codes.relationship_id = relationships.id \
    AND relationship_codes.version = relationships.version";

/// The separator of a list.
const LIST: &str = ", ";

/// SQL with its bound values. The placeholder is `?`.
pub(super) struct Statement {
    sql: String,
    values: Vec<Datum>,
    pub(super) scope: Visibility,
    /// The table of the present `SELECT`.
    pub(super) table: Option<Table>,
    /// Whether it reads few rows, whatever the filter is.
    pub(super) is_of_few: bool,
    /// Whether it reads accesses, here or in a subselect: changes are in the table when they are answered.
    pub(super) reads_accesses: bool,
}

impl Statement {
    fn new(scope: Visibility) -> Self {
        Self {
            sql: String::new(),
            values: Vec::new(),
            scope,
            table: None,
            is_of_few: false,
            reads_accesses: false,
        }
    }

    pub(super) fn page(query: &PageQuery, scope: Visibility) -> Self {
        let mut statement = Self::new(scope);
        let id = query.table.id();
        let order: Vec<_> = query.order.iter().take(3).collect();
        statement.sql.push_str("SELECT ");
        statement.push(id.sql());
        statement.push(" AS id");
        for number in 0..3 {
            let key = order
                .get(number)
                .map_or("NULL".to_owned(), |key| format!("CAST({} AS TEXT)", ordered(key.field)));
            statement.push(&format!(", {key} AS k{number}"));
        }
        statement.push(&format!(" FROM {} WHERE ", query.table.name()));
        statement.found(query.table, &query.filter);
        if let Some(after) = &query.after {
            // (a, b, id) after (x, y, z), written out because each key has its own direction.
            let mut keys: Vec<(String, bool, Datum)> = order
                .iter()
                .zip(&after.values)
                .map(|(key, value)| (ordered(key.field), key.is_descending, datum(key.field, value)))
                .collect();
            keys.push((id.sql().to_owned(), false, Datum::Text(after.id.clone())));
            statement.push(" AND ");
            statement.after(&keys);
        }
        statement.push(" ORDER BY ");
        for key in order {
            let direction = if key.is_descending { "DESC" } else { "ASC" };
            statement.push(&format!("{} {direction}, ", ordered(key.field)));
        }
        statement.push(&format!("{} ASC LIMIT {}", id.sql(), query.limit));
        statement
    }

    /// The condition for rows of a table.
    pub(super) fn condition(table: Table, filter: &Filter, scope: Visibility) -> Self {
        let mut statement = Self::new(scope);
        statement.found(table, filter);
        statement
    }

    pub(super) fn count(table: Table, filter: &Filter, scope: Visibility) -> Self {
        let mut statement = Self::new(scope);
        statement.push(&format!("SELECT COUNT(*) AS count FROM {} WHERE ", table.name()));
        statement.found(table, filter);
        statement
    }

    /// The versions get the name of the table of the present rows, so that conditions on these apply to them.
    pub(super) fn matching(
        table: Table,
        versions: Table,
        wanted: &[(String, i64)],
        filter: &Filter,
        scope: Visibility,
    ) -> Self {
        let mut statement = Self { is_of_few: true, ..Self::new(scope) };
        let name = table.name();
        statement.push(&format!(
            "SELECT {name}.id, {name}.version, {name}.updated_at FROM {} AS {name} WHERE ",
            versions.name()
        ));
        statement.joined(wanted, " OR ", "1 = 0", |statement, (id, version)| {
            statement.push(&format!("({name}.id = "));
            statement.bind(&Datum::Text(id.clone()));
            statement.push(&format!(" AND {name}.version = "));
            statement.bind(&Datum::Number(*version));
            statement.push(")");
        });
        statement.push(" AND ");
        statement.found(table, filter);
        statement
    }

    pub(super) fn history(query: &HistoryQuery, scope: Visibility) -> Self {
        let mut statement = Self { is_of_few: query.id.is_some(), ..Self::new(scope) };
        statement.push(&format!("SELECT id, version, updated_at FROM {} WHERE ", query.table.name()));
        statement.versions(query);
        if let Some(after) = &query.after {
            statement.push(" AND ");
            statement.after(&[
                ("updated_at".to_owned(), true, Datum::Number(after.updated_at)),
                ("id".to_owned(), true, Datum::Text(after.id.clone())),
                ("version".to_owned(), true, Datum::Number(after.version)),
            ]);
        }
        statement.push(&format!(" ORDER BY updated_at DESC, id DESC, version DESC LIMIT {}", query.limit));
        statement
    }

    pub(super) fn history_count(query: &HistoryQuery, scope: Visibility) -> Self {
        let mut statement = Self { is_of_few: query.id.is_some(), ..Self::new(scope) };
        statement.push(&format!("SELECT COUNT(*) AS count FROM {} WHERE ", query.table.name()));
        statement.versions(query);
        statement
    }

    /// The versions of a history, wherever its page begins.
    fn versions(&mut self, query: &HistoryQuery) {
        self.found(query.table, &query.filter);
        if let Some(id) = &query.id {
            self.push(" AND ");
            self.filter(&Filter::text(query.table.id(), id.clone()));
        }
        if let Some(from) = query.current_from {
            let name = query.table.name();
            self.push(&format!(
                " AND NOT EXISTS (SELECT 1 FROM {name} AS later WHERE later.id = {name}.id \
                 AND later.version = {name}.version + 1 AND later.updated_at <= "
            ));
            self.bind(&Datum::Number(from));
            self.push(")");
        }
    }

    pub(super) fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    pub(super) fn bind(&mut self, value: &Datum) {
        self.sql.push('?');
        self.value(value.clone());
    }

    /// The value of a placeholder that is in the SQL already.
    pub(super) fn value(&mut self, value: Datum) {
        self.values.push(value);
    }

    fn joined<T>(&mut self, items: &[T], word: &str, empty: &str, each: impl Fn(&mut Self, &T)) {
        if items.is_empty() {
            return self.push(empty);
        }
        self.push("(");
        self.balanced(items, word, &each);
        self.push(")");
    }

    /// Many items as a balanced tree: SQLite takes expressions a thousand deep at most, and each item of a
    /// plain list is one deeper than the last.
    fn balanced<T>(&mut self, items: &[T], word: &str, each: &impl Fn(&mut Self, &T)) {
        const MOST_FLAT: usize = 64;
        if items.len() > MOST_FLAT && word != LIST {
            let (left, right) = items.split_at(items.len() / 2);
            self.push("(");
            self.balanced(left, word, each);
            self.push(")");
            self.push(word);
            self.push("(");
            self.balanced(right, word, each);
            return self.push(")");
        }
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                self.push(word);
            }
            each(self, item);
        }
    }

    /// The visible rows that match the filter.
    fn found(&mut self, table: Table, filter: &Filter) {
        self.reads_accesses |= table == Table::AuditRecords;
        let outer = self.table.replace(table);
        self.visible(table, filter);
        self.push(" AND ");
        self.filter(filter);
        self.table = outer;
    }

    fn filter(&mut self, filter: &Filter) {
        match filter {
            Filter::All(all) => self.joined(all, " AND ", "1 = 1", Self::filter),
            Filter::Any(any) => self.joined(any, " OR ", "1 = 0", Self::filter),
            Filter::Not(filter) => {
                self.push("(CASE WHEN ");
                self.filter(filter);
                self.push(" THEN 0 ELSE 1 END = 1)");
            }
            Filter::Compare(Field::Audit(AuditField::Subject), Is::Equal, Datum::Text(subject)) => {
                self.subject(subject);
            }
            Filter::Compare(Field::Audit(AuditField::Outcome), Is::Equal, Datum::Text(outcome)) => {
                self.outcome(outcome);
            }
            Filter::Compare(field, is, value) => {
                self.push(field.sql());
                self.push(match is {
                    Is::Equal => " = ",
                    Is::Less => " < ",
                    Is::AtMost => " <= ",
                    Is::More => " > ",
                    Is::AtLeast => " >= ",
                });
                self.bind(value);
            }
            Filter::OneOf(field, values) => {
                self.push(field.sql());
                self.push(" IN ");
                // Padded to the next power of two, so that lists make few different statement texts; long
                // ones are not padded, since the number of values of a statement is limited.
                let fits = values.len() <= MOST_PADDED;
                let places = if fits { values.len().next_power_of_two() } else { values.len() };
                let values: Vec<&String> = values.iter().cycle().take(places).collect();
                self.joined(&values, LIST, "(NULL)", |statement, value| {
                    statement.bind(&Datum::Text((*value).clone()));
                });
            }
            Filter::Contains(field, text) => {
                let pattern = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
                self.push(field.sql());
                self.push(" LIKE ");
                self.bind(&Datum::Text(format!("%{pattern}%")));
                self.push(" ESCAPE '\\'");
            }
            Filter::Null(field) => {
                self.push(field.sql());
                self.push(" IS NULL");
            }
            Filter::Within(field, select) => self.within(*field, select),
            Filter::HasCode(filter) => {
                self.push(&format!("EXISTS (SELECT 1 FROM relationship_codes WHERE {CODES} AND "));
                self.filter(filter);
                self.push(")");
            }
        }
    }

    fn within(&mut self, field: Field, select: &Select) {
        self.push(&format!(
            "{} IN (SELECT {} FROM {} WHERE ",
            field.sql(),
            select.field.sql(),
            select.table.name()
        ));
        self.found(select.table, &select.filter);
        self.push(")");
    }

    /// The clauses that are part of every statement and of every subselect (see `reach`). A person's standing
    /// is looked up by key for each row: a list of all people in good standing would grow with the registry.
    fn visible(&mut self, table: Table, filter: &Filter) {
        let current = Datum::Text(Standing::Current.as_str().to_owned());
        let name = table.name();
        match table {
            Table::Roles | Table::RoleVersions | Table::Relationships | Table::RelationshipVersions => {
                for party in ["proxy", "patient"] {
                    self.push(&format!(
                        "EXISTS (SELECT 1 FROM people WHERE nhs_number = {name}.{party} AND standing = "
                    ));
                    self.bind(&current);
                    self.push(") AND ");
                }
                self.named(table, filter);
            }
            // A record names two people, one, or none. One that names none is for those who see everything.
            Table::AuditRecords | Table::AuditChanges => {
                if table == Table::AuditChanges {
                    self.push("subject_version IS NOT NULL AND ");
                }
                self.recorded(name, &current);
                self.push(" AND ");
                self.named(table, filter);
            }
            // A request can name people whom the registry does not know.
            Table::AccessRequests | Table::AccessRequestVersions => {
                self.requested(name, &current);
                self.push(" AND ");
                self.named(table, filter);
            }
            Table::People => {
                self.push("standing = ");
                self.bind(&current);
                self.push(" AND ");
                self.known();
            }
            Table::Users | Table::AccountUsers => self.users(table, &current),
            Table::Subscriptions | Table::EverySubscription | Table::SubscriptionVersions => {
                if table == Table::Subscriptions {
                    self.push("is_deleted = ");
                    self.bind(&Datum::Truth(false));
                    self.push(" AND ");
                }
                self.push(if filter.names_owner() { "1 = 1" } else { "1 = 0" });
            }
            // Read only through the tables that they belong to.
            Table::RelationshipCodes | Table::PersonNameParts => self.push("1 = 1"),
        }
    }

    /// Rows after a position: `a > x OR (a = x AND (b > y OR …))`.
    fn after(&mut self, keys: &[(String, bool, Datum)]) {
        let Some(((column, is_descending, value), rest)) = keys.split_first() else {
            return self.push("1 = 0");
        };
        self.push(&format!("({column} {} ", if *is_descending { "<" } else { ">" }));
        self.bind(value);
        if !rest.is_empty() {
            self.push(&format!(" OR ({column} = "));
            self.bind(value);
            self.push(" AND ");
            self.after(rest);
            self.push(")");
        }
        self.push(")");
    }

    /// Refuses statements above the databases' limits: SQLite takes 32,766 values and a million bytes of SQL,
    /// PostgreSQL 65,535 values.
    pub(super) fn check(&self) -> Result<(), Error> {
        const MOST_VALUES: usize = 32_000;
        const LONGEST: usize = 900_000;
        if self.values.len() > MOST_VALUES || self.sql.len() > LONGEST {
            return Err(Error::new(ErrorKind::TooCostly, TOO_LARGE));
        }
        Ok(())
    }

    /// The statement, ready to run.
    pub(super) fn query(self) -> Sql {
        Sql::composed(self.sql, self.values)
    }

    pub(super) fn explain(mut self, db: &mut Db) -> Result<Vec<String>, Error> {
        Ok(match db {
            Db::Sqlite(connection) => {
                self.sql.insert_str(0, "EXPLAIN QUERY PLAN ");
                let lines: Vec<SqlitePlan> = self.query().load(connection)?;
                lines.into_iter().map(|line| line.detail).collect()
            }
            Db::Postgres(connection) => {
                self.sql.insert_str(0, "EXPLAIN ");
                let lines: Vec<PostgresPlan> = self.query().load(connection)?;
                lines.into_iter().map(|line| line.plan).collect()
            }
        })
    }
}

/// A field as a sort key. Null counts as the least value, so that a page can begin after it.
fn ordered(field: Field) -> String {
    let column = field.column();
    match (column.is_nullable, column.is_number) {
        (false, _) => column.name.to_owned(),
        (true, true) => format!("COALESCE({}, {})", column.name, i64::MIN / 2),
        (true, false) => format!("COALESCE({}, '')", column.name),
    }
}

/// A sort value, as a page link returns it.
fn datum(field: Field, value: &str) -> Datum {
    if field.column().is_number {
        Datum::Number(value.parse().unwrap_or_default())
    } else {
        Datum::Text(value.to_owned())
    }
}

#[derive(diesel::QueryableByName)]
struct SqlitePlan {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(diesel::QueryableByName)]
struct PostgresPlan {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    plan: String,
}

#[cfg(test)]
mod tests {
    use super::Statement;
    use crate::search::fields::RoleField;
    use crate::search::filter::{Filter, Is};
    use crate::search::query::Visibility;
    use crate::search::table::Table;

    #[test]
    fn expressions_do_not_grow_deeper_than_the_logarithm_of_their_length() {
        let at = |at: i64| Filter::number(RoleField::UpdatedAt, Is::More, at);
        let many = Filter::Any((0..10_000).map(at).collect());
        let statement = Statement::condition(Table::Roles, &many, Visibility::Everything);
        let mut depth = 0_usize;
        let mut deepest = 0;
        for letter in statement.sql.chars() {
            depth = match letter {
                '(' => depth + 1,
                ')' => depth - 1,
                _ => depth,
            };
            deepest = deepest.max(depth);
        }
        assert!(deepest < 16, "{deepest}");
        assert!(statement.check().is_ok());
        let more = Filter::Any((0..40_000).map(at).collect());
        assert!(Statement::condition(Table::Roles, &more, Visibility::Everything).check().is_err());
    }
}
