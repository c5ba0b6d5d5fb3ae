use crate::support::*;
use trainyard_service::{Actor, audit, checks, datasets, runs};
use trainyard_types::{
    Code, PageQuery, Role,
    checks::{CheckStanding, SaveSuite},
    dataset::VersionView,
    run::NewRun,
};

const SUITE: &str = "name: People
checks:
- expectation: {type: be_between, column: age, min: 18, max: 100}
  severity: critical
- expectation: {type: be_in_set, column: city, values: [Oslo, Turin, Lima]}
- expectation: {type: distinct_values_to_be_in_set, column: bought, values: ['yes', 'no']}
";

fn suite(yaml: &str, contract: bool) -> SaveSuite {
    SaveSuite { suite: None, yaml: Some(yaml.into()), contract }
}

/// A further version of `People`, of which some have another age.
async fn version(world: &World, actor: &Actor, rows: usize, age: Option<&str>) -> VersionView {
    let text = people(rows);
    let lines: Vec<String> = text
        .lines()
        .enumerate()
        .map(|(n, line)| match (age, line.split_once(',')) {
            (Some(age), Some((_, rest))) if n > 0 && n % 50 == 0 => format!("{age},{rest}"),
            _ => line.to_owned(),
        })
        .collect();
    let upload = world.upload(actor, "more.csv", &(lines.join("\n") + "\n")).await.unwrap();
    datasets::commit(&world.ctx, actor, &world.project, upload.id, commit("People")).await.unwrap()
}

