//! What stands in a model file, in words and numbers: enough to write a predictor from.

use serde_json::{Value, json};
use trainyard_infer::{
    Model, Predictor,
    datetime::PARTS,
    ensemble::Head as Sums,
    net::{Activation, Head},
    normal_scores::NormalScores,
    preprocess::{Encoder, Reads, Says},
    trees::{Encoding, TreeEncoder},
};
use trainyard_types::Problem;

/// The model as a description: what goes in, how it is prepared, what each array of the model file is, and step by step what
/// makes a prediction of them. `hash`: the blake3 hash of the model file, hex.
///
/// # Errors
/// The model can't be written.
pub fn describe(model: &Model, hash: &str) -> Result<Value, Problem> {
    let bytes = model.to_bytes()?;
    let mut steps: Vec<String> = Vec::new();
    if !model.texts.is_empty() {
        steps.push(text_step());
    }
    let Described { preparation, head, steps: own } = predictor(&model.predictor);
    steps.extend(own);
    steps.extend(crate::decide::steps(&model.decision));
    Ok(json!({
        "trainyard": env!("CARGO_PKG_VERSION"),
        "model_hash": hash,
        "family": model.family.as_str(),
        "file": "safetensors: 8 bytes with the length of the JSON header (little-endian), the header, then the arrays, row-major \
                 and little-endian, where data_offsets count from the header's end.",
        "signature": model.signature,
        "columns": "Numbers are doubles; NaN is missing. Instants are milliseconds since 1970 in UTC. Booleans are the texts \
                    true and false.",
        "texts": model.texts,
        "preparation": preparation,
        "head": head,
        "steps": steps,
        "arrays": arrays(&bytes)?,
    }))
}

/// What a predictor does with the columns.
struct Described {
    preparation: Value,
    head: Value,
    steps: Vec<String>,
}

fn predictor(predictor: &Predictor) -> Described {
    let mut steps: Vec<String> = Vec::new();
    let mut head = Value::Null;
    let preparation = match predictor {
        Predictor::RealMlp(net) => {
            steps.extend(encode_steps(net.encoder()));
            let weights = net.nets()[0].weights();
            let together = net.nets().len() > 1;
            if together {
                steps.push(
                    "The arrays of member m begin with member.m. before the names that follow; do this for each member."
                        .to_owned(),
                );
            }
            steps.extend(realmlp_steps(weights.activation, weights.mixed > 0));
            if together {
                steps.push("outputs[m] = x after the last layer".to_owned());
                steps.push(mean_step(net.head()));
            }
            steps.push(head_step(net.head()));
            encoder(net.encoder())
        }
        Predictor::TabM(net) => {
            steps.extend(encode_steps(net.encoder()));
            steps.extend(tabm_steps());
            steps.push(mean_step(net.head()));
            steps.push(head_step(net.head()));
            let mut preparation = encoder(net.encoder());
            preparation["numbers"] = json!(net.net().weights().numbers);
            preparation
        }
        Predictor::FtTransformer(net) => {
            steps.extend(encode_steps(net.encoder()));
            steps.extend(fttransformer_steps(net.net().weights().heads));
            steps.push(head_step(net.head()));
            let mut preparation = encoder(net.encoder());
            preparation["heads"] = json!(net.net().weights().heads);
            preparation
        }
        Predictor::Linear(linear) => {
            steps.extend(encode_steps(linear.encoder()));
            steps.push("outputs = dense · weights + bias".to_owned());
            steps.push(head_step(linear.head()));
            encoder(linear.encoder())
        }
        Predictor::Trees(trees) | Predictor::Boosting(trees) | Predictor::Forest(trees) => {
            steps.extend(tree_steps(trees.ensemble().head()));
            head = json!(trees.ensemble().head());
            tree_encoder(trees.encoder())
        }
        Predictor::Blend(blend) => {
            steps.push(
                "Each part under preparation answers by its own steps; the names of the arrays of part p begin with p/. The answer \
                 is the sum of their answers times their weights."
                    .to_owned(),
            );
            let parts = blend.parts().iter().map(|(weight, part)| {
                let Described { preparation, head, steps } = self::predictor(part);
                let family = part.family();
                json!({ "weight": weight, "family": family, "preparation": preparation, "head": head, "steps": steps })
            });
            parts.collect()
        }
        Predictor::Dummy(dummy) => {
            steps.push(
                "Every row gets the answer that stands under preparation: shares of the classes, or one number."
                    .to_owned(),
            );
            json!(dummy)
        }
    };
    Described { preparation, head, steps }
}

