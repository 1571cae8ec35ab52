//! An in-process flag provider: a map behind a lock, for tests and for your own switches.

use open_feature::provider::{FeatureProvider, ProviderMetadata, ResolutionDetails};
use open_feature::{
    EvaluationContext, EvaluationError, EvaluationErrorCode, EvaluationResult, StructValue, Value,
    async_trait,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The current flags. Clones share them.
#[derive(Clone, Default)]
pub struct Flags(Arc<Mutex<HashMap<String, Value>>>);

impl Flags {
    pub fn set(&self, key: &str, value: impl Into<Value>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key.to_owned(), value.into());
    }

    fn get<T>(&self, key: &str, of: impl Fn(&Value) -> Option<T>) -> EvaluationResult<ResolutionDetails<T>> {
        let wrong = |code| EvaluationError { code, message: None };
        let flags = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let value = flags.get(key).ok_or_else(|| wrong(EvaluationErrorCode::FlagNotFound))?;
        let value = of(value).ok_or_else(|| wrong(EvaluationErrorCode::TypeMismatch))?;
        Ok(ResolutionDetails { value, variant: None, reason: None, flag_metadata: None })
    }
}

/// Serves the flags to the SDK.
pub struct MemoryProvider {
    flags: Flags,
    metadata: ProviderMetadata,
}

impl MemoryProvider {
    pub fn new(flags: &Flags) -> MemoryProvider {
        MemoryProvider { flags: flags.clone(), metadata: ProviderMetadata::new("memory") }
    }
}

#[async_trait]
impl FeatureProvider for MemoryProvider {
    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    async fn resolve_bool_value(
        &self,
        key: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        self.flags.get(key, Value::as_bool)
    }

    async fn resolve_int_value(
        &self,
        key: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        self.flags.get(key, Value::as_i64)
    }

    async fn resolve_float_value(
        &self,
        key: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        self.flags.get(key, Value::as_f64)
    }

    async fn resolve_string_value(
        &self,
        key: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        self.flags.get(key, |value| value.as_str().map(str::to_owned))
    }

    async fn resolve_struct_value(
        &self,
        _: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        Err(EvaluationError { code: EvaluationErrorCode::TypeMismatch, message: None })
    }
}
