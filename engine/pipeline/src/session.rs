//! DataFusion within bounds: one session a step, tables read from Parquet, answers written as Parquet of the five column
//! types.
//!
//! A session has one partition: rows keep the order of the file, and the same tables and the same query give the same
//! bytes. Several steps run at the same time instead. What does not fit the memory limit is spilled to the given folder.

use datafusion::{
    arrow::{
        array::RecordBatch,
        datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
    },
    common::{Column, DFSchema, ScalarValue},
    error::DataFusionError,
    execution::{
        SendableRecordBatchStream,
        disk_manager::{DiskManagerBuilder, DiskManagerMode},
        memory_pool::FairSpillPool,
        runtime_env::RuntimeEnvBuilder,
    },
    logical_expr::{Expr, cast},
    parquet::{
        arrow::{ArrowWriter, arrow_writer::ArrowWriterOptions},
        basic::{Compression, ZstdLevel},
        file::properties::{EnabledStatistics, WriterProperties, WriterVersion},
    },
    prelude::{DataFrame, ParquetReadOptions, SQLOptions, SessionConfig, SessionContext},
};
use futures::{Stream, StreamExt};
use std::{
    fs::{self, File},
    io::{self, BufWriter},
    path::Path,
    sync::Arc,
};
use tokio::{sync::mpsc, task::JoinSet};
use trainyard_data::arrow_type;
use trainyard_types::{
    Problem,
    dataset::{ColumnSchema, ColumnType},
};

const GROUP_ROWS: usize = 131_072;

/// A place to run queries in.
#[derive(Clone)]
pub struct Session {
    ctx: SessionContext,
}

/// A table that was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    pub rows: u64,
    pub bytes: u64,
    /// blake3, hex.
    pub hash: String,
    pub columns: Vec<ColumnSchema>,
}

impl Session {
    /// # Errors
    /// The folder for what does not fit the memory can't be used.
    pub fn new(memory_limit: u64, spill: &Path) -> Result<Self, Problem> {
        fs::create_dir_all(spill).map_err(|error| cannot_write(spill, &error))?;
        let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Directories(vec![spill.to_owned()]));
        let runtime = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(usize::try_from(memory_limit).unwrap_or(usize::MAX))))
            .with_disk_manager_builder(disk)
            .build_arc()
            .map_err(fault)?;
        let mut config = SessionConfig::new().with_target_partitions(1).with_information_schema(false);
        // Columns are found as they are written, upper and lower case.
        config.options_mut().sql_parser.enable_ident_normalization = false;
        config.options_mut().execution.time_zone = Some("UTC".into());
        Ok(Self { ctx: SessionContext::new_with_config_rt(config, runtime) })
    }

    /// Makes a stored table known under a name.
    ///
    /// # Errors
    /// The file can't be read.
    pub async fn register(&self, name: &str, parquet: &Path) -> Result<(), Problem> {
        let path = parquet.to_string_lossy();
        let extension = parquet.extension().map_or(String::new(), |end| format!(".{}", end.to_string_lossy()));
        let options = ParquetReadOptions { file_extension: &extension, ..ParquetReadOptions::default() };
        let table = datafusion::common::TableReference::bare(name.to_owned());
        self.ctx.register_parquet(table, path, options).await.map_err(fault)
    }

    /// A table as it stands.
    ///
    /// # Errors
    /// There is none of the name.
    pub async fn table(&self, name: &str) -> Result<DataFrame, Problem> {
        self.ctx.table(datafusion::common::TableReference::bare(name.to_owned())).await.map_err(fault)
    }

    /// Plans one query. Nothing but reading the registered tables is possible: no definitions, changes, copies or settings.
    ///
    /// # Errors
    /// It is no query, or does not fit the tables; in DataFusion's words.
    pub async fn query(&self, sql: &str) -> Result<DataFrame, Problem> {
        let options = SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
        only_a_query(&self.ctx, sql)?;
        self.ctx.sql_with_options(sql, options).await.map_err(fault)
    }

    /// Reads one expression over a table's columns.
    ///
    /// # Errors
    /// It is none, or names what is not there.
    pub fn expression(&self, text: &str, schema: &DFSchema) -> Result<Expr, Problem> {
        self.ctx.parse_sql_expr(text, schema).map_err(fault)
    }

    /// The answer to a query in memory, for one that is known to be small.
    ///
    /// # Errors
    /// As [`Session::query`].
    pub async fn values(&self, sql: &str) -> Result<Vec<Vec<ScalarValue>>, Problem> {
        let mut batches = aside(self.query(sql).await?.execute_stream().await.map_err(fault)?);
        let mut rows = Vec::new();
        while let Some(batch) = batches.next().await {
            let batch = batch.map_err(fault)?;
            for row in 0..batch.num_rows() {
                let values = batch.columns().iter().map(|column| ScalarValue::try_from_array(column, row));
                rows.push(values.collect::<Result<_, _>>().map_err(fault)?);
            }
        }
        Ok(rows)
    }

    /// Runs a plan and writes its rows, each batch changed by `change`, which gets the number of the batch's first row.
    ///
    /// # Errors
    /// The plan fails, a column has a type that can't be stored, or writing fails. The file is not whole then.
    pub async fn write(&self, plan: DataFrame, dest: &Path, mut change: Option<Change>) -> Result<Written, Problem> {
        let plan = storable(plan)?;
        let columns = columns_of(plan.schema())?;
        let mut stream = aside(plan.execute_stream().await.map_err(fault)?);
        let mut columns = columns;
        let mut schema = schema_of(&columns);
        if let Some(change) = &change {
            columns.extend(change.added.iter().cloned());
            schema = schema_of(&columns);
        }
        let file = File::create(dest).map_err(|error| cannot_write(dest, &error))?;
        let mut writer = writer(file, schema.clone())?;
        let (mut seen, mut rows) = (0_usize, 0_u64);
        while let Some(batch) = stream.next().await {
            let mut batch = batch.map_err(fault)?;
            let count = batch.num_rows();
            if let Some(change) = &mut change {
                batch = (change.of)(seen, batch)?;
            }
            seen += count;
            rows += batch.num_rows() as u64;
            // Some functions give another form of text than their plan says.
            let stored = batch.columns().iter().zip(schema.fields()).map(|(column, field)| {
                if column.data_type() == field.data_type() {
                    Ok(column.clone())
                } else {
                    datafusion::arrow::compute::cast(column, field.data_type())
                }
            });
            let batch = stored
                .collect::<Result<Vec<_>, _>>()
                .and_then(|columns| RecordBatch::try_new(schema.clone(), columns))
                .map_err(|error| Problem::internal(format!("The table could not be stored: {error}.")))?;
            writer.write(&batch).map_err(|error| unwritten(&error))?;
        }
        let file = writer.into_inner().map_err(|error| unwritten(&error))?;
        let file = file.into_inner().map_err(|error| cannot_write(dest, error.error()))?;
        file.sync_all().map_err(|error| cannot_write(dest, &error))?;
        let (bytes, hash) = hash_file(dest)?;
        Ok(Written { rows, bytes, hash, columns })
    }
}