fn encode_steps(encoder: &Encoder) -> Vec<String> {
    let clip = if encoder.smooth_clip() {
        "Hold z within ±1e9, then dense = z / sqrt(1 + (z/3)²)."
    } else {
        "Hold z within ±1e4; that is dense."
    };
    let mut steps = vec![
        "Each entry of preparation.dense gives one number r of its column, in doubles. value: the number, or imputed where it \
         is missing or infinite. missing: 1 where the column is missing or infinite (categories: missing or not among the \
         levels), else 0. part: a part of the instant in UTC; days is days since 1970 with fraction, month 1 to 12, day of the \
         month, weekday 0 (Monday) to 6, hour with fraction, day_of_year from 1; imputed where the instant is missing or more \
         than 36,525,000 days from 1970. level: 1 where the category is that text, else 0. sign: −1 for the first level, 1 for \
         the second, 0 for anything else."
            .to_owned(),
        "z = (r − center) · scale".to_owned(),
        format!("{clip} Round it to a 32-bit float; so is everything from here on."),
    ];
    if encoder.has_normal_scores() {
        steps.push(format!(
            "An entry with knots is a normal score instead: so many entries of encoder.knots and encoder.scores are its own, one \
             entry's after the other. Hold z within ±{:e} and round it to a 32-bit float; dense is the line through its knots and \
             scores there, held at the first and the last knot.",
            NormalScores::FARTHEST
        ));
    }
    steps.push(
        "codes: for each column of preparation.embedded 0 where the text is missing or not among the levels, else its place \
         counted from 1."
            .to_owned(),
    );
    steps
}

fn realmlp_steps(activation: Activation, cosines: bool) -> Vec<String> {
    let f = match activation {
        Activation::Selu => "f is SELU: 1.050701·z for z > 0, else 1.050701·1.6732632·(e^z − 1)",
        Activation::Mish => "f is Mish: z·tanh(ln(1 + e^z))",
    };
    let input: &[&str] = if cosines {
        &[
            "cosine[i, k] = cos(2π·(dense[i]·frequency[i, k] + phase[i, k]))",
            "mixed[i, j] = mix_bias[i, j] + Σ_k cosine[i, k]·mix[i, j, k]",
            "x = all mixed[0, …], mixed[1, …] and so on, then dense, then of each embedded column n the row codes[n] of table.n",
        ]
    } else {
        &["x = dense, then of each embedded column n the row codes[n] of table.n"]
    };
    let layers = [
        "For layer 0, 1, …: z = x · layer.N.weight + layer.N.bias; x = z for the last layer, else z + layer.N.alpha·(f(z) − z)",
        f,
    ];
    input.iter().copied().chain(layers).map(str::to_owned).collect()
}

fn tabm_steps() -> Vec<String> {
    [
        "The numbers are the entries of dense that preparation.numbers lists, in this order. pieces has a row [knots, edges] for \
         each: so many entries of knots and scores, and of edges, are its own, one number's after the other.",
        "score = the line through a number's knots and scores at it, held at the first and the last knot",
        "share[t] = (score − edges[t])/(edges[t + 1] − edges[t]) for each of a number's bins; held at 0 or above but for the \
         first bin, and at 1 or below but for the last",
        "embedding[i] = offset[i] + score[i]·slope[i] + Σ_t share[i, t]·steps[i, t]",
        "x = embedding[0], embedding[1] and so on, then the other entries of dense, then of each embedded column n the row \
         codes[n] of table.n",
        "For each member m: y = x · scales[m] entry by entry; for layer 0, 1, …: y = max(y · layer.N.weight + layer.N.bias, 0); \
         outputs[m, o] = Σ y·heads[m, o] + head_bias[m, o]",
    ]
    .map(str::to_owned)
    .to_vec()
}

