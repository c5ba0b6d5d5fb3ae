use crate::support::*;
use std::collections::BTreeMap;
use trainyard_service::{Actor, audit, datasets, models, runs};
use trainyard_store::{datasets as stored, now};
use trainyard_types::{
    Code, PageQuery, Role, Slug, Timestamp,
    catalog::{ColumnChange, ColumnFlag, ColumnNotes, DatasetDetails, Enough, LegalBasis, LineageKind},
    dataset::VersionView,
    model::RegisterModel,
    run::NewRun,
};

fn notes(flags: &[ColumnFlag]) -> ColumnNotes {
    ColumnNotes { description: " What it is. ".into(), flags: flags.to_vec() }
}

fn details() -> DatasetDetails {
    DatasetDetails {
        description: "People who may buy.".into(),
        owner: "Sales".into(),
        purpose: "Choosing whom to write to.".into(),
        legal_basis: Some(LegalBasis::LegitimateInterests),
        retention_days: Some(30),
        columns: BTreeMap::from([
            ("bought".to_owned(), notes(&[ColumnFlag::Target])),
            ("city".to_owned(), notes(&[ColumnFlag::Protected, ColumnFlag::Personal, ColumnFlag::Protected])),
            ("age".to_owned(), ColumnNotes::default()),
        ]),
    }
}

