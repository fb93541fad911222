//! Aligned columns.

use serde_json::Value;

/// A column: its heading, and a row's cell.
pub type Column = (&'static str, fn(&Value) -> String);

/// A cell is cut to this many characters; DIDs are long. `show` and `--json` give all.
const WIDEST: usize = 44;

/// Rows below headings, in columns as wide as their widest cell. Empty columns are left out.
#[must_use]
pub fn table(rows: &[Value], columns: &[Column]) -> String {
    if rows.is_empty() {
        return "none\n".to_owned();
    }
    let columns: Vec<Vec<String>> = columns
        .iter()
        .map(|(heading, cell)| {
            let cells = rows.iter().map(|row| cut(&cell(row)));
            std::iter::once((*heading).to_owned()).chain(cells).collect()
        })
        .filter(|cells: &Vec<String>| cells.iter().skip(1).any(|cell| !cell.is_empty()))
        .collect();
    let widths: Vec<usize> = columns
        .iter()
        .map(|cells| cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in 0..=rows.len() {
        let mut line = String::new();
        for (cells, width) in columns.iter().zip(&widths) {
            let cell = cells.get(row).map_or("", String::as_str);
            line.push_str(&format!("{cell:width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The beginning and the end, which is what tells two long DIDs apart.
fn cut(cell: &str) -> String {
    let length = cell.chars().count();
    if length <= WIDEST {
        return cell.to_owned();
    }
    let begin: String = cell.chars().take(WIDEST / 2).collect();
    let end: String = cell.chars().skip(length - (WIDEST / 2 - 1)).collect();
    format!("{begin}…{end}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const COLUMNS: &[Column] = &[
        ("ID", |row| row["id"].as_str().unwrap_or_default().to_owned()),
        ("ALIAS", |row| row["alias"].as_str().unwrap_or_default().to_owned()),
        ("STATE", |row| row["state"].as_str().unwrap_or_default().to_owned()),
    ];

    #[test]
    fn columns_are_aligned_by_characters() {
        let rows = [
            json!({"id": "1", "alias": "Zoë", "state": "done"}),
            json!({"id": "22", "alias": "Bob"}),
        ];
        assert_eq!(table(&rows, COLUMNS), "ID  ALIAS  STATE\n1   Zoë    done\n22  Bob\n");
    }

    #[test]
    fn empty_columns_are_left_out_and_no_rows_say_so() {
        assert_eq!(table(&[json!({"id": "1", "state": "x"})], COLUMNS), "ID  STATE\n1   x\n");
        assert_eq!(table(&[], COLUMNS), "none\n");
    }

    #[test]
    fn long_cells_keep_both_ends() {
        let did = format!("did:peer:2.{}tail", "x".repeat(200));
        let cell = cut(&did);
        assert_eq!(cell.chars().count(), WIDEST);
        assert!(cell.starts_with("did:peer:2.") && cell.ends_with("tail"));
    }
}
