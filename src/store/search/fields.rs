//! The fields by which rows are found and ordered. An API names a field by its meaning; the SQL that it
//! compiles to is known here only.
//!
//! A filter on a table names fields of that table ([`Table::fields`]). Those of a table of versions are the
//! fields by which a history is found; [`list_matching_versions`](crate::tx::Tx::list_matching_versions) puts
//! the versions in the place of the present rows, and its filter names the fields of these.

use crate::search::table::Table;

/// A column of a table, or an expression over its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(super) name: &'static str,
    pub(super) is_number: bool,
    pub(super) is_nullable: bool,
}

impl Column {
    /// A column of text that is never null.
    const fn text(name: &'static str) -> Self {
        Self { name, is_number: false, is_nullable: false }
    }

    /// A column of whole numbers that is never null.
    const fn number(name: &'static str) -> Self {
        Self { name, is_number: true, is_nullable: false }
    }

    /// The same, where it may be null. In an order, null precedes every value.
    const fn or_null(mut self) -> Self {
        self.is_nullable = true;
        self
    }
}

/// Defines the fields of one table: name, documentation and column of each.
macro_rules! fields {
    (
        $(#[$doc:meta])*
        $name:ident as $kind:ident {
            $($(#[$field_doc:meta])* $field:ident = $column:expr;)+
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$field_doc])* $field,)+
        }

        impl $name {
            const ALL: &[Self] = &[$(Self::$field,)+];

            const fn column(self) -> Column {
                match self {
                    $(Self::$field => $column,)+
                }
            }
        }

        impl From<$name> for Field {
            fn from(field: $name) -> Self {
                Self::$kind(field)
            }
        }
    };
}

fields! {
    /// A field of a proxy role.
    RoleField as Role {
        /// Its id.
        Id = Column::text("id");
        /// `Consent/{id}`, as audit records name it.
        Reference = Column::text("('Consent/' || id)");
        /// The NHS number of the proxy.
        Proxy = Column::text("proxy");
        /// The NHS number of the patient.
        Patient = Column::text("patient");
        /// The stored status: a role whose end has passed may still be `active`.
        Status = Column::text("status");
        /// The code of the status reason.
        Reason = Column::text("reason_code");
        /// The NHS number of the citizen who gave the status reason.
        ReasonGiver = Column::text("reason_by").or_null();
        /// The code of the legal basis.
        LegalBasis = Column::text("legal_basis");
        /// The ODS code of the grantor.
        Grantor = Column::text("grantor").or_null();
        /// The first millisecond of the period.
        StartAt = Column::number("start_at").or_null();
        /// The last millisecond of the period.
        EndAt = Column::number("end_at").or_null();
        /// The first millisecond of the date of the decision.
        CreatedFrom = Column::number("created_from");
        /// The last millisecond of the date of the decision.
        CreatedTo = Column::number("created_to");
        /// `review-due` where the role is marked for review; null elsewhere.
        ReviewMark = Column::text("(CASE WHEN needs_review THEN 'review-due' END)").or_null();
        /// When the present version was written.
        UpdatedAt = Column::number("updated_at");
    }
}

fields! {
    /// A field of a relationship.
    RelationshipField as Relationship {
        /// Its id.
        Id = Column::text("id");
        /// `RelatedPerson/{id}`, as audit records name it.
        Reference = Column::text("('RelatedPerson/' || id)");
        /// The NHS number of the related person.
        Proxy = Column::text("proxy");
        /// The NHS number of the patient.
        Patient = Column::text("patient");
        /// Whether it is in use.
        IsActive = Column::text("active");
        /// When the present version was written.
        UpdatedAt = Column::number("updated_at");
    }
}

fields! {
    /// A field of a code of a relationship.
    RelationshipCodeField as RelationshipCode {
        /// The id of the relationship.
        Relationship = Column::text("relationship_id");
        /// The code system.
        System = Column::text("system");
        /// The code.
        Code = Column::text("code");
        /// The display without letter case and accents ([`normalize_words`](crate::normalize_words)); null where the code came
        /// without one.
        DisplayFolded = Column::text("COALESCE(display_folded, LOWER(display))").or_null();
    }
}

fields! {
    /// A field of an access request.
    AccessRequestField as AccessRequest {
        /// Its id.
        Id = Column::text("id");
        /// `QuestionnaireResponse/{id}`, as audit records name it.
        Reference = Column::text("('QuestionnaireResponse/' || id)");
        /// The NHS number of the person who is to act.
        Proxy = Column::text("proxy");
        /// The NHS number of the patient.
        Patient = Column::text("patient");
        /// The NHS number of the applicant. One comparison, not an OR of two: SQLite plans hundreds of those
        /// for minutes.
        Applicant = Column::text("(CASE applicant WHEN 'Patient' THEN patient ELSE proxy END)");
        /// The code that the applicant quotes on the phone.
        ReferenceCode = Column::text("reference_code");
        /// The canonical URL of the questionnaire.
        Questionnaire = Column::text("questionnaire");
        /// The status of the QuestionnaireResponse.
        Status = Column::text("status");
        /// The first millisecond of the date on which it was authored.
        AuthoredFrom = Column::number("authored_from");
        /// The last millisecond of the date on which it was authored.
        AuthoredTo = Column::number("authored_to");
        /// When the present version was written.
        UpdatedAt = Column::number("updated_at");
    }
}

