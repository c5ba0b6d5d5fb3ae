use crate::databases::Pair;
use sea_orm::ConnectionTrait;
use trainyard_store::{
    Store,
    audit::{self, NewEvent},
};
use trainyard_types::PageQuery;

fn event(action: &str, project: &str) -> NewEvent {
    NewEvent {
        actor: "ada".to_owned(),
        via: "browser".to_owned(),
        from: "10.0.0.1".to_owned(),
        action: action.to_owned(),
        subject: "thing/1".to_owned(),
        summary: format!("Did {action}."),
        ..NewEvent::default()
    }
    .in_project(project)
    .after(&("state", 1))
}

async fn append(store: &Store, action: &str, project: &str) {
    let tx = store.begin().await.unwrap();
    audit::append(&tx, event(action, project)).await.unwrap();
    tx.commit().await.unwrap();
}

/// 50 at once, half of them from another process, and some that give up: one chain without gaps or forks.
pub async fn fifty_writers_make_one_chain(pair: Pair) {
    let writers = (0..50).map(|i| {
        let store = if i % 2 == 0 { pair.here.clone() } else { pair.there.clone() };
        tokio::spawn(async move {
            for round in 0..4 {
                let tx = store.begin().await.unwrap();
                audit::append(&tx, event(&format!("test.{i}.{round}"), "")).await.unwrap();
                if (i + round) % 5 == 0 {
                    drop(tx);
                } else {
                    tx.commit().await.unwrap();
                }
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let report = audit::verify(&pair.there).await.unwrap();
    assert_eq!(report.fault, None);
    assert!(report.intact);
    assert_eq!(report.events, 160);
    let newest = audit::list(&pair.here, None, &PageQuery::default()).await.unwrap();
    assert_eq!((newest.total, newest.items[0].seq), (160, 160));
    assert_eq!(newest.items[0].hash, report.head);
}

pub async fn every_kind_of_tampering_is_found(pair: Pair) {
    let store = &pair.here;
    for i in 1..=6 {
        append(store, &format!("test.{i}"), "").await;
    }
    assert!(audit::verify(store).await.unwrap().intact);
    let tampering = [
        // What is done, how it is undone, the event that the report names.
        (
            "UPDATE audit_events SET summary = 'Did nothing.' WHERE seq = 3",
            "UPDATE audit_events SET summary = 'Did test.3.' WHERE seq = 3",
            3,
        ),
        ("UPDATE audit_events SET at = at + 1 WHERE seq = 2", "UPDATE audit_events SET at = at - 1 WHERE seq = 2", 2),
        // Moving a letter from one field to the next leaves the joined text as it was.
        (
            "UPDATE audit_events SET actor = 'adab', via = 'rowser' WHERE seq = 1",
            "UPDATE audit_events SET actor = 'ada', via = 'browser' WHERE seq = 1",
            1,
        ),
        ("UPDATE audit_events SET seq = 40 WHERE seq = 4", "UPDATE audit_events SET seq = 4 WHERE seq = 40", 4),
        (
            "UPDATE audit_head SET hash = 'x'",
            "UPDATE audit_head SET hash = (SELECT hash FROM audit_events WHERE seq = 6)",
            6,
        ),
        (
            "UPDATE audit_head SET seq = 5, hash = (SELECT hash FROM audit_events WHERE seq = 5)",
            "UPDATE audit_head SET seq = 6, hash = (SELECT hash FROM audit_events WHERE seq = 6)",
            6,
        ),
        ("DELETE FROM audit_events WHERE seq = 6", "", 6),
    ];
    for (tamper, undo, seq) in tampering {
        store.db().execute_unprepared(tamper).await.unwrap();
        let report = audit::verify(store).await.unwrap();
        assert!(!report.intact, "{tamper}");
        assert_eq!(report.fault.as_ref().map(|fault| fault.seq), Some(seq), "{tamper}: {report:?}");
        if !undo.is_empty() {
            store.db().execute_unprepared(undo).await.unwrap();
            assert!(audit::verify(store).await.unwrap().intact, "{undo}");
        }
    }
}

pub async fn an_undone_change_leaves_no_event(pair: Pair) {
    append(&pair.here, "first", "").await;
    let tx = pair.here.begin().await.unwrap();
    audit::append(&tx, event("undone", "")).await.unwrap();
    tx.rollback().await.unwrap();
    append(&pair.there, "second", "").await;
    let report = audit::verify(&pair.here).await.unwrap();
    assert_eq!((report.intact, report.events), (true, 2));
}

pub async fn events_are_listed_newest_first_and_by_project(pair: Pair) {
    for (action, project) in [("a.one", "alpha"), ("b.two", "beta"), ("c.three", "")] {
        append(&pair.here, action, project).await;
    }
    let actions = async |projects: Option<&[String]>, query: PageQuery| {
        let page = audit::list(&pair.here, projects, &query).await.unwrap();
        page.items.into_iter().map(|event| event.action).collect::<Vec<_>>()
    };
    assert_eq!(actions(None, PageQuery::default()).await, ["c.three", "b.two", "a.one"]);
    assert_eq!(actions(Some(&["beta".to_owned()]), PageQuery::default()).await, ["b.two"]);
    assert!(actions(Some(&[]), PageQuery::default()).await.is_empty());
    let up = PageQuery { sort: "seq".to_owned(), per_page: 2, ..PageQuery::default() };
    assert_eq!(actions(None, up).await, ["a.one", "b.two"]);
    let search = PageQuery { q: "DID B".to_owned(), ..PageQuery::default() };
    assert_eq!(actions(None, search).await, ["b.two"]);
}