async fn standing(world: &World, actor: &Actor, version: &VersionView) -> (Option<CheckStanding>, bool, i32) {
    let at = datasets::version(&world.ctx, actor, &world.project, version.summary.id).await.unwrap().summary;
    let current = datasets::view(&world.ctx, actor, &world.project, version.dataset).await.unwrap().latest.number;
    (at.checks, at.quarantined, current)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suite_is_suggested_saved_run_and_remembered() {
    let world = world().await;
    let (ada, viewer) = (world.person(Role::Member).await, world.person(Role::Viewer).await);
    let first = world.people(&ada).await;
    let (ctx, project, dataset) = (&world.ctx, &world.project, first.dataset);
    assert_eq!(checks::suite(ctx, &viewer, project, dataset).await.unwrap(), None);
    let none = checks::run(ctx, &ada, project, first.summary.id).await.unwrap_err();
    assert!(none.code == Code::Conflict && none.message.contains("Suggest"));

    let suggested = checks::suggest(ctx, &ada, project, first.summary.id).await.unwrap();
    assert_eq!(checks::document(None, Some(&suggested.yaml)).unwrap(), suggested);
    let input = SaveSuite { suite: Some(suggested.suite.clone()), yaml: None, contract: false };
    let saved = checks::save(ctx, &ada, project, dataset, input).await.unwrap();
    assert_eq!((&saved.suite, &saved.yaml, saved.contract), (&suggested.suite, &suggested.yaml, false));
    let run = checks::run(ctx, &ada, project, first.summary.id).await.unwrap();
    assert_eq!((run.summary.standing, run.summary.failed), (CheckStanding::Passed, 0));
    assert_eq!(standing(&world, &viewer, &first).await.0, Some(CheckStanding::Passed));

    // Written by hand: one city is not of the set.
    let text = SUITE.replace("Turin, ", "");
    checks::save(ctx, &ada, project, dataset, suite(&text, false)).await.unwrap();
    let run = checks::run(ctx, &ada, project, first.summary.id).await.unwrap();
    assert_eq!(run.summary.standing, CheckStanding::Warning);
    assert_eq!((run.result.results[1].unexpected, run.result.results[1].failing.len()), (133, 20));
    assert_eq!(run.result.results[1].failing[0].values, [Some("Turin".to_owned())]);
    let history = checks::history(ctx, &viewer, project, dataset, None).await.unwrap();
    assert_eq!(
        history.iter().map(|run| run.standing).collect::<Vec<_>>(),
        [CheckStanding::Warning, CheckStanding::Passed]
    );
    let hidden = checks::view(ctx, &viewer, project, run.summary.id).await.unwrap();
    assert!(hidden.result.results[1].failing.is_empty() && hidden.result.results[1].unexpected == 133);

    let typo =
        checks::save(ctx, &ada, project, dataset, suite(&SUITE.replace("column: age", "colum: age"), false)).await;
    assert!(typo.unwrap_err().message.contains("colum"));
    let wrong =
        checks::save(ctx, &ada, project, dataset, suite(&SUITE.replace("max: 100", "max: 100\n  mostly: 3"), false))
            .await;
    assert_eq!(wrong.unwrap_err().code, Code::Invalid);
    for refused in [
        checks::save(ctx, &viewer, project, dataset, suite(SUITE, false)).await.map(drop),
        checks::run(ctx, &viewer, project, first.summary.id).await.map(drop),
        checks::suggest(ctx, &viewer, project, first.summary.id).await.map(drop),
    ] {
        assert_eq!(refused.unwrap_err().code, Code::Forbidden);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_contract_quarantines_and_blocks_until_an_approver_waives() {
    let world = world().await;
    let (ada, grace) = (world.person(Role::Member).await, world.person(Role::Approver).await);
    let first = world.people(&ada).await;
    let (ctx, project, dataset) = (&world.ctx, &world.project, first.dataset);
    checks::save(ctx, &ada, project, dataset, suite(SUITE, true)).await.unwrap();
    let good = version(&world, &ada, 500, None).await;
    assert_eq!(standing(&world, &ada, &good).await, (Some(CheckStanding::Passed), false, 2));

    let bad = version(&world, &ada, 600, Some("999")).await;
    assert!(bad.summary.quarantined, "kept, and told so at once");
    assert_eq!(standing(&world, &ada, &bad).await, (Some(CheckStanding::Critical), true, 2));
    let new = NewRun { name: None, dataset_version: bad.summary.id, settings: settings() };
    let refused = runs::create(ctx, &ada, project, new.clone()).await.unwrap_err();
    assert!(refused.code == Code::Invalid && refused.message.contains("approver or admin"), "{}", refused.message);
    let plan = runs::plan(ctx, &ada, project, bad.summary.id, settings()).await.unwrap();
    assert_eq!(plan.warnings[0].kind, "dataset_version");

    // The contract can't be dropped by those it binds.
    let dropped = checks::save(ctx, &ada, project, dataset, suite(SUITE, false)).await.unwrap_err();
    assert_eq!(dropped.code, Code::Forbidden);
    let run = checks::history(ctx, &ada, project, dataset, Some(bad.summary.id)).await.unwrap().remove(0);
    assert!(run.contract && run.waiver.is_none());
    let waive = async |actor: &Actor, reason: &str| checks::waive(ctx, actor, project, run.id, reason).await;
    assert_eq!(waive(&ada, "I want it").await.unwrap_err().code, Code::Forbidden);
    assert_eq!(waive(&grace, " ").await.unwrap_err().fields[0].field, "reason");
    let waived = waive(&grace, "Known to the registry; the ages are placeholders.").await.unwrap();
    assert_eq!(
        (waived.summary.standing, waived.summary.waiver.unwrap().by.as_str()),
        (CheckStanding::Waived, "approver")
    );
    assert_eq!(waive(&grace, "Again").await.unwrap_err().code, Code::Conflict);
    assert_eq!(standing(&world, &ada, &bad).await, (Some(CheckStanding::Waived), false, 3));
    let events = audit::list(ctx, &Actor::system(), &PageQuery::default()).await.unwrap();
    assert_eq!(events.items[0].action, "check.waive");
    assert!(events.items[0].summary.ends_with("the ages are placeholders."));
    runs::create(ctx, &ada, project, new.clone()).await.unwrap();

    // Checked again, it has to be waived again; an approver may change the contract, which lets it pass.
    checks::run(ctx, &ada, project, bad.summary.id).await.unwrap();
    assert_eq!(waive(&grace, "The old one").await.unwrap_err().code, Code::Conflict);
    assert!(runs::create(ctx, &ada, project, new.clone()).await.is_err());
    checks::save(ctx, &grace, project, dataset, suite(&SUITE.replace("max: 100", "max: 1000"), true)).await.unwrap();
    checks::run(ctx, &ada, project, bad.summary.id).await.unwrap();
    runs::create(ctx, &ada, project, new).await.unwrap();
    assert_eq!(standing(&world, &ada, &bad).await, (Some(CheckStanding::Passed), false, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_rows_forgets_those_that_checks_showed() {
    let world = world().await;
    let grace = world.person(Role::Approver).await;
    let first = world.people(&grace).await;
    let (ctx, project) = (&world.ctx, &world.project);
    checks::save(ctx, &grace, project, first.dataset, suite(&SUITE.replace("Turin, ", ""), false)).await.unwrap();
    let run = checks::run(ctx, &grace, project, first.summary.id).await.unwrap();
    datasets::delete_rows(ctx, &grace, project, first.summary.id, "No more ground to keep them.").await.unwrap();
    let after = checks::view(ctx, &grace, project, run.summary.id).await.unwrap();
    assert!(after.result.results[1].failing.is_empty() && after.result.results[1].unexpected == 133);
    assert_eq!(checks::run(ctx, &grace, project, first.summary.id).await.unwrap_err().code, Code::Conflict);
    let (stranger, _) = world.stranger().await;
    assert_eq!(checks::view(ctx, &stranger, project, run.summary.id).await.unwrap_err().code, Code::NotFound);
}