fn fttransformer_steps(heads: usize) -> Vec<String> {
    [
        "A row's tokens are cls; then for each entry i of dense dense[i]·scale[i] + bias[i]; then of each embedded column n the row \
         codes[n] of table.n + bias[entries of dense + n]. Each is a row of x."
            .to_owned(),
        "norm(y), with the gain and the shift of a name, is (y − mean)/sqrt(variance + 0.00001)·gain + shift for each token, where \
         mean and variance (the mean of squares) are those of its numbers."
            .to_owned(),
        "For block 0, 1, …, whose arrays begin with block.N: y = norm(x) by before, which block 0 has not: there y = x."
            .to_owned(),
        format!(
            "q = y · query.weight + query.bias, k = y · key.weight, v = y · value.weight + value.bias. Their columns are cut into \
             {heads} equal parts, the heads. Of each head, shares = softmax over all tokens of (q · kᵀ)/sqrt(columns of a head), and \
             seen = shares · v; the heads' seen stand side by side."
        ),
        "x = x + seen · out.weight + out.bias; y = norm(x) by between; x = x + ((y · up.weight + up.bias)·max(y · gate.weight + \
         gate.bias, 0)) · down.weight + down.bias"
            .to_owned(),
        "outputs = max(norm of the first token of x by norm, 0) · last.weight + last.bias".to_owned(),
    ]
    .to_vec()
}

fn mean_step(head: Head) -> String {
    match head {
        Head::Classes { .. } => {
            "outputs = the logarithm of the mean over the members of softmax(outputs[m]), whose softmax is that mean"
                .to_owned()
        }
        Head::Value { .. } => "output = the mean over the members of outputs[m]".to_owned(),
        Head::Rate { .. } => "output = the logarithm of the mean over the members of e^outputs[m]".to_owned(),
    }
}

fn head_step(head: Head) -> String {
    match head {
        Head::Classes { .. } => "probabilities = softmax(outputs), in the order of signature.classes".to_owned(),
        Head::Value { .. } => "The array head is [mean, scale, low, high], in doubles: \
                               value = min(max(output·scale + mean, low), high)"
            .to_owned(),
        Head::Rate { .. } => {
            "The array rate is [mean, low, high], in doubles: value = min(max(e^output·mean, low), high)".to_owned()
        }
    }
}

fn tree_steps(head: &Sums) -> Vec<String> {
    let last = match head {
        Sums::Value { linear: None } => "value = the sum",
        Sums::Value { linear: Some(_) } => {
            "value = the sum + weight·(intercept + Σ coefficients·z) with the numbers of head.linear, where z = (feature − \
             mean)/scale, or 0 where the feature is missing"
        }
        Sums::Rate { .. } => "value = min(max(e^sum, low), high) with the numbers of head",
        Sums::Binary => "The second class's probability is the mean of 1/(1 + e^−sum) over all sums.",
        Sums::OneVsRest { .. } => {
            "With the numbers of head: the sums of a class are its folds, side by side; p is the mean of their 1/(1 + e^−sum), \
             held within 2^−52 and 1 − 2^−52. A class weighs p/(1 − p)^alpha/prior^beta; probabilities are the weights over \
             their total."
        }
        Sums::Softmax { .. } => "probabilities = softmax(sums/temperature) with the temperature of head",
        Sums::Shares => {
            "A sum below 0 counts as 0; probabilities are the sums over their total, all alike where that is 0."
        }
    };
    vec![
        "The features are those of preparation.features, one after the other, in doubles; an infinite number is missing. A \
         category's feature is its place among the levels counted from 1; a text that is not among them is the last place plus \
         one where other is true, else missing."
            .to_owned(),
        "trees.roots has a row [root, first sum, sums] a tree, trees.nodes a row of four words a node: [low, high, child, flags]. \
         The lowest 29 bits of flags are the feature."
            .to_owned(),
        "Flag 2^31: a leaf; trees.leaves[low …] are added to the tree's sums.".to_owned(),
        "Else the row goes to node child (left) or child + 1 (right). A missing feature goes left where flag 2^29 is set. Flag \
         2^30: left where bit (feature mod 8) of byte trees.sets[high + feature div 8] is set, right from low bytes on. Otherwise \
         high and low are the two halves of a double: left where the feature is below it."
            .to_owned(),
        "Each row's sums begin as trees.base.".to_owned(),
        last.to_owned(),
    ]
}

