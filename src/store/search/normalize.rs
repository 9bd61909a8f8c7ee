//! Folding of texts for searches: without letter case and accents
//! (<https://hl7.org/fhir/R4/search.html#string>). It is done here and not by the databases, which each fold
//! in a way of their own.
//!
//! Letter case is Unicode's full case folding: `ß` is `ss`, and the final sigma a sigma. Its table is not
//! part of the standard library; lower case of upper case of lower case is the same for every letter but for
//! the dotless `ı`, which is an `i` here.

use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use crate::db::Db;
use crate::dialect::on_dialect;
use crate::schema::{person_name_parts, relationship_codes, subscriptions};
use crate::sql::Sql;
use base::error::Error;

/// A text in the form in which names are searched: without letter case and accents, letters and digits only.
/// The result sorts alike in every locale.
pub fn normalize(text: &str) -> String {
    if text.is_ascii() {
        return text
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|letter| letter.to_ascii_lowercase())
            .collect();
    }
    text.nfd().filter(|letter| letter.is_alphanumeric()).flat_map(fold_case).collect()
}

/// A text without letter case and accents, with its spaces and punctuation.
pub fn normalize_words(text: &str) -> String {
    let is_accent = |letter: &char| is_combining_mark(*letter) && !letter.is_alphanumeric();
    text.nfd().filter(|letter| !is_accent(letter)).flat_map(fold_case).collect()
}

/// [`normalize_words`] of a text where the lower case of the databases differs.
pub(crate) fn normalized_words(text: &str) -> Option<String> {
    (!text.is_ascii()).then(|| normalize_words(text))
}

fn fold_case(letter: char) -> impl Iterator<Item = char> {
    letter.to_lowercase().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

/// The rows read, and written in one transaction, at a time.
const BATCH: usize = 1000;

/// A row with a text to fold: its key, the text, and its present folded form.
#[derive(QueryableByName)]
struct FoldRow {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = BigInt)]
    position: i64,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Text)]
    folded: String,
}

/// A folded column: the columns of the key, of the text, and of the folded text, and the statement that
/// writes it.
struct Folded {
    table: &'static str,
    key: [&'static str; 3],
    text: &'static str,
    column: &'static str,
    save: fn(&mut Db, &FoldRow) -> Result<usize, diesel::result::Error>,
}

const FOLDED: [Folded; 3] = [
    Folded {
        table: "person_name_parts",
        key: ["nhs_number", "0", "position"],
        text: "value",
        column: "folded",
        save: save_name_part,
    },
    Folded {
        table: "relationship_codes",
        key: ["relationship_id", "version", "position"],
        text: "display",
        column: "display_folded",
        save: save_code,
    },
    Folded {
        table: "subscriptions",
        key: ["id", "0", "0"],
        text: "criteria",
        column: "criteria_folded",
        save: save_criteria,
    },
];

/// Folds texts that an earlier version of this program has folded otherwise, or not at all. Every version
/// folds ASCII texts alike, so they are not read.
pub(crate) fn renormalize(db: &mut Db) -> Result<(), Error> {
    for folded in &FOLDED {
        let mut after = (String::new(), -1, -1);
        loop {
            let rows = next_rows(db, folded, &after)?;
            let Some(last) = rows.last() else { break };
            after = (last.id.clone(), last.version, last.position);
            db.transaction(|db| {
                let outdated = rows.iter().filter(|row| wanted(folded, row) != row.folded);
                outdated.map(|row| (folded.save)(db, row)).try_for_each(|saved| saved.map(drop))
            })?;
            if rows.len() < BATCH {
                break;
            }
        }
    }
    Ok(())
}

fn wanted(folded: &Folded, row: &FoldRow) -> String {
    if folded.table == "person_name_parts" { normalize(&row.text) } else { normalize_words(&row.text) }
}

fn next_rows(
    db: &mut Db,
    Folded { table, key: [id, version, position], text, column, .. }: &Folded,
    (last, last_version, last_position): &(String, i64, i64),
) -> Result<Vec<FoldRow>, Error> {
    let is_not_ascii = match db {
        Db::Postgres(_) => format!("octet_length({text}) <> char_length({text})"),
        Db::Sqlite(_) => format!("length(CAST({text} AS BLOB)) <> length({text})"),
    };
    let sql = format!(
        "SELECT {id} AS id, CAST({version} AS BIGINT) AS version, CAST({position} AS BIGINT) AS position, \
         {text} AS text, COALESCE({column}, '') AS folded FROM {table} WHERE {is_not_ascii} \
         AND ({id} > ? OR ({id} = ? AND ({version} > ? OR ({version} = ? AND {position} > ?)))) \
         ORDER BY {id}, 2, 3 LIMIT {BATCH}"
    );
    let query = Sql::composed(sql, Vec::new())
        .text(last.as_str())
        .text(last.as_str())
        .number(*last_version)
        .number(*last_version)
        .number(*last_position);
    Ok(on_dialect!(db, c => query.load(c))?)
}

fn save_name_part(db: &mut Db, row: &FoldRow) -> Result<usize, diesel::result::Error> {
    let position = i32::try_from(row.position).unwrap_or(i32::MAX);
    diesel::update(person_name_parts::table.find((&row.id, position)))
        .set(person_name_parts::folded.eq(normalize(&row.text)))
        .execute(db)
}

fn save_code(db: &mut Db, row: &FoldRow) -> Result<usize, diesel::result::Error> {
    let position = i32::try_from(row.position).unwrap_or(i32::MAX);
    diesel::update(relationship_codes::table.find((&row.id, row.version, position)))
        .set(relationship_codes::display_folded.eq(normalize_words(&row.text)))
        .execute(db)
}

fn save_criteria(db: &mut Db, row: &FoldRow) -> Result<usize, diesel::result::Error> {
    diesel::update(subscriptions::table.find(&row.id))
        .set(subscriptions::criteria_folded.eq(normalize_words(&row.text)))
        .execute(db)
}

#[cfg(test)]
mod tests {
    use super::{normalize, normalize_words};

    // covers FAULT-15
    #[test]
    fn case_folding_follows_unicode() {
        for (text, folded) in [
            ("Strauß", "strauss"),
            ("STRAUSS", "strauss"),
            ("STRAUẞ", "strauss"),
            ("Σίσυφος", "σισυφοσ"),
            ("ΣΊΣΥΦΟΣ", "σισυφοσ"),
            ("Müller", "muller"),
            ("Ó Súilleabháin", "osuilleabhain"),
            ("İstanbul", "istanbul"),
            ("ﬁnch", "finch"),
            ("ſmith", "smith"),
            ("Łódź", "łodz"),
            ("ᾼ", "αι"),
            ("Ærø", "ærø"),
            ("Иванов", "иванов"),
        ] {
            assert_eq!(normalize(text), folded, "{text}");
        }
        assert_eq!(normalize_words("Größe: 5 (Ältere)"), "grosse: 5 (altere)");
        assert_eq!(normalize_words("Consent?status=ACTIVE"), "consent?status=active");
    }

    // covers FAULT-15
    #[test]
    fn every_letter_folds_as_its_capital_and_its_small_letter_and_once() {
        for letter in '\0'..=char::MAX {
            let capital: String = letter.to_uppercase().collect();
            let small: String = letter.to_lowercase().collect();
            if capital == small {
                continue;
            }
            let one = normalize(&letter.to_string());
            assert_eq!((normalize(&capital), normalize(&small)), (one.clone(), one.clone()), "{letter:?}");
            assert_eq!(normalize(&one), one, "{letter:?}");
        }
    }
}