/// Pulls the batches on a thread of the runtime: an operator may count for minutes without a pause, and who waits must
/// be able to give it up meanwhile.
fn aside(mut from: SendableRecordBatchStream) -> impl Stream<Item = Result<RecordBatch, DataFusionError>> + Unpin {
    let (send, receive) = mpsc::channel(2);
    let mut task = JoinSet::new();
    task.spawn(async move {
        while let Some(batch) = from.next().await {
            if send.send(batch).await.is_err() {
                break;
            }
        }
    });
    // The set goes with the stream, and ends the task when it is dropped.
    Box::pin(futures::stream::unfold((receive, task), |(mut receive, mut task)| async move {
        if let Some(batch) = receive.recv().await {
            return Some((batch, (receive, task)));
        }
        match task.join_next().await {
            Some(Err(error)) => Some((Err(DataFusionError::External(Box::new(error))), (receive, task))),
            _ => None,
        }
    }))
}

/// What is done with each batch on its way to the file.
pub struct Change {
    /// Columns that it appends.
    pub added: Vec<ColumnSchema>,
    pub of: Box<dyn FnMut(usize, RecordBatch) -> Result<RecordBatch, Problem> + Send>,
}

fn writer(file: File, schema: SchemaRef) -> Result<ArrowWriter<BufWriter<File>>, Problem> {
    let level = ZstdLevel::try_new(1).map_err(|error| unwritten(&error))?;
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        // The library's version is no part of the content: it would change the hash.
        .set_created_by("trainyard".into())
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .build();
    let options = ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    ArrowWriter::try_new_with_options(BufWriter::with_capacity(1 << 20, file), schema, options)
        .map_err(|error| unwritten(&error))
}

/// Size and blake3 of a file.
///
/// # Errors
/// It can't be read.
pub fn hash_file(path: &Path) -> Result<(u64, String), Problem> {
    let mut hasher = blake3::Hasher::new();
    let cannot = |error: io::Error| Problem::invalid(format!("{} can't be read: {error}.", path.display()));
    let mut file = File::open(path).map_err(cannot)?;
    let bytes = io::copy(&mut file, &mut hasher).map_err(cannot)?;
    Ok((bytes, hasher.finalize().to_hex().to_string()))
}

