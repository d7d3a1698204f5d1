//! The model that serves now, and its names. Another one takes its place as a whole.

use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::names::Names;
use super::{Metadata, Model, ModelSource, Runtime, Stamp};
use crate::error::StartError;

/// A model and the names by which clients ask for it.
#[derive(Clone, Debug)]
pub struct Served {
    /// The model; none where the workers have something else in its place.
    pub model: Option<Arc<Model>>,
    metadata: Arc<Metadata>,
    /// Its names.
    pub names: Names,
    /// [`Metadata::revision`].
    pub revision: String,
}

impl Served {
    fn new(model: Arc<Model>, chosen: Option<&str>) -> Self {
        let served = Self::described(model.metadata().clone(), chosen);
        Self { model: Some(model), ..served }
    }

    /// What `metadata` describes, without a model.
    pub fn described(metadata: Arc<Metadata>, chosen: Option<&str>) -> Self {
        let (names, revision) = (Names::new(&metadata.name, chosen), metadata.revision());
        Self { model: None, metadata, names, revision }
    }
}

impl Deref for Served {
    type Target = Metadata;

    /// The model's description of itself.
    fn deref(&self) -> &Metadata {
        &self.metadata
    }
}

/// The model that serves now, and where the next one comes from.
///
/// A request asks for the model once and keeps it until its answer. So it is answered by one model as a whole, and a model
/// lives until its last request is done.
#[derive(Debug)]
pub struct Catalogue {
    now: RwLock<Arc<Served>>,
    /// None for a model that does not change.
    origin: Option<Origin>,
}

/// Where models come from.
#[derive(Debug)]
struct Origin {
    runtime: Runtime,
    source: ModelSource,
    /// The name that the operator chose.
    chosen: Option<String>,
    /// The file as it was when it was loaded, or when that was tried last.
    tried: Mutex<Option<Stamp>>,
    is_loading: AtomicBool,
}

impl Origin {
    fn tried(&self) -> MutexGuard<'_, Option<Stamp>> {
        self.tried.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn load(&self) -> Result<Arc<Served>, StartError> {
        // Before it is read: what is written meanwhile is another file.
        *self.tried() = self.source.stamp();
        self.is_loading.store(true, Ordering::SeqCst);
        let model = Model::load(&self.runtime, &self.source);
        self.is_loading.store(false, Ordering::SeqCst);
        Ok(Arc::new(Served::new(model?, self.chosen.as_deref())))
    }
}

impl From<Served> for Catalogue {
    /// A catalogue that does not change.
    fn from(served: Served) -> Self {
        Self { now: RwLock::new(Arc::new(served)), origin: None }
    }
}

impl Catalogue {
    /// A catalogue that begins with `model`. It was loaded from `source` when that had this `stamp`. Clients may ask for it by
    /// the name `chosen`, too.
    pub fn new(
        model: Arc<Model>,
        runtime: Runtime,
        source: ModelSource,
        stamp: Option<Stamp>,
        chosen: Option<String>,
    ) -> Self {
        let now = RwLock::new(Arc::new(Served::new(model, chosen.as_deref())));
        let (tried, is_loading) = (Mutex::new(stamp), AtomicBool::default());
        let origin = source.is_file().then_some(Origin { runtime, source, chosen, tried, is_loading });
        Self { now, origin }
    }

    /// The model that serves now.
    pub fn now(&self) -> Arc<Served> {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a model is being loaded. ONNX Runtime must not be unloaded then.
    pub fn is_loading(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.is_loading.load(Ordering::SeqCst))
    }

    /// The stamp of the model's file now; `None` if there is no such file.
    pub fn stamp(&self) -> Option<Stamp> {
        self.origin.as_ref().and_then(|origin| origin.source.stamp())
    }

    /// The stamp of the file when it was loaded, or when that was tried last.
    pub fn tried(&self) -> Option<Stamp> {
        self.origin.as_ref().and_then(|origin| *origin.tried())
    }

    /// Loads the model's file anew beside the one that serves, runs it once, and puts it in its place. Returns the new one and
    /// the old one. Takes as long as a start; meanwhile the old one serves.
    ///
    /// # Errors
    /// A sentence, and the old one goes on: as [`Model::load`], or because the model is a part of the executable.
    pub fn reload(&self) -> Result<[Arc<Served>; 2], StartError> {
        let origin = self.origin.as_ref().ok_or_else(|| {
            StartError::new(
                "The model is a part of this executable and can't change: set MODEL_PATH to serve one from a file.",
            )
        })?;
        let served = origin.load()?;
        let old = std::mem::replace(&mut *self.now.write().unwrap_or_else(PoisonError::into_inner), served.clone());
        Ok([served, old])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_without_an_origin_does_not_change() {
        let catalogue = Catalogue::from(Served::described(Arc::new(Metadata::of_labels(&["ant"])), None));
        let before = catalogue.now();
        assert!(catalogue.reload().unwrap_err().to_string().contains("set MODEL_PATH"));
        assert!(Arc::ptr_eq(&before, &catalogue.now()));
        assert_eq!((catalogue.stamp(), catalogue.tried(), catalogue.is_loading()), (None, None, false));
    }
}
