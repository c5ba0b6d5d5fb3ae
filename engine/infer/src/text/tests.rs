#![allow(clippy::unwrap_used)]
use super::*;
use crate::target::Target;

fn texts(name: &str, rows: Vec<Option<String>>) -> Column {
    let values = crate::signature::categories(rows.into_iter());
    Column { name: name.into(), kind: ColumnType::Text, values }
}

/// Reviews of 8 words: "refund" goes with class 1, "quick delivery" with class 0, the others with nothing.
fn reviews(rows: usize) -> (Frame, Target) {
    let mut state = 9u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut classes = Vec::new();
    let mut all = Vec::new();
    for row in 0..rows {
        let class = random(2);
        let mut words: Vec<String> = (0..6).map(|_| format!("word{}", random(400))).collect();
        if random(10) < 6 {
            words.insert(2, if class == 1 { "Refund,".into() } else { "quick delivery".into() });
        }
        classes.push(class as u32);
        all.push((row % 17 != 0).then(|| words.join(" ")));
    }
    (Frame { columns: vec![texts("review", all)], rows }, Target::Classes(classes))
}

#[test]
fn words_that_go_with_the_target_are_found_and_noise_is_not() {
    let (frame, target) = reviews(2_000);
    let fitted = Texts::fit(&frame, &target);
    let shown: Vec<&str> = fitted.columns()[0].grams.iter().map(|gram| gram.words.as_str()).collect();
    for words in ["refund", "quick", "delivery", "quick delivery"] {
        assert!(shown.contains(&words), "{words} is not among {shown:?}");
    }
    assert!(shown.len() <= 6, "{shown:?}");
    fitted.check().unwrap();
    // The same in a regression.
    let Target::Classes(classes) = &target else { unreachable!() };
    let values =
        Target::Values(classes.iter().enumerate().map(|(row, &c)| f64::from(c) + (row % 7) as f64 * 0.1).collect());
    let shown: Vec<String> = Texts::fit(&frame, &values).columns()[0].grams.iter().map(|g| g.words.clone()).collect();
    assert!(shown.contains(&"refund".to_owned()) && shown.len() <= 6, "{shown:?}");
}

#[test]
fn chance_alone_keeps_hardly_a_word() {
    let (frame, target) = reviews(600);
    let Target::Classes(classes) = target else { unreachable!() };
    let kept: usize = (1..21)
        .map(|turn| {
            let mut turned = classes.clone();
            turned.rotate_left(turn * 13);
            Texts::fit(&frame, &Target::Classes(turned)).columns()[0].grams.len()
        })
        .sum();
    // One in twenty is what the bound allows; it is a wide one.
    assert!(kept <= 3, "{kept} words");
}

#[test]
fn a_text_becomes_counts_and_lengths() {
    let column = TextColumn {
        name: "review".into(),
        grams: {
            let mut grams = Vec::new();
            each_gram("good thing", |hash, _, span| {
                grams.push(Gram { place: place(hash), words: "good thing"[span].to_owned() });
            });
            grams.sort_by_key(|gram| gram.place);
            grams
        },
    };
    let texts_of = Texts(vec![column]);
    texts_of.check().unwrap();
    let rows = ["GOOD, thing! good", "nothing good", ""].map(|text| Some(text.to_owned()));
    let frame = Frame { columns: vec![texts("review", rows.into_iter().chain([None]).collect())], rows: 4 };
    let wide = texts_of.expand(Cow::Borrowed(&frame));
    let column = |starts: &str| {
        let found = wide.columns.iter().find(|column| column.name.starts_with(starts)).unwrap();
        let Values::Numbers(numbers) = &found.values else { unreachable!() };
        numbers.clone()
    };
    let twice = 1.0 + 2.0f64.ln();
    assert_eq!(column("review: “good” "), [twice, 1.0, 0.0, 0.0]);
    assert_eq!(column("review: “thing” "), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(column("review: “good thing” "), [1.0, 0.0, 0.0, 0.0]);
    assert_eq!(column("review: number of words")[..3], [3.0, 2.0, 0.0]);
    assert_eq!(column("review: number of characters")[..3], [17.0, 12.0, 0.0]);
    assert!(column("review: number of words")[3].is_nan());
}

#[test]
fn categories_and_names_are_no_free_text() {
    let free = |rows: Vec<Option<String>>| fit::is_free(&texts("t", rows));
    assert!(!free((0..500).map(|i| Some(format!("executive managerial staff {}", i % 20))).collect()));
    assert!(!free((0..500).map(|i| Some(format!("customer-{i}"))).collect()));
    assert!(!free((0..30).map(|i| Some(format!("a text of five words {i}"))).collect()));
    assert!(free((0..500).map(|i| Some(format!("a text of six words {i}"))).collect()));
    assert!(!free(vec![None; 500]));
}

#[test]
fn long_and_strange_texts_are_read_to_a_bound() {
    let long = "ä b".repeat(9_000);
    assert_eq!(read(&long).chars().count(), READ);
    let mut count = 0;
    each_gram("İSTANBUL 🚂 it's\u{0} ﬁne", |_, _, _| count += 1);
    assert_eq!(count, 5);
    assert!(
        Texts(vec![TextColumn { name: "a".into(), grams: vec![Gram { place: 1 << 16, words: String::new() }] }])
            .check()
            .is_err()
    );
}
