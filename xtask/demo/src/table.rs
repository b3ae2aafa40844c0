//! Tables of text.

/// Rows of cells in columns, with lines around them.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let rule = |[left, middle, right]: [&str; 3]| {
        let parts: Vec<_> = widths.iter().map(|width| "─".repeat(width + 2)).collect();
        format!("{left}{}{right}", parts.join(middle))
    };
    let mut lines = vec![rule(["┌", "┬", "┐"])];
    for (index, row) in rows.iter().enumerate() {
        let cells = widths.iter().enumerate().map(|(column, &width)| {
            let cell = row.get(column).map_or("", String::as_str);
            format!(" {cell:<width$} ")
        });
        lines.push(format!("│{}│", cells.collect::<Vec<_>>().join("│")));
        if index == 0 {
            lines.push(rule(["├", "┼", "┤"]));
        }
    }
    lines.push(rule(["└", "┴", "┘"]));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "µ"], ["long", "x"]].map(|row| row.map(str::to_owned).to_vec());
        let expected = "┌──────┬───┐\n│ a    │ µ │\n├──────┼───┤\n│ long │ x │\n└──────┴───┘";
        assert_eq!(table(&rows), expected);
    }
}
