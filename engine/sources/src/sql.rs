//! Databases: what may be asked, and the way from an answer to a file.
//!
//! Three fences stand one behind the other: a statement has to be one that reads ([`one_reading`]), it is run inside
//! `SELECT … FROM ( … )`, and the connection is read-only. The account that is used should be a reading one besides.

use crate::{Access, Fetched, Limits, Watch, postgres, sqlite};
use std::path::Path;
use trainyard_types::{Problem, source::ConnectionSettings};

pub(crate) async fn fetch(
    access: Access<'_>,
    settings: &ConnectionSettings,
    statement: &str,
    name: &str,
    dest: &Path,
    limits: Limits,
    watch: Watch<'_>,
) -> Result<Fetched, Problem> {
    let rows = match settings {
        ConnectionSettings::Postgres { .. } => {
            postgres::fetch(access, settings, statement, dest, limits, watch).await?
        }
        ConnectionSettings::Sqlite { path } => {
            sqlite::fetch(access.rules, path, statement, dest, limits, watch).await?
        }
        ConnectionSettings::S3 { .. } => return Err(Problem::invalid("An object store holds no tables to query.")),
    };
    if rows == 0 {
        return Err(Problem::invalid("The source gave no rows. Check the table or the query's conditions."));
    }
    let bytes = tokio::fs::metadata(dest).await.map_or(0, |meta| meta.len());
    Ok(Fetched { file_name: format!("{name}.parquet"), bytes, notes: Vec::new() })
}

/// `SELECT * FROM` a table or view, its name quoted.
///
/// # Errors
/// The name is none.
pub(crate) fn select_all(table: &str) -> Result<String, Problem> {
    let parts: Vec<&str> = table.trim().split('.').collect();
    if parts.len() > 2 || parts.iter().any(|part| part.trim().is_empty() || part.contains(['\0', '\n'])) {
        return Err(Problem::field("table", "Name one table, as name or schema.name."));
    }
    Ok(format!("SELECT * FROM {}", parts.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(".")))
}

/// A name in double quotes, as both databases take it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.trim_matches('"').replace('"', "\"\""))
}

/// The statement without its closing semicolon, if it is one statement that reads.
///
/// # Errors
/// It is empty, several, begins with another word than `SELECT`, `WITH`, `VALUES` or `TABLE`, or its quotes, comments or
/// parentheses do not end.
pub(crate) fn one_reading(text: &str) -> Result<String, Problem> {
    let refuse = |message: &str| Err(Problem::field("query", message));
    let statement = text.trim().trim_end_matches(|c: char| c == ';' || c.is_whitespace());
    if statement.contains('\0') {
        return refuse("The query holds a null character. Take it out.");
    }
    let Some(bare) = bare(statement) else {
        return refuse("A quote, comment or parenthesis of the query does not end. Close it.");
    };
    if bare.contains(';') {
        return refuse("Write one statement only: there is a semicolon within the query.");
    }
    let first: String = bare.trim_start().chars().take_while(|c| c.is_ascii_alphabetic()).collect();
    match first.to_ascii_uppercase().as_str() {
        "SELECT" | "WITH" | "VALUES" | "TABLE" => Ok(statement.to_owned()),
        "" => refuse("Write a query, such as SELECT * FROM orders WHERE year = 2025."),
        _ => refuse("Only a statement that reads can be run: begin with SELECT or WITH."),
    }
}

/// The statement with everything in quotes and comments as spaces; `None` where one does not end, or where a parenthesis
/// closes that none opened.
fn bare(statement: &str) -> Option<String> {
    let mut out = String::with_capacity(statement.len());
    let mut rest = statement;
    let mut depth = 0_usize;
    while let Some(c) = rest.chars().next() {
        let skipped = if rest.starts_with("--") {
            rest.find('\n').map_or(rest.len(), |at| at + 1)
        } else if let Some(inside) = rest.strip_prefix("/*") {
            // Nested comments end at different places in the two databases: refused.
            let end = inside.find("*/")? + 4;
            if rest[2..end].contains("/*") {
                return None;
            }
            end
        } else if matches!(c, '\'' | '"' | '`') {
            // A doubled quote begins another text at once, which comes to the same. A backslash may or may not hide a
            // quote, by setting and prefix: a text with both is refused where it could matter.
            let end = rest[1..].find(c)? + 2;
            if c == '\'' && rest[..end].ends_with("\\'") {
                return None;
            }
            end
        } else if c == '[' {
            rest.find(']')? + 1
        } else if c == '$' {
            // $tag$ … $tag$ of PostgreSQL; SQLite knows `$name` only as a parameter, of which there are none.
            let tag = rest[1..].find('$').map(|at| &rest[..at + 2]);
            match tag {
                Some(tag) if tag[1..tag.len() - 1].chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
                    rest[tag.len()..].find(tag)? + 2 * tag.len()
                }
                _ => 0,
            }
        } else {
            0
        };
        if skipped > 0 {
            out.push(' ');
            rest = &rest[skipped..];
            continue;
        }
        match c {
            '(' => depth += 1,
            ')' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        out.push(c);
        rest = &rest[c.len_utf8()..];
    }
    (depth == 0).then_some(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_statement_that_reads_and_nothing_else() {
        for good in [
            "SELECT 1",
            " select * from a; ",
            "WITH x AS (SELECT ';' AS a) SELECT * FROM x -- all; of it",
            "/* a; b */ SELECT 'it''s' FROM \"semi;colon\" WHERE a[1] = 2",
            "VALUES (1), (2)",
            "SELECT $$a;b$$, $t$c;d$t$",
        ] {
            assert!(one_reading(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "  ; ",
            "DELETE FROM a",
            "SELECT 1; DROP TABLE a",
            "SELECT 1) q; ATTACH 'x' AS y; SELECT (1",
            "SELECT 1) UNION SELECT (1",
            "SELECT 'open",
            "SELECT /* open",
            "SELECT '\\'; DROP TABLE a; --'",
            "SELECT /* a /* b */ ; */ 1",
            "PRAGMA table_info(a)",
            "ATTACH 'x' AS y",
            "EXPLAIN SELECT 1",
            "SELECT $a$ ; ",
        ] {
            assert!(one_reading(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn table_names_are_quoted() {
        assert_eq!(select_all("orders").unwrap(), "SELECT * FROM \"orders\"");
        assert_eq!(select_all("sales.\"or\"ders\"").unwrap(), "SELECT * FROM \"sales\".\"or\"\"ders\"");
        assert!(select_all("a.b.c").is_err());
        assert!(select_all(" ").is_err());
    }
}