fn text_step() -> String {
    "Each column of texts becomes numbers named after it. A word is letters, digits and, after the first, apostrophes of the \
     first 10,000 characters, in lower case; its hash is FNV-1a (64 bits) of its characters as 32-bit little-endian numbers, that \
     of two neighbours is the first's turned left by 23 bits, exclusive or the second's. The place of a hash h is (h xor h>>32 xor \
     h>>16) mod 65,536. A gram's number is 1 + ln(times its place comes), 0 where it never does; then come the number of words and \
     of characters, missing where the text is."
        .to_owned()
}

fn encoder(encoder: &Encoder) -> Value {
    let (center, scale) = encoder.standardise();
    let dense: Vec<Value> = encoder
        .outputs()
        .iter()
        .enumerate()
        .map(|(at, output)| {
            let source = &encoder.columns()[output.column];
            let imputed = encoder.imputed()[output.column];
            let mut entry = json!({ "column": source.name, "center": center[at], "scale": scale[at] });
            match output.says {
                Says::Value => {
                    entry["says"] = json!("value");
                    entry["imputed"] = json!(imputed);
                    if let Some(scores) = &encoder.normal_scores()[at] {
                        entry["knots"] = json!(scores.knots().len());
                    }
                }
                Says::Missing => {
                    entry["says"] = json!("missing");
                    if let Reads::Category(levels) = &source.reads {
                        entry["levels"] = json!(levels);
                    }
                }
                Says::Part(part) => {
                    entry["says"] = json!("part");
                    entry["part"] = json!(PARTS[part]);
                    entry["imputed"] = json!(trainyard_infer::datetime::parts(imputed)[part]);
                }
                Says::Wave { part, sine } => {
                    entry["says"] = json!(if sine { "sine" } else { "cosine" });
                    entry["part"] = json!(PARTS[part]);
                    entry["period"] = json!(trainyard_infer::datetime::period(part));
                    entry["imputed"] = json!(trainyard_infer::datetime::parts(imputed)[part]);
                }
                Says::Level(level) => {
                    entry["says"] = json!("level");
                    entry["level"] = json!(source.levels()[level as usize]);
                }
                Says::Sign => {
                    entry["says"] = json!("sign");
                    entry["levels"] = json!(source.levels());
                }
            }
            entry
        })
        .collect();
    let embedded: Vec<Value> = encoder
        .embedded()
        .iter()
        .map(|&column| {
            let source = &encoder.columns()[column];
            json!({ "column": source.name, "levels": source.levels() })
        })
        .collect();
    json!({ "dense": dense, "embedded": embedded })
}

fn tree_encoder(encoder: &TreeEncoder) -> Value {
    let features: Vec<Value> = encoder
        .inputs()
        .iter()
        .map(|input| match &input.encoding {
            Encoding::Number => json!({ "column": input.column, "gives": "the number" }),
            Encoding::Category { levels, other } => {
                json!({ "column": input.column, "gives": "a place", "levels": levels, "other": other })
            }
            Encoding::Instant { parts } => {
                let parts: Vec<&str> = parts.iter().map(|&part| PARTS[part]).collect();
                json!({ "column": input.column, "gives": "one feature for each of these parts of the instant", "parts": parts })
            }
        })
        .collect();
    json!({ "features": features })
}

/// The arrays by name, with shape and number type, from the file's own header.
fn arrays(bytes: &[u8]) -> Result<Value, Problem> {
    let broken = || Problem::internal("The model file's header can't be read.");
    let length = bytes.first_chunk::<8>().map(|word| u64::from_le_bytes(*word) as usize).ok_or_else(broken)?;
    let header = bytes.get(8..length + 8).ok_or_else(broken)?;
    let header: serde_json::Map<String, Value> = serde_json::from_slice(header).map_err(|_| broken())?;
    let entry =
        |(name, array): (&String, &Value)| json!({ "name": name, "type": array["dtype"], "shape": array["shape"] });
    Ok(header.iter().filter(|(name, _)| *name != "__metadata__").map(entry).collect())
}
