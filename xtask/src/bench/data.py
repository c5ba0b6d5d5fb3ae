"""What the peers take for the same tables, for `cargo xtask bench data`: prints {"seconds": …}.

Each peer works on data that is in memory already, where it wants it so; ours reads its file each time."""

import json
import sys
import time
import warnings

warnings.simplefilter("ignore")
mode, path = sys.argv[1:3]


def ingest():
    import pyarrow.csv
    import pyarrow.parquet

    table = pyarrow.csv.read_csv(path)
    pyarrow.parquet.write_table(table, path + ".peer.parquet", compression="zstd", compression_level=1)


def profile():
    import pandas
    from ydata_profiling import ProfileReport

    frame = pandas.read_parquet(path)
    return lambda: ProfileReport(frame, minimal=True, progress_bar=False).get_description()


def checks():
    import great_expectations as gx
    import great_expectations.expectations as e
    import pandas

    frame = pandas.read_parquet(path)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    asset = context.data_sources.add_pandas("source").add_dataframe_asset("table")
    batch = asset.add_batch_definition_whole_dataframe("all")
    suite = gx.ExpectationSuite(
        name="suite",
        expectations=[
            e.ExpectColumnValuesToNotBeNull(column="rate"),
            e.ExpectColumnValuesToNotBeNull(column="amount", mostly=0.95),
            e.ExpectColumnValuesToBeBetween(column="age", min_value=18, max_value=88),
            e.ExpectColumnValuesToBeBetween(column="rate", min_value=0, max_value=1),
            e.ExpectColumnValuesToBeInSet(column="plan", value_set=[f"plan{i}" for i in range(6)]),
            e.ExpectColumnValuesToMatchRegex(column="merchant", regex=r"^merchant-\d+$"),
            e.ExpectColumnMeanToBeBetween(column="score", min_value=1.4, max_value=1.6),
            e.ExpectColumnStdevToBeBetween(column="score", min_value=0.4, max_value=0.6),
            e.ExpectColumnUniqueValueCountToBeBetween(column="region", min_value=50, max_value=70),
            e.ExpectTableRowCountToBeBetween(min_value=900_000, max_value=1_100_000),
        ],
    )
    context.suites.add(suite)
    definition = gx.ValidationDefinition(name="run", data=batch, suite=suite)
    definition = context.validation_definitions.add(definition)

    def work():
        result = definition.run(batch_parameters={"dataframe": frame})
        assert all(one.success for one in result.results)

    return work


work = {"ingest": lambda: ingest, "profile": profile, "checks": checks}[mode]()
seconds = []
for _ in range(3):
    start = time.perf_counter()
    work()
    seconds.append(time.perf_counter() - start)
print(json.dumps({"seconds": min(seconds)}))