/// Version 2 of `People`: 400 rows, of which the first 100 are gone and 100 others have come.
async fn second(world: &World, actor: &Actor) -> VersionView {
    let text = people(500);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.drain(1..101);
    let upload = world.upload(actor, "later.csv", &(lines.join("\n") + "\n")).await.unwrap();
    let mut input = commit("People");
    input.why = "The week's orders.".into();
    datasets::commit(&world.ctx, actor, &world.project, upload.id, input).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn details_are_checked_kept_and_audited() {
    let world = world().await;
    let (ada, viewer) = (world.person(Role::Member).await, world.person(Role::Viewer).await);
    let version = world.people(&ada).await;
    assert_eq!((version.details.owner.as_str(), version.summary.parent), ("member", None));
    let set = async |actor: &Actor, details| {
        datasets::set_details(&world.ctx, actor, &world.project, version.dataset, details).await
    };
    let saved = set(&ada, details()).await.unwrap();
    assert_eq!(saved.columns.len(), 2, "columns without notes have no entry");
    assert_eq!(saved.columns["city"].flags, [ColumnFlag::Protected, ColumnFlag::Personal]);
    assert_eq!(saved.columns["city"].description, "What it is.");
    assert_eq!(datasets::details(&world.ctx, &viewer, &world.project, version.dataset).await.unwrap(), saved);
    assert_eq!(datasets::view(&world.ctx, &viewer, &world.project, version.dataset).await.unwrap().owner, "Sales");
    let events = audit::list(&world.ctx, &Actor::system(), &PageQuery::default()).await.unwrap();
    assert_eq!(events.items[0].action, "dataset.details");
    assert!(events.items[0].summary.contains("legal basis, retention, 2 columns"), "{}", events.items[0].summary);

    assert_eq!(set(&viewer, details()).await.unwrap_err().code, Code::Forbidden);
    let refused = async |change: &dyn Fn(&mut DatasetDetails)| {
        let mut wrong = details();
        change(&mut wrong);
        let problem = set(&ada, wrong).await.unwrap_err();
        assert_eq!(problem.code, Code::Invalid);
        problem.fields[0].field.clone()
    };
    assert_eq!(refused(&|d| d.owner = "  ".into()).await, "owner");
    assert_eq!(refused(&|d| d.description = "x".repeat(2_001)).await, "description");
    assert_eq!(refused(&|d| d.retention_days = Some(0)).await, "retention_days");
    assert_eq!(refused(&|d| _ = d.columns.insert("income".into(), notes(&[ColumnFlag::Target]))).await, "columns");
    assert_eq!(refused(&|d| _ = d.columns.insert("nobody".into(), notes(&[]))).await, "columns");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_versions_are_compared_row_by_row_and_column_by_column() {
    let world = world().await;
    let (ada, viewer) = (world.person(Role::Member).await, world.person(Role::Viewer).await);
    let first = world.people(&ada).await;
    let later = second(&world, &ada).await;
    assert_eq!((later.summary.parent, later.summary.why.as_str()), (Some(1), "The week's orders."));
    let (before, after) = (first.summary.id, later.summary.id);
    let diff = datasets::diff(&world.ctx, &ada, &world.project, before, after).await.unwrap();
    assert_eq!((diff.rows.before, diff.rows.after), (400, 400));
    assert_eq!((diff.rows.common, diff.rows.added, diff.rows.removed), (300, 100, 100));
    assert_eq!(diff.rows.removed_examples[0][0].as_deref(), Some("20"), "the file's first row");
    assert_eq!(diff.rows.added_examples.len(), 10);
    // `age` and `bought` repeat every 50 and every 10 rows: moving on by 100 leaves them as they are.
    let changes: Vec<(&str, ColumnChange)> = diff.columns.iter().map(|c| (c.name.as_str(), c.change)).collect();
    use ColumnChange::{Changed, Same};
    assert_eq!(changes[2..], [("age", Same), ("bought", Same)]);
    assert!(diff.columns[..2].iter().all(|column| column.change == Changed && column.shift.is_some()), "{changes:?}");
    assert!(diff.sentence.starts_with("100 rows came and 100 went;"), "{}", diff.sentence);
    let none = datasets::diff(&world.ctx, &ada, &world.project, before, before).await.unwrap();
    assert_eq!((none.rows.common, none.rows.added), (400, 0));
    assert!(none.columns.iter().all(|column| column.change == ColumnChange::Same));
    let hidden = datasets::diff(&world.ctx, &viewer, &world.project, before, after).await.unwrap();
    assert!(hidden.rows.added_examples.is_empty() && hidden.rows.added == 100, "a viewer sees no rows");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_columns_are_told_apart_from_other_values() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let first = world.people(&ada).await;
    // `income` becomes text, `city` goes, `bought` stays as it is, `extra` comes.
    let mut text = String::from("age,income,bought,extra\n");
    for (n, line) in people(400).lines().skip(1).enumerate() {
        let cells: Vec<&str> = line.split(',').collect();
        text.push_str(&format!("{},€{},{},{n}\n", cells[0], cells[1], cells[3]));
    }
    let upload = world.upload(&ada, "b.csv", &text).await.unwrap();
    let later = datasets::commit(&world.ctx, &ada, &world.project, upload.id, commit("People")).await.unwrap();
    let (before, after) = (first.summary.id, later.summary.id);
    let diff = datasets::diff(&world.ctx, &ada, &world.project, before, after).await.unwrap();
    let change = |name: &str| diff.columns.iter().find(|column| column.name == name).unwrap().change;
    assert_eq!(change("city"), ColumnChange::Removed);
    assert_eq!(change("extra"), ColumnChange::Added);
    assert_eq!(change("income"), ColumnChange::Retyped);
    assert_eq!((change("bought"), change("age")), (ColumnChange::Same, ColumnChange::Same));
    assert_eq!(diff.rows.columns, ["age", "bought"]);
    assert_eq!((diff.rows.common, diff.rows.added), (400, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleted_rows_leave_proof_and_nothing_else() {
    let world = world().await;
    let (ada, boss) = (world.person(Role::Member).await, world.person(Role::Approver).await);
    let version = world.people(&ada).await;
    datasets::set_details(&world.ctx, &ada, &world.project, version.dataset, details()).await.unwrap();
    let id = version.summary.id;
    let delete =
        async |actor: &Actor, reason: &str| datasets::delete_rows(&world.ctx, actor, &world.project, id, reason).await;
    assert_eq!(delete(&ada, "Asked to.").await.unwrap_err().code, Code::Forbidden);
    assert_eq!(delete(&boss, " ").await.unwrap_err().fields[0].field, "reason");
    let run = world.run(&ada, &version).await;
    assert_eq!(delete(&boss, "Asked to.").await.unwrap_err().code, Code::Conflict, "a run waits for them");
    runs::cancel(&world.ctx, &ada, &world.project, run.summary.id).await.unwrap();

    // The same content in another data set keeps the file.
    let copy = world.upload(&ada, "copy.csv", &people(400)).await.unwrap();
    let copy = datasets::commit(&world.ctx, &ada, &world.project, copy.id, commit("Copy")).await.unwrap();
    let after = delete(&boss, "Asked to.").await.unwrap();
    assert!(world.ctx.artifacts().existing(&version.summary.hash).is_ok());
    let deletion = after.summary.deleted.clone().unwrap();
    assert_eq!((deletion.by.as_str(), deletion.reason.as_str()), ("approver", "Asked to."));
    assert_eq!((after.summary.rows, &after.summary.hash), (400, &version.summary.hash));
    let column = |name: &str| after.profile.columns.iter().find(|column| column.name == name).unwrap();
    assert!(column("city").top.is_empty(), "personal");
    assert!(!column("city").hash.is_empty() && !column("bought").top.is_empty());
    datasets::delete_rows(&world.ctx, &boss, &world.project, copy.summary.id, "And that.").await.unwrap();
    assert!(world.ctx.artifacts().existing(&version.summary.hash).is_err(), "nobody holds it now");

    let gone = datasets::rows(&world.ctx, &ada, &world.project, id, 0, 5).await.unwrap_err();
    assert!(gone.message.contains("were deleted on 2") && gone.message.contains("Asked to."), "{}", gone.message);
    assert_eq!(delete(&boss, "Again.").await.unwrap_err().code, Code::Conflict);
    let new = NewRun { name: None, dataset_version: id, settings: settings() };
    let refused = runs::create(&world.ctx, &ada, &world.project, new).await.unwrap_err();
    assert!(refused.message.contains("were deleted"), "{}", refused.message);
    let back = world.upload(&ada, "back.csv", &people(400)).await.unwrap();
    let refused = datasets::commit(&world.ctx, &ada, &world.project, back.id, commit("People")).await.unwrap_err();
    assert!(refused.problem.message.contains("had exactly this content"), "{}", refused.problem.message);
    assert!(world.ctx.artifacts().existing(&version.summary.hash).is_err(), "refusing it must not bring it back");
    assert!(audit::verify(&world.ctx, &Actor::system()).await.unwrap().intact);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_past_their_retention_go_by_themselves() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let version = world.people(&ada).await;
    datasets::set_details(&world.ctx, &ada, &world.project, version.dataset, details()).await.unwrap();
    assert_eq!(datasets::keep_to_retention(&world.ctx).await.unwrap(), 0, "30 days are not over");
    let db = world.ctx.store().db();
    let later = Timestamp(now().0 + 31 * 24 * 3_600_000);
    let due = stored::retention::due(db, later, 10).await.unwrap();
    assert_eq!(due.iter().map(|due| (due.version, due.days)).collect::<Vec<_>>(), [(version.summary.id, 30)]);
    assert!(stored::retention::due(db, Timestamp(now().0 + 29 * 24 * 3_600_000), 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn lineage_leads_from_the_file_to_the_model() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let first = world.people(&ada).await;
    let later = second(&world, &ada).await;
    let run = world.run(&ada, &later).await.summary.id;
    world.work().await;
    let register = RegisterModel { run, name: Slug::parse("buyers").unwrap(), description: String::new() };
    models::register(&world.ctx, &ada, &world.project, register).await.unwrap();
    let lineage =
        trainyard_service::lineage::of_dataset(&world.ctx, &ada, &world.project, first.dataset).await.unwrap();
    let kinds: Vec<LineageKind> = lineage.nodes.iter().map(|node| node.kind).collect();
    use LineageKind::*;
    assert_eq!(kinds, [Source, Version, Source, Version, Run, Model, Endpoint]);
    let leads = |from: &str, to: &str| {
        let id = |title: &str| lineage.nodes.iter().find(|node| node.title == title).unwrap().id.clone();
        lineage.edges.iter().any(|edge| edge.from == id(from) && edge.to == id(to))
    };
    assert!(leads("people.csv", "People v1") && leads("later.csv", "People v2") && leads("People v1", "People v2"));
    let run = &lineage.nodes[4].title;
    assert!(leads("People v2", run) && leads(run, "buyers v1") && leads("buyers v1", "/v2/models/buyers/infer"));
    // The same from the model's side, without what it was not made of.
    let name = Slug::parse("buyers").unwrap();
    let lineage = trainyard_service::lineage::of_model(&world.ctx, &ada, &name).await.unwrap();
    let titles: Vec<&str> = lineage.nodes.iter().map(|node| node.title.as_str()).collect();
    assert_eq!(titles, ["later.csv", "People v2", run.as_str(), "buyers v1", "/v2/models/buyers/infer"]);
    assert_eq!((lineage.edges.len(), lineage.left_out), (4, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_and_sufficiency_follow_the_flags() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let version = world.people(&ada).await;
    let id = version.summary.id;
    assert!(datasets::groups(&world.ctx, &ada, &world.project, id).await.unwrap().is_empty());
    assert_eq!(datasets::sufficiency(&world.ctx, &ada, &world.project, id).await.unwrap(), None);
    datasets::set_details(&world.ctx, &ada, &world.project, version.dataset, details()).await.unwrap();
    let tables = datasets::groups(&world.ctx, &ada, &world.project, id).await.unwrap();
    assert_eq!((tables.len(), tables[0].column.as_str(), tables[0].class.as_deref()), (1, "city", Some("yes")));
    assert_eq!(tables[0].groups.iter().map(|group| group.rows).collect::<Vec<_>>(), [134, 133, 133]);
    assert!(tables[0].groups.iter().all(|group| (group.rate - 0.4).abs() < 0.02));
    let enough = datasets::sufficiency(&world.ctx, &ada, &world.project, id).await.unwrap().unwrap();
    assert_eq!(enough.verdict, Enough::Barely, "{:?}", enough.sentences);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_the_named_column_or_the_flagged_one() {
    let world = world().await;
    let ada = world.person(Role::Member).await;
    let version = world.people(&ada).await;
    let id = version.summary.id;
    let of = async |target: Option<&str>| {
        datasets::target_relation(&world.ctx, &ada, &world.project, id, target.map(str::to_owned)).await
    };
    assert_eq!(of(None).await.unwrap(), None);
    let named = of(Some("bought")).await.unwrap().unwrap();
    assert_eq!((named.target.as_str(), named.class.as_deref(), named.sample), ("bought", Some("yes"), 400));
    assert_eq!(named.columns.len(), 3);
    assert!(named.columns.windows(2).all(|pair| pair[0].power >= pair[1].power));
    let refused = of(Some("nothing")).await.unwrap_err();
    assert!(refused.message.contains("There is no column `nothing`"), "{refused}");
    datasets::set_details(&world.ctx, &ada, &world.project, version.dataset, details()).await.unwrap();
    assert_eq!(of(None).await.unwrap(), Some(named), "the same answer, from what was kept");
    let (stranger, _) = world.stranger().await;
    let hidden = datasets::target_relation(&world.ctx, &stranger, &world.project, id, None).await.unwrap_err();
    assert_eq!(hidden.code, trainyard_types::Code::NotFound);
}
