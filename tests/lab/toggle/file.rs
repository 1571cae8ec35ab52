//! Reads flags from a file: a line is `key = value`, and `#` begins a comment. For a mounted ConfigMap, or an operator with an
//! editor.

use open_feature::provider::{FeatureProvider, ProviderMetadata, ResolutionDetails};
use open_feature::{
    EvaluationContext, EvaluationError, EvaluationErrorCode, EvaluationResult, StructValue, async_trait,
};
use std::path::PathBuf;
use std::str::FromStr;

/// Reads its file for each query: a few bytes from the page cache. It does not rely on the modification time, whose resolution would
/// hide a second change.
pub struct FileProvider {
    path: PathBuf,
    metadata: ProviderMetadata,
}

impl FileProvider {
    pub fn new(path: impl Into<PathBuf>) -> FileProvider {
        FileProvider { path: path.into(), metadata: ProviderMetadata::new("file") }
    }

    fn find<T: FromStr>(&self, key: &str) -> EvaluationResult<ResolutionDetails<T>> {
        let wrong = |code, message: String| EvaluationError { code, message: Some(message) };
        let text = std::fs::read_to_string(&self.path).map_err(|error| {
            wrong(
                EvaluationErrorCode::General("unreadable".to_owned()),
                format!("{}: {error}", self.path.display()),
            )
        })?;
        let lines = text.lines().filter_map(|line| line.split('#').next()?.split_once('='));
        let value = lines.filter(|(name, _)| name.trim() == key).map(|(_, value)| value.trim()).next_back();
        let value = value.ok_or_else(|| wrong(EvaluationErrorCode::FlagNotFound, key.to_owned()))?;
        let value = value.parse().map_err(|_| wrong(EvaluationErrorCode::TypeMismatch, value.to_owned()))?;
        Ok(ResolutionDetails { value, variant: None, reason: None, flag_metadata: None })
    }
}

#[async_trait]
impl FeatureProvider for FileProvider {
    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    async fn resolve_bool_value(
        &self,
        key: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        self.find(key)
    }

    async fn resolve_int_value(
        &self,
        key: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        self.find(key)
    }

    async fn resolve_float_value(
        &self,
        key: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        self.find(key)
    }

    async fn resolve_string_value(
        &self,
        key: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        self.find(key)
    }

    async fn resolve_struct_value(
        &self,
        key: &str,
        _: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        Err(EvaluationError { code: EvaluationErrorCode::TypeMismatch, message: Some(key.to_owned()) })
    }
}