fields! {
    /// A field of a person.
    PersonField as Person {
        /// The NHS number, which is the id.
        NhsNumber = Column::text("nhs_number");
        /// The ODS code of the practice where the person is registered.
        Practice = Column::text("practice").or_null();
        /// The first millisecond of the date of birth.
        BornFrom = Column::number("birth_from").or_null();
        /// The last millisecond of the date of birth.
        BornTo = Column::number("birth_to").or_null();
        /// When the registry reported the person's death.
        DiedAt = Column::number("died_at").or_null();
        /// The first of the given names, folded; empty where there is none. For an order.
        FirstGivenName = Column::text(
            "COALESCE((SELECT MIN(folded) FROM person_name_parts AS parts \
             WHERE parts.nhs_number = people.nhs_number AND part = 'given'), '')",
        );
        /// The first of the family names, folded; empty where there is none. For an order.
        FirstFamilyName = Column::text(
            "COALESCE((SELECT MIN(folded) FROM person_name_parts AS parts \
             WHERE parts.nhs_number = people.nhs_number AND part = 'family'), '')",
        );
        /// When the person was last updated.
        UpdatedAt = Column::number("updated_at");
    }
}

fields! {
    /// A field of a part of a person's name.
    NamePartField as NamePart {
        /// The NHS number of the person.
        NhsNumber = Column::text("nhs_number");
        /// The kind of part: `family`, `given`, `prefix` or `suffix`.
        Part = Column::text("part");
        /// The text as received.
        Written = Column::text("value");
        /// The text without letter case, accents and punctuation ([`fold`](crate::normalize)).
        Folded = Column::text("folded");
    }
}

fields! {
    /// A field of a user.
    UserField as User {
        /// Its id.
        Id = Column::text("id");
        /// When the user was last updated.
        UpdatedAt = Column::number("updated_at");
    }
}

fields! {
    /// A field of a membership of a user in an account.
    AccountUserField as AccountUser {
        /// The id of the user.
        User = Column::text("user_id");
        /// The NHS number of the account.
        Account = Column::text("nhs_number");
    }
}

fields! {
    /// A field of an audit record.
    AuditField as Audit {
        /// Its id.
        Id = Column::text("id");
        /// When it was recorded.
        RecordedAt = Column::number("recorded_at");
        /// The code of the act.
        Act = Column::text("act");
        /// The code of the outcome.
        Outcome = Column::text("outcome");
        /// The kind of caller.
        CallerKind = Column::text("caller_kind");
        /// The identifier of the caller.
        Caller = Column::text("caller_id").or_null();
        /// The client id of the app.
        App = Column::text("app").or_null();
        /// `urn:uuid:` and the id of the grant.
        GrantUrn = Column::text("('urn:uuid:' || grant_id)").or_null();
        /// The id of the HTTP request.
        Request = Column::text("request_id").or_null();
        /// The query of a search.
        Query = Column::text("query").or_null();
        /// The subject, as `Type/id`, or a type alone.
        Subject = Column::text("subject").or_null();
        /// The subject, where it is a resource and not a type.
        SubjectResource = Column::text("(CASE WHEN subject LIKE '%/%' THEN subject END)").or_null();
        /// The version of the subject that a change wrote; null where nothing was changed.
        SubjectVersion = Column::number("subject_version").or_null();
        /// The owner of the subscription that the record is about; the empty text for other records. A
        /// subscription that is no longer stored has no owner.
        SubscriptionOwner = Column::text(
            "(CASE WHEN subject LIKE 'Subscription/%' THEN COALESCE((SELECT s.owner_key FROM subscriptions s \
             WHERE s.id = SUBSTR(audit_records.subject, 14)), 'none') ELSE '' END)",
        );
        /// The NHS number of the patient.
        Patient = Column::text("patient").or_null();
        /// The NHS number of the proxy.
        Proxy = Column::text("proxy").or_null();
    }
}

fields! {
    /// A field of a subscription.
    SubscriptionField as Subscription {
        /// Its id.
        Id = Column::text("id");
        /// The owner ([`owner_key`](domain::event::owner_key)). A search of subscriptions that does not name
        /// it finds nothing.
        Owner = Column::text("owner_key");
        /// Its status.
        Status = Column::text("status");
        /// The criteria as received.
        Criteria = Column::text("criteria");
        /// The criteria without letter case and accents ([`normalize_words`](crate::normalize_words)).
        CriteriaFolded = Column::text("COALESCE(criteria_folded, LOWER(criteria))");
        /// The contacts, each as `system|value` between unit separators.
        Contacts = Column::text("contacts").or_null();
        /// The media type of notifications.
        Payload = Column::text("payload").or_null();
        /// The type of the channel.
        ChannelType = Column::text("channel_type");
        /// The endpoint without its query, which may hold a secret.
        Url = Column::text("url").or_null();
        /// When the present version was written.
        UpdatedAt = Column::number("updated_at");
    }
}

