//! Every field of every table that can be searched is SQL that both databases take.

use rstest::rstest;
use store::search::{
    Field, Filter, PageQuery, Position, RelationshipField, SortKey, SubscriptionField, Table, Visibility,
};

use crate::support::{Backend, TestDatabase};

/// A truth value has no order that a page could begin in.
const UNORDERED: Field = Field::Relationship(RelationshipField::IsActive);

/// The tables of which versions are found by what they were, and those of their versions.
const VERSIONED: [(Table, Table); 3] = [
    (Table::Roles, Table::RoleVersions),
    (Table::Relationships, Table::RelationshipVersions),
    (Table::AccessRequests, Table::AccessRequestVersions),
];

/// A page of the rows that have a value of the field, in its order, that begins within.
fn page(table: Table, field: Field) -> PageQuery {
    let owner = Filter::text(SubscriptionField::Owner, "nobody");
    let is_owned = matches!(field, Field::Subscription(_));
    let filter =
        Filter::All([Filter::Null(field).negated()].into_iter().chain(is_owned.then_some(owner)).collect());
    let order: Vec<SortKey> =
        if field == UNORDERED { Vec::new() } else { vec![SortKey { field, is_descending: false }] };
    let values = order.iter().map(|_| "7".to_owned()).collect();
    PageQuery { table, filter, order, after: Some(Position { values, id: "7".to_owned() }), limit: 1 }
}

#[rstest]
fn every_field_is_searched_and_sorted_by_on_both_databases(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = TestDatabase::migrated(backend);
    let store = database.open();
    let mut count = 0;
    for table in Table::ALL {
        let fields = table.fields();
        assert!(fields.contains(&table.id()), "{table:?}");
        assert!(table.patient().is_none_or(|field| fields.contains(&field) || fields.len() < 3), "{table:?}");
        for field in fields {
            let found = store.read_here(|tx| tx.search(&page(*table, field), Visibility::Everything));
            assert_eq!(found.map_err(|error| format!("{table:?} {field:?}: {error:?}")), Ok(Vec::new()));
            count += 1;
        }
    }
    assert!(count > 80, "{count}");
}

#[rstest]
fn every_field_of_a_present_row_is_one_of_its_versions_on_both_databases(
    #[values(Backend::Sqlite, Backend::Postgres)] backend: Backend,
) {
    let database = TestDatabase::migrated(backend);
    let store = database.open();
    for (table, versions) in VERSIONED {
        for field in table.fields() {
            let filter = Filter::Null(field).negated();
            let wanted = [("7".to_owned(), 1)];
            let found = store.read_here(|tx| {
                tx.list_matching_versions(table, versions, &wanted, &filter, Visibility::Everything)
            });
            assert_eq!(found.map_err(|error| format!("{table:?} {field:?}: {error:?}")), Ok(Vec::new()));
        }
    }
}
