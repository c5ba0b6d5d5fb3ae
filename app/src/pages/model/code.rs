//! Calls to the model over HTTP, with this server's address, to copy.

use super::row::{example, onnx_call, rows_call, tensors_call};
use crate::{browser, components::*};
use leptos::prelude::*;
use leptos_router::components::A;
use trainyard_types::model::ModelVersionView;

#[component]
pub fn Calls(model: String, version: ModelVersionView, champion: Option<i32>) -> impl IntoView {
    let origin = browser::origin();
    let row = example(&version.signature);
    let plain = rows_call(&origin, &model, &row);
    let tensors = tensors_call(&origin, &model, &version.signature, &row);
    let fixed = format!("{origin}/api/v1/models/{model}/versions/{}/predict", version.number);
    let own = onnx_call(&model, version.number, &version.signature);
    let ready = format!("{origin}/v2/models/{model}/ready");
    view! {
        {champion.is_none().then(|| view! {
            <Note tone=Tone::Warning>"Without a champion both addresses answer 404 with that reason."</Note>
        })}
        <p class="lead">
            "The champion answers. Make an API token under " <A href="/settings">"Settings"</A>
            " and put it in " <code>"TRAINYARD_TOKEN"</code> ". Values below are the medians and most frequent values of the train rows."
        </p>
        <Section title="Rows as JSON" lead="One object a row, any number of rows.">
            <CodeBlock code=plain label="the call with rows as JSON"/>
            <p class="muted">"A fixed version instead of the champion: " <code class="wrap">{fixed}</code></p>
        </Section>
        <Section title="Open Inference Protocol" lead="One tensor a column, as KServe, Triton and MLServer take it.">
            <CodeBlock code=tensors label="the call by the Open Inference Protocol"/>
            <p class="muted">"Ready check: " <code class="wrap">{ready}</code></p>
        </Section>
        <Section title="In your own program" lead="The whole model as an ONNX file, preprocessing included, for onnxruntime and others.">
            <CodeBlock code=own label="the program in Python"/>
            <p class="muted">
                "Download the file under Versions. A missing number is NaN, a missing category an empty text; what else the file \
                takes stands in its metadata, under " <code>"trainyard.inputs"</code> "."
            </p>
        </Section>
        <p class="muted">"All addresses are described under " <A href="/docs/api">"API"</A> "."</p>
    }
    .into_any()
}
