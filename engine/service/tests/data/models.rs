use crate::support::*;
use serde_json::{Value, json};
use trainyard_service::{Actor, audit, models, oip};
use trainyard_store::ConnectionTrait;
use trainyard_types::{
    Code, PageQuery, Role, RunId, Slug,
    export::ExportFormat,
    model::{MoveAlias, PredictRows, PredictionView, RegisterModel},
};

fn name() -> Slug {
    Slug::parse("buyers").unwrap()
}

fn register(run: RunId) -> RegisterModel {
    RegisterModel { run, name: name(), description: "Who buys".into() }
}

fn rows(rows: Value) -> PredictRows {
    serde_json::from_value(json!({ "rows": rows })).unwrap()
}

fn one_row() -> PredictRows {
    rows(json!([{"age": 30, "income": 1200.5, "city": "Oslo"}]))
}

#[tokio::test(flavor = "multi_thread")]
async fn from_a_finished_run_to_a_prediction() {
    let world = world().await;
    let ctx = &world.ctx;
    let ada = world.person(Role::Member).await;
    let version = world.people(&ada).await;
    let run = world.run(&ada, &version).await.summary.id;
    let early = models::register(ctx, &ada, &world.project, register(run)).await.unwrap_err();
    assert_eq!(early.code, Code::Conflict);
    world.work().await;
    let first = models::register(ctx, &ada, &world.project, register(run)).await.unwrap();
    assert_eq!((first.number, first.aliases.as_slice()), (1, ["champion".to_owned()].as_slice()));
    assert_eq!((first.dataset_name.as_str(), first.signature.inputs.len()), ("People", 3));
    let twice = models::register(ctx, &ada, &world.project, register(run)).await.unwrap_err();
    assert!(twice.message.contains("version 1 of 'buyers'"), "{}", twice.message);

    let answer = models::predict(ctx, &ada, &name(), None, one_row()).await.unwrap();
    assert_eq!((answer.version, answer.predictions.len(), answer.notes.len()), (1, 1, 0));
    let PredictionView::Class { label, probabilities, .. } = &answer.predictions[0] else { panic!("no class") };
    assert_eq!((label.as_str(), probabilities["yes"]), ("yes", 0.75));
    let odd = rows(json!([{"age": null, "income": 1, "city": "Quito", "shoe": 43}]));
    let answer = models::predict(ctx, &ada, &name(), Some(1), odd).await.unwrap();
    assert!(answer.notes.len() >= 3, "{:?}", answer.notes);
    for bad in [json!([]), json!([{"age": 30}]), json!([{"age": "old", "income": 1, "city": "Oslo"}])] {
        let refused = models::predict(ctx, &ada, &name(), None, rows(bad)).await.unwrap_err();
        assert_eq!(refused.code, Code::Invalid);
    }
    let many = rows(Value::Array(vec![json!({}); 10_001]));
    assert_eq!(models::predict(ctx, &ada, &name(), None, many).await.unwrap_err().code, Code::TooLarge);
    assert_eq!(models::predict(ctx, &ada, &name(), Some(9), one_row()).await.unwrap_err().code, Code::NotFound);

    // Counted at once, and still once written.
    assert_eq!(models::view(ctx, &ada, &name()).await.unwrap().predictions, 2);
    tokio::time::sleep(std::time::Duration::from_millis(1300)).await;
    assert_eq!(models::view(ctx, &ada, &name()).await.unwrap().predictions, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_leaves_as_a_file_for_those_who_see_rows() {
    let world = world().await;
    let ctx = &world.ctx;
    let (ada, vic) = (world.person(Role::Member).await, world.person(Role::Viewer).await);
    let version = world.people(&ada).await;
    let run = world.run(&ada, &version).await.summary.id;
    world.work().await;
    let registered = models::register(ctx, &ada, &world.project, register(run)).await.unwrap();
    let file = models::export(ctx, &ada, &name(), 1, ExportFormat::Safetensors).await.unwrap();
    assert_eq!((file.name.as_str(), file.bytes.len() as u64), ("buyers-1.safetensors", registered.bytes));
    let graph = models::export(ctx, &ada, &name(), 1, ExportFormat::Onnx).await.unwrap();
    assert_eq!(graph.name, "buyers-1.onnx");
    let holds = |text: &str| graph.bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds(&registered.hash) && holds("probabilities") && holds("income"));
    let description = models::export(ctx, &ada, &name(), 1, ExportFormat::Json).await.unwrap();
    let description: Value = serde_json::from_slice(&description.bytes).unwrap();
    assert_eq!(description["model_hash"], json!(registered.hash));
    let gone = models::export(ctx, &ada, &name(), 2, ExportFormat::Onnx).await;
    assert_eq!(gone.err().map(|problem| problem.code), Some(Code::NotFound));
    let refused = models::export(ctx, &vic, &name(), 1, ExportFormat::Onnx).await;
    assert_eq!(refused.err().map(|problem| problem.code), Some(Code::Forbidden));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_an_approver_moves_the_champion() {
    let world = world().await;
    let ctx = &world.ctx;
    let (ada, bob) = (world.person(Role::Member).await, world.person(Role::Approver).await);
    let version = world.people(&ada).await;
    for _ in 0..2 {
        let run = world.run(&ada, &version).await.summary.id;
        world.work().await;
        models::register(ctx, &ada, &world.project, register(run)).await.unwrap();
    }
    assert_eq!(models::view(ctx, &ada, &name()).await.unwrap().champion, Some(1));
    let to = |version| MoveAlias { version, reason: None };
    assert_eq!(models::move_champion(ctx, &ada, &name(), to(2)).await.unwrap_err().code, Code::Forbidden);
    assert_eq!(models::move_champion(ctx, &bob, &name(), to(3)).await.unwrap_err().code, Code::NotFound);
    let moved = models::move_champion(ctx, &bob, &name(), to(2)).await.unwrap();
    assert_eq!((moved.champion, moved.champion_by.as_deref()), (Some(2), Some("approver")));
    assert_eq!(models::move_champion(ctx, &bob, &name(), to(2)).await.unwrap_err().code, Code::Conflict);
    assert_eq!(models::predict(ctx, &ada, &name(), None, one_row()).await.unwrap().version, 2);
    let event = audit::list(ctx, &Actor::system(), &PageQuery::default()).await.unwrap().items.remove(0);
    assert_eq!(event.action, "model.alias.move");
    assert!(event.summary.contains("from version 1 to version 2"), "{}", event.summary);

    ctx.store().db().execute_unprepared("DELETE FROM model_aliases").await.unwrap();
    let headless = models::predict(ctx, &ada, &name(), None, one_row()).await.unwrap_err();
    assert_eq!(headless.code, Code::NotFound);
    assert!(headless.message.contains("no champion"), "{}", headless.message);
    assert_eq!(models::predict(ctx, &ada, &name(), Some(1), one_row()).await.unwrap().version, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_open_inference_protocol_answers_alike() {
    let world = world().await;
    let ctx = &world.ctx;
    let ada = world.person(Role::Member).await;
    let version = world.people(&ada).await;
    let run = world.run(&ada, &version).await.summary.id;
    world.work().await;
    models::register(ctx, &ada, &world.project, register(run)).await.unwrap();
    let metadata = oip::metadata(ctx, &ada, &name(), None).await.unwrap();
    assert_eq!((metadata.versions.as_slice(), metadata.inputs.len()), (["1".to_owned()].as_slice(), 3));
    assert_eq!(metadata.inputs[2].datatype, "BYTES");
    oip::ready(ctx, &ada, &name(), None).await.unwrap();
    let request = serde_json::from_value(json!({"id": "r1", "inputs": [
        {"name": "age", "shape": [2], "datatype": "INT64", "data": [30, 40]},
        {"name": "income", "shape": [2, 1], "datatype": "FP64", "data": [[1200.5], [null]]},
        {"name": "city", "shape": [2], "datatype": "BYTES", "data": ["Oslo", "Quito"]},
    ]}))
    .unwrap();
    let answer = oip::infer(ctx, &ada, &name(), None, request).await.unwrap();
    assert_eq!((answer.id.as_deref(), answer.model_version.as_str()), (Some("r1"), "1"));
    assert_eq!(answer.outputs[0].data, json!(["yes", "yes"]));
    let notes: Vec<String> = serde_json::from_str(answer.parameters["notes"].as_str().unwrap()).unwrap();
    assert_eq!(notes.len(), 2, "{notes:?}");
    let short =
        serde_json::from_value(json!({"inputs": [{"name": "age", "shape": [1], "datatype": "INT64", "data": [1]}]}));
    let refused = oip::infer(ctx, &ada, &name(), None, short.unwrap()).await.unwrap_err();
    assert_eq!(refused.code, Code::Invalid);
    assert_eq!(models::view(ctx, &ada, &name()).await.unwrap().predictions, 2);
}
