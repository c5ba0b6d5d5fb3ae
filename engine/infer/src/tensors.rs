//! Named arrays, and how a model's parts are put into and taken out of one safetensors file.

use crate::error::LoadError;
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use std::collections::{BTreeMap, HashMap};

/// The numbers of one array, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    F32(Vec<f32>),
    F64(Vec<f64>),
    U32(Vec<u32>),
    U8(Vec<u8>),
}

/// A type that an array can hold.
pub trait Element: Sized + Copy {
    fn wrap(values: Vec<Self>) -> Data;
    /// `None` where the array holds another type.
    fn unwrap(data: Data) -> Option<Vec<Self>>;
}

macro_rules! elements {
    ($($kind:ty => $variant:ident),*) => {$(
        impl Element for $kind {
            fn wrap(values: Vec<Self>) -> Data {
                Data::$variant(values)
            }
            fn unwrap(data: Data) -> Option<Vec<Self>> {
                match data {
                    Data::$variant(values) => Some(values),
                    _ => None,
                }
            }
        }
    )*};
}
elements! { f32 => F32, f64 => F64, u32 => U32, u8 => U8 }

/// Arrays by name. Writing is `put`, reading is `take`: what is left over after reading is a fault of the file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TensorBag {
    tensors: BTreeMap<String, (Vec<usize>, Data)>,
}

/// A part of a model that can be stored: its small facts as JSON, its numbers as arrays.
///
/// `restore` must check every length and index that prediction relies on, because the file may come from anyone.
pub trait Stored: Sized {
    /// Puts the arrays into `bag` and returns everything else.
    fn store(&self, bag: &mut TensorBag) -> Result<serde_json::Value, LoadError>;
    /// Takes the arrays out of `bag` again.
    fn restore(header: serde_json::Value, bag: &mut TensorBag) -> Result<Self, LoadError>;
}

impl TensorBag {
    /// Adds an array; a later one of the same name replaces it. `values.len()` must be the product of `shape`
    /// ([`TensorBag::to_bytes`] fails otherwise).
    pub fn put<T: Element>(&mut self, name: &str, shape: &[usize], values: Vec<T>) {
        self.tensors.insert(name.to_owned(), (shape.to_vec(), T::wrap(values)));
    }

    /// Removes an array and returns its shape and values (as many as the shape says).
    pub fn take<T: Element>(&mut self, name: &str) -> Result<(Vec<usize>, Vec<T>), LoadError> {
        let (shape, data) =
            self.tensors.remove(name).ok_or_else(|| LoadError::part(format!("the array '{name}' is missing")))?;
        let values =
            T::unwrap(data).ok_or_else(|| LoadError::part(format!("the array '{name}' has the wrong number type")))?;
        Ok((shape, values))
    }

    /// Removes an array that must have exactly this shape.
    pub fn take_shaped<T: Element>(&mut self, name: &str, shape: &[usize]) -> Result<Vec<T>, LoadError> {
        let (found, values) = self.take(name)?;
        if found != shape {
            return Err(LoadError::part(format!("the array '{name}' has shape {found:?}, expected {shape:?}")));
        }
        Ok(values)
    }

    /// Adds all arrays of another bag, their names behind a prefix.
    pub fn put_all(&mut self, prefix: &str, other: TensorBag) {
        self.tensors.extend(other.tensors.into_iter().map(|(name, array)| (format!("{prefix}{name}"), array)));
    }

    /// Removes the arrays whose names begin with a prefix, and leaves it off.
    pub fn take_all(&mut self, prefix: &str) -> TensorBag {
        let names: Vec<String> = self.tensors.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        let take = |name: String| Some((name[prefix.len()..].to_owned(), self.tensors.remove(&name)?));
        TensorBag { tensors: names.into_iter().filter_map(take).collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.tensors.is_empty()
    }

    /// The names that are left.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// One safetensors file; `metadata` stands in its header. The same content gives the same bytes, as long as
    /// `metadata` has one entry at most (a hash map's order is free).
    pub fn to_bytes(&self, metadata: Option<(String, String)>) -> Result<Vec<u8>, LoadError> {
        let raw: Vec<(&str, Dtype, &[usize], Vec<u8>)> = self
            .tensors
            .iter()
            .map(|(name, (shape, data))| {
                let (dtype, bytes) = match data {
                    Data::F32(values) => (Dtype::F32, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
                    Data::F64(values) => (Dtype::F64, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
                    Data::U32(values) => (Dtype::U32, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
                    Data::U8(values) => (Dtype::U8, values.clone()),
                };
                (name.as_str(), dtype, shape.as_slice(), bytes)
            })
            .collect();
        let views = raw
            .iter()
            .map(|(name, dtype, shape, bytes)| Ok((*name, TensorView::new(*dtype, shape.to_vec(), bytes)?)))
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .map_err(|error| LoadError::part(format!("an array's shape does not fit its values ({error})")))?;
        let metadata: Option<HashMap<String, String>> = metadata.map(|entry| HashMap::from([entry]));
        safetensors::serialize(views, metadata)
            .map_err(|error| LoadError::part(format!("it can't be written ({error})")))
    }

    /// Reads a safetensors file: its arrays and its metadata. Never panics; takes no more memory than the file's size
    /// (times two while copying).
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, HashMap<String, String>), LoadError> {
        let (_, header) =
            SafeTensors::read_metadata(bytes).map_err(|error| LoadError::not_a_model(error.to_string()))?;
        let file = SafeTensors::deserialize(bytes).map_err(|error| LoadError::not_a_model(error.to_string()))?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.tensors() {
            let data = match view.dtype() {
                Dtype::F32 => Data::F32(words(view.data(), f32::from_le_bytes)),
                Dtype::F64 => Data::F64(words(view.data(), f64::from_le_bytes)),
                Dtype::U32 => Data::U32(words(view.data(), u32::from_le_bytes)),
                Dtype::U8 => Data::U8(view.data().to_vec()),
                other => {
                    return Err(LoadError::part(format!(
                        "the array '{name}' holds {other:?} numbers, which no model part uses"
                    )));
                }
            };
            tensors.insert(name, (view.shape().to_vec(), data));
        }
        Ok((Self { tensors }, header.metadata().clone().unwrap_or_default()))
    }
}

fn words<const N: usize, T>(bytes: &[u8], read: fn([u8; N]) -> T) -> Vec<T> {
    bytes
        .chunks_exact(N)
        .map(|chunk| {
            let mut word = [0; N];
            word.copy_from_slice(chunk);
            read(word)
        })
        .collect()
}
