//! Tool calls with typed arguments and results, and results that are not quite of their type.

use rmcp::model::{CallToolRequestParams, CallToolResult};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{call::Call, pooled_client::PooledClient};
use crate::{context::Counters, error::CallError};

impl PooledClient {
    /// `tools/call` with typed arguments and a typed result. The result is read from the structured
    /// content, or from the one text block where the server sends none.
    ///
    /// ```
    /// # use mcp_pool_core::{PooledClient, error::CallError};
    /// #[derive(serde::Serialize)]
    /// struct Sum {
    ///     a: i64,
    ///     b: i64,
    /// }
    ///
    /// # async fn example(client: PooledClient) -> Result<(), CallError> {
    /// let sum: i64 = client.call_tool_typed("add", &Sum { a: 1, b: 2 }).await?;
    /// # drop(sum);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`call_tool`](Self::call_tool), and
    /// - [`CallError::Arguments`]: the arguments are not a JSON object; nothing was sent.
    /// - [`CallError::ToolFailed`]: the tool reports a failure of its own.
    /// - [`CallError::UnexpectedResult`]: the result is not of the type `Out`.
    ///
    /// # Cancel safety
    /// As [`request`](Self::request).
    pub async fn call_tool_typed<Out: DeserializeOwned>(
        &self,
        name: impl Into<String>,
        arguments: &(impl Serialize + Sync),
    ) -> Result<Out, CallError> {
        let arguments = match serde_json::to_value(arguments) {
            Ok(Value::Object(arguments)) => arguments,
            // A tool without parameters.
            Ok(Value::Null) => serde_json::Map::new(),
            Ok(_) => return Err(CallError::Arguments("not a JSON object")),
            Err(_) => return Err(CallError::Arguments("cannot be written as JSON")),
        };
        let params = CallToolRequestParams::new(name.into()).with_arguments(arguments);
        read(self.call_tool(params).await?)
    }
}

impl Call<'_> {
    /// Counts and reports the parts of a result that cannot be read.
    pub(super) fn note_left_out(&self, left_out: usize) {
        if left_out == 0 {
            return;
        }
        let (context, key) = (self.client.context(), self.client.key());
        let counter = &context.counters.parts_left_out;
        Counters::add_many(counter, u64::try_from(left_out).unwrap_or(u64::MAX));
        tracing::debug!(?key, method = self.method, left_out, "parts cannot be read");
        context.events.emit(|observer, pool| {
            observer.partly_read(&crate::event::PartlyRead {
                pool,
                key,
                method: self.method,
                left_out,
            });
        });
    }
}

fn read<Out: DeserializeOwned>(result: CallToolResult) -> Result<Out, CallError> {
    if result.is_error == Some(true) {
        return Err(CallError::ToolFailed(Box::new(result)));
    }
    let unexpected = |_| CallError::UnexpectedResult;
    if let Some(structured) = result.structured_content {
        return serde_json::from_value(structured).map_err(unexpected);
    }
    let [block] = result.content.as_slice() else {
        return Err(CallError::UnexpectedResult);
    };
    let text = block.as_text().ok_or(CallError::UnexpectedResult)?;
    // A plain text is no JSON, and is the value of an `Out` that is a string.
    serde_json::from_str(&text.text)
        .or_else(|_| serde_json::from_value(Value::String(text.text.clone())))
        .map_err(unexpected)
}