/// A field of any table that can be searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the variants say it")]
pub enum Field {
    Role(RoleField),
    Relationship(RelationshipField),
    RelationshipCode(RelationshipCodeField),
    AccessRequest(AccessRequestField),
    Person(PersonField),
    NamePart(NamePartField),
    User(UserField),
    AccountUser(AccountUserField),
    Audit(AuditField),
    Subscription(SubscriptionField),
}

impl Field {
    pub(crate) const fn column(self) -> Column {
        match self {
            Self::Role(field) => field.column(),
            Self::Relationship(field) => field.column(),
            Self::RelationshipCode(field) => field.column(),
            Self::AccessRequest(field) => field.column(),
            Self::Person(field) => field.column(),
            Self::NamePart(field) => field.column(),
            Self::User(field) => field.column(),
            Self::AccountUser(field) => field.column(),
            Self::Audit(field) => field.column(),
            Self::Subscription(field) => field.column(),
        }
    }

    /// The SQL that it is.
    pub(crate) const fn sql(self) -> &'static str {
        self.column().name
    }

    /// Whether few rows have the same value: it identifies a row, or a person of the row.
    pub(super) fn is_narrow(self) -> bool {
        matches!(self.sql(), "id" | "proxy" | "patient" | "nhs_number" | "subject")
    }
}

impl Table {
    /// The field that identifies a row; in a table of details, the row that they belong to.
    pub const fn id(self) -> Field {
        match self {
            Self::Roles | Self::RoleVersions => Field::Role(RoleField::Id),
            Self::Relationships | Self::RelationshipVersions => Field::Relationship(RelationshipField::Id),
            Self::RelationshipCodes => Field::RelationshipCode(RelationshipCodeField::Relationship),
            Self::AccessRequests | Self::AccessRequestVersions => {
                Field::AccessRequest(AccessRequestField::Id)
            }
            Self::People => Field::Person(PersonField::NhsNumber),
            Self::PersonNameParts => Field::NamePart(NamePartField::NhsNumber),
            Self::AuditRecords | Self::AuditChanges => Field::Audit(AuditField::Id),
            Self::Users => Field::User(UserField::Id),
            Self::AccountUsers => Field::AccountUser(AccountUserField::User),
            Self::Subscriptions | Self::EverySubscription | Self::SubscriptionVersions => {
                Field::Subscription(SubscriptionField::Id)
            }
        }
    }

    /// The field with the NHS number of a row's patient; `None` where rows do not have one patient.
    pub const fn patient(self) -> Option<Field> {
        match self {
            Self::Roles | Self::RoleVersions => Some(Field::Role(RoleField::Patient)),
            Self::Relationships | Self::RelationshipVersions => {
                Some(Field::Relationship(RelationshipField::Patient))
            }
            Self::AccessRequests | Self::AccessRequestVersions => {
                Some(Field::AccessRequest(AccessRequestField::Patient))
            }
            Self::People => Some(Field::Person(PersonField::NhsNumber)),
            Self::AuditRecords | Self::AuditChanges => Some(Field::Audit(AuditField::Patient)),
            Self::RelationshipCodes
            | Self::PersonNameParts
            | Self::Users
            | Self::AccountUsers
            | Self::Subscriptions
            | Self::EverySubscription
            | Self::SubscriptionVersions => None,
        }
    }

    /// The fields by which rows of this table are found, for tests.
    pub fn fields(self) -> Vec<Field> {
        fn all<F: Copy + Into<Field>>(fields: &[F]) -> Vec<Field> {
            fields.iter().map(|field| (*field).into()).collect()
        }
        match self {
            Self::Roles => all(RoleField::ALL),
            Self::Relationships => all(RelationshipField::ALL),
            Self::RelationshipCodes => all(RelationshipCodeField::ALL),
            Self::AccessRequests => all(AccessRequestField::ALL),
            Self::People => all(PersonField::ALL),
            Self::PersonNameParts => all(NamePartField::ALL),
            Self::AuditRecords | Self::AuditChanges => all(AuditField::ALL),
            Self::Users => all(UserField::ALL),
            Self::AccountUsers => all(AccountUserField::ALL),
            Self::Subscriptions | Self::EverySubscription => all(SubscriptionField::ALL),
            Self::RoleVersions => all(&[RoleField::Id, RoleField::UpdatedAt]),
            Self::RelationshipVersions => all(&[RelationshipField::Id, RelationshipField::UpdatedAt]),
            Self::AccessRequestVersions => all(&[AccessRequestField::Id, AccessRequestField::UpdatedAt]),
            Self::SubscriptionVersions => {
                all(&[SubscriptionField::Id, SubscriptionField::Owner, SubscriptionField::UpdatedAt])
            }
        }
    }
}