fn only_a_query(ctx: &SessionContext, sql: &str) -> Result<(), Problem> {
    use datafusion::sql::{parser::Statement, sqlparser::ast};
    let refuse = || {
        Problem::invalid(
            "Only a query can stand here: one SELECT, also with WITH. Tables are the step's inputs, under their names.",
        )
    };
    let dialect = ctx.state_ref().read().config_options().sql_parser.dialect;
    match ctx.state_ref().read().sql_to_statement(sql, &dialect).map_err(fault)? {
        Statement::Statement(statement) if matches!(*statement, ast::Statement::Query(_)) => Ok(()),
        _ => Err(refuse()),
    }
}

/// The type that a column is stored as.
pub fn stored_as(kind: &DataType) -> Option<ColumnType> {
    match kind {
        kind if kind.is_integer() => Some(ColumnType::Integer),
        kind if kind.is_floating() => Some(ColumnType::Float),
        DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) | DataType::Decimal256(..) => {
            Some(ColumnType::Float)
        }
        DataType::Boolean => Some(ColumnType::Boolean),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => Some(ColumnType::Text),
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(..) => Some(ColumnType::Datetime),
        DataType::Dictionary(_, value) => stored_as(value),
        _ => None,
    }
}

/// The columns of a plan as they will be stored.
///
/// # Errors
/// A type that can't be stored, or two columns of one name.
pub fn columns_of(schema: &DFSchema) -> Result<Vec<ColumnSchema>, Problem> {
    let mut columns: Vec<ColumnSchema> = Vec::new();
    for field in schema.fields() {
        let name = field.name();
        let Some(kind) = stored_as(field.data_type()) else {
            return Err(Problem::invalid(format!(
                "The column '{name}' would be of type {}, which a table can't hold. Turn it into a number, text or time.",
                field.data_type()
            )));
        };
        if columns.iter().any(|column| column.name == *name) {
            return Err(Problem::invalid(format!(
                "Two columns would be named '{name}'. Give one another name, with AS."
            )));
        }
        columns.push(ColumnSchema { name: name.clone(), kind });
    }
    if columns.is_empty() {
        return Err(Problem::invalid("No column would be left. Keep at least one."));
    }
    Ok(columns)
}

fn schema_of(columns: &[ColumnSchema]) -> SchemaRef {
    let field = |column: &ColumnSchema| Field::new(&column.name, arrow_type(column.kind), true);
    Arc::new(Schema::new(columns.iter().map(field).collect::<Vec<_>>()))
}

/// Casts every column to its stored type.
fn storable(plan: DataFrame) -> Result<DataFrame, Problem> {
    columns_of(plan.schema())?;
    let expressions: Vec<Expr> = plan
        .schema()
        .iter()
        .map(|(table, field)| {
            let column = Expr::Column(Column::new(table.cloned(), field.name()));
            let from = field.data_type();
            let Some(to) = stored_as(from).map(arrow_type) else { return column };
            if *from == to {
                return column.alias(field.name());
            }
            let naive = DataType::Timestamp(TimeUnit::Millisecond, None);
            let column = match from {
                DataType::Date32 | DataType::Date64 => cast(column, naive),
                _ => column,
            };
            cast(column, to).alias(field.name())
        })
        .collect();
    plan.select(expressions).map_err(fault)
}

/// What DataFusion says, as a sentence.
pub fn fault(error: DataFusionError) -> Problem {
    let root = error.find_root();
    if let DataFusionError::ResourcesExhausted(what) = root {
        return Problem::invalid(format!(
            "The memory limit does not suffice, also with the disk's help: {what}. Raise --memory-limit or work on fewer \
             rows or columns."
        ));
    }
    let text = root.strip_backtrace();
    let text = ["Error during planning: ", "Schema error: ", "SQL error: ", "Execution error: ", "Arrow error: "]
        .iter()
        .fold(text.as_str(), |text, start| text.strip_prefix(start).unwrap_or(text));
    let text: String = text.lines().next().unwrap_or_default().trim().trim_end_matches('.').chars().take(600).collect();
    Problem::invalid(format!("{text}."))
}

fn unwritten(error: &dyn std::fmt::Display) -> Problem {
    Problem::internal(format!("The table could not be stored: {error}. Check the disk's space."))
}

/// A file or folder that can't be made.
pub fn cannot_write(path: &Path, error: &io::Error) -> Problem {
    Problem::internal(format!("{} can't be written: {error}. Check the disk's space and rights.", path.display()))
}
