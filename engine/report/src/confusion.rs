//! What a classifier mistakes for what.

use crate::{
    axes::WIDTH,
    canvas::{Align, Ink, draw, fit, text_width},
    words::{count, of_hundred, percent, quoted},
};
use trainyard_types::evaluation::{Chart, ChartTable};

/// Rows in the chart's table.
const TABLE_ROWS: usize = 200;

/// Rows by actual (first index) and predicted class. Shows up to 20 classes, the most frequent ones.
pub fn confusion(matrix: &[Vec<u64>], labels: &[String], rule: &str) -> Chart {
    let total: u64 = matrix.iter().flatten().sum();
    let right: u64 = (0..matrix.len()).map(|i| matrix[i][i]).sum();
    let share = right as f64 / total.max(1) as f64;
    let title = format!("{} of 100 rows are put in the right class", of_hundred(share));
    let mut mistakes: Vec<(usize, usize, u64)> = (0..matrix.len())
        .flat_map(|a| (0..matrix.len()).map(move |p| (a, p)))
        .filter(|(a, p)| a != p && matrix[*a][*p] > 0)
        .map(|(a, p)| (a, p, matrix[a][p]))
        .collect();
    mistakes.sort_by(|x, y| y.2.cmp(&x.2).then((x.0, x.1).cmp(&(y.0, y.1))));
    let of_row = |a: usize, n: u64| n as f64 / matrix[a].iter().sum::<u64>().max(1) as f64;
    let kept = most_frequent(matrix, 20);
    let summary = match mistakes.first() {
        None => format!("All {} test rows are in their own class, {rule}.", count(total)),
        Some(&(a, p, n)) => format!(
            "The most common mistake {rule}: {} taken for {}, {} rows ({} of that class){}.",
            quoted(&labels[a]),
            quoted(&labels[p]),
            count(n),
            percent(of_row(a, n)),
            if kept.len() < matrix.len() {
                format!("; the drawing shows the {} most frequent classes", kept.len())
            } else {
                String::new()
            }
        ),
    };
    let svg = matrix_svg(matrix, labels, &kept, &title);
    let mut rows: Vec<Vec<String>> = (0..matrix.len())
        .map(|a| (a, a, matrix[a][a]))
        .chain(mistakes)
        .take(TABLE_ROWS)
        .map(|(a, p, n)| vec![labels[a].clone(), labels[p].clone(), count(n), percent(of_row(a, n))])
        .collect();
    rows.truncate(TABLE_ROWS);
    let columns = ["Actual", "Predicted", "Rows", "Share of the actual class"].map(String::from).to_vec();
    Chart { id: "confusion".into(), title, summary, svg, table: ChartTable { columns, rows } }
}

/// Indices of the classes with the most actual rows, in their own order.
fn most_frequent(matrix: &[Vec<u64>], most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..matrix.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(matrix[i].iter().sum::<u64>()), i));
    order.truncate(most);
    order.sort_unstable();
    order
}

fn matrix_svg(matrix: &[Vec<u64>], labels: &[String], kept: &[usize], title: &str) -> String {
    let n = kept.len().max(1) as f64;
    let widest = kept.iter().map(|&i| text_width(&labels[i])).fold(0.0, f64::max);
    let gutter = widest.min(96.0) + 30.0;
    let cell = ((WIDTH - gutter - 8.0) / n).min(132.0);
    let cell_height = if n <= 3.0 { cell.min(72.0) } else { cell.min(44.0) };
    // Labels below stand upright where they would not fit side by side.
    let upright = widest + 6.0 > cell;
    let below = if upright { widest.min(96.0) + 10.0 } else { 20.0 };
    let top = 8.0;
    let bottom = top + cell_height * n;
    let height = bottom + below + 24.0;
    draw(WIDTH, height, title, |canvas| {
        canvas.bar((gutter, top), (gutter + cell * n, bottom), Ink::Grid, 0.35);
        for i in 1..kept.len() {
            let (x, y) = (gutter + i as f64 * cell, top + i as f64 * cell_height);
            canvas.line((x, top), (x, bottom), Ink::Surface, 1.0);
            canvas.line((gutter, y), (gutter + cell * n, y), Ink::Surface, 1.0);
        }
        for (r, &a) in kept.iter().enumerate() {
            let y = top + r as f64 * cell_height;
            let middle = y + cell_height / 2.0;
            canvas.text(&fit(&labels[a], gutter - 28.0), (gutter - 6.0, middle), Align::Right, Ink::Text);
            let all = matrix[a].iter().sum::<u64>().max(1) as f64;
            for (c, &p) in kept.iter().enumerate() {
                let x = gutter + c as f64 * cell;
                let rows = matrix[a][p];
                let share = rows as f64 / all;
                if rows == 0 && cell < 21.0 {
                    continue;
                }
                // Light enough at its darkest for text upon it to keep its contrast.
                let ink = if a == p { Ink::Solid(0) } else { Ink::Solid(1) };
                canvas.bar((x + 0.5, y + 0.5), (x + cell - 0.5, y + cell_height - 0.5), ink, 0.45 * share.sqrt());
                let centre = (x + cell / 2.0, middle);
                let full = count(rows);
                if cell_height >= 34.0 && text_width(&full) + 4.0 < cell && text_width("100 %") < cell {
                    canvas.bold(&full, (centre.0, middle - 8.0), Align::Centre, Ink::Text);
                    canvas.text(&percent(share), (centre.0, middle + 9.0), Align::Centre, Ink::Text);
                } else if cell >= 21.0 {
                    canvas.text(&format!("{:.0}", share * 100.0), centre, Align::Centre, Ink::Text);
                }
            }
        }
        for (c, &p) in kept.iter().enumerate() {
            let x = gutter + (c as f64 + 0.5) * cell;
            if upright {
                canvas.upright(&fit(&labels[p], 96.0), (x, bottom + 6.0), Align::Right, Ink::Text);
            } else {
                canvas.text(&labels[p], (x, bottom + 12.0), Align::Centre, Ink::Text);
            }
        }
        let middle = gutter + cell * n / 2.0;
        let unit = if cell >= 21.0 && !(cell_height >= 34.0 && cell > 40.0) {
            "Predicted (% of each actual class)"
        } else {
            "Predicted"
        };
        canvas.text(unit, (middle.min(WIDTH - text_width(unit) / 2.0), height - 10.0), Align::Centre, Ink::Text);
        canvas.upright("Actual", (8.0, (top + bottom) / 2.0), Align::Centre, Ink::Text);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusion_names_the_worst_mistake() {
        let chart = confusion(&[vec![90, 10], vec![30, 70]], &["no".into(), "yes".into()], "at a threshold of 0.5");
        assert_eq!(chart.title, "80 of 100 rows are put in the right class");
        assert!(chart.summary.contains("“yes” taken for “no”, 30 rows (30 %"), "{}", chart.summary);
        assert_eq!(chart.table.rows.len(), 4);
    }

    #[test]
    fn forty_classes_are_cut_to_twenty() {
        let n = 40;
        let matrix: Vec<Vec<u64>> =
            (0..n).map(|a| (0..n).map(|p| if a == p { 50 + a as u64 } else { 1 }).collect()).collect();
        let labels: Vec<String> = (0..n).map(|i| format!("class {i}")).collect();
        let chart = confusion(&matrix, &labels, "by the most probable class");
        assert!(chart.summary.contains("20 most frequent"), "{}", chart.summary);
        assert_eq!(chart.table.rows.len(), TABLE_ROWS);
        assert!(chart.svg.contains("class 39") && !chart.svg.contains("class 19<"));
    }
}
