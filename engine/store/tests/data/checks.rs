use crate::{databases::Pair, support::*};
use trainyard_store::{
    datasets::{
        self,
        checks::{self, KeptSuite, NewCheckRun},
    },
    fresh_id, now,
};
use trainyard_types::{
    CheckRunId, DatasetVersionId,
    checks::{Check, CheckResult, CheckStanding, Expectation, FailingRow, Observed, Suite, SuiteResult, Waiver},
    dataset::Severity,
};

fn suite() -> Suite {
    let check = Check::new(Expectation::NotBeNull { column: "a".into() });
    Suite { name: "One".into(), checks: vec![Check { severity: Severity::Critical, ..check }] }
}

fn failed() -> SuiteResult {
    let result = CheckResult {
        check: suite().checks.remove(0),
        passed: false,
        observed: Observed { words: "One is missing.".into(), value: 1.into() },
        evaluated: 10,
        missing: 0,
        unexpected: 1,
        unexpected_share: 0.1,
        failing: vec![FailingRow { row: 3, values: vec![None] }],
        sample: None,
    };
    SuiteResult::new("One".into(), 10, vec![result])
}

pub async fn a_contract_decides_which_version_is_current(Pair { here: store, .. }: Pair) {
    let (here, there) = (project(&store, "here").await, project(&store, "there").await);
    let people = dataset(&store, here, "People").await;
    let (first, _) = version(&store, people, 10, &"a".repeat(64)).await;
    let db = store.db();
    assert_eq!(checks::suite(db, people).await.unwrap(), None);
    let mut kept = KeptSuite { suite: suite(), contract: false, saved_at: now(), saved_by: "ada".into() };
    for contract in [false, true] {
        kept.contract = contract;
        let tx = store.begin().await.unwrap();
        checks::save_suite(&tx, people, &kept).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(checks::suite(db, people).await.unwrap().as_ref(), Some(&kept));
    }

    let (second, run) = (DatasetVersionId(fresh_id()), CheckRunId(fresh_id()));
    let (profile, options, hash, result) = (profile(), options(), "b".repeat(64), failed());
    let tx = store.begin().await.unwrap();
    let mut new = new_version(second, people, 10, &hash, &profile, &options);
    new.quarantined = true;
    assert_eq!(datasets::add_version(&tx, new).await.unwrap(), 2);
    let new =
        NewCheckRun { id: run, version: second, at: now(), by: "ada", seconds: 0.5, contract: true, result: &result };
    checks::add_run(&tx, new).await.unwrap();
    tx.commit().await.unwrap();
    let current = async || datasets::view(db, here, people).await.unwrap().unwrap().latest;
    assert_eq!((current().await.number, current().await.checks), (1, None));
    let kept = datasets::summary(db, here, second).await.unwrap().unwrap();
    assert_eq!((kept.quarantined, kept.checks), (true, Some(CheckStanding::Critical)));
    let source = datasets::source(db, here, second).await.unwrap().unwrap();
    assert_eq!((source.quarantined, source.checks), (true, Some(CheckStanding::Critical)));

    assert!(checks::run(db, there, run).await.unwrap().is_none(), "another project's");
    assert!(checks::runs(db, there, people, None, 10).await.unwrap().is_empty());
    assert!(checks::runs(db, here, people, Some(first), 10).await.unwrap().is_empty());
    let (of, view) = checks::run(db, here, run).await.unwrap().unwrap();
    assert_eq!((of, &view.result, view.summary.number), (people, &result, 2));
    assert_eq!(checks::runs(db, here, people, None, 10).await.unwrap(), std::slice::from_ref(&view.summary));

    let waiver = Waiver { at: now(), by: "grace".into(), reason: "Known.".into() };
    let tx = store.begin().await.unwrap();
    assert!(checks::waive(&tx, run, second, &waiver).await.unwrap());
    assert!(!checks::waive(&tx, run, second, &waiver).await.unwrap(), "once");
    assert!(checks::release(&tx, people, second).await.unwrap());
    assert!(!checks::release(&tx, people, second).await.unwrap());
    checks::forget_rows(&tx, second).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!((current().await.number, current().await.checks), (2, Some(CheckStanding::Waived)));
    let (_, view) = checks::run(db, here, run).await.unwrap().unwrap();
    assert_eq!(view.summary.waiver, Some(waiver));
    assert!(view.result.results[0].failing.is_empty() && view.result.results[0].unexpected == 1);
}
