//! The names of the metrics and their attributes.
//!
//! Names of the OpenTelemetry conventions are used if there is one. The pool's own names begin with
//! `mcp.pool` and follow the conventions for pools of database connections.

pub(crate) const OPERATION_DURATION: &str = "mcp.client.operation.duration";
pub(crate) const SESSION_DURATION: &str = "mcp.client.session.duration";

pub(crate) const ACQUIRES: &str = "mcp.pool.acquires";
pub(crate) const ANSWER_PARTS_LEFT_OUT: &str = "mcp.pool.answer.parts_left_out";
pub(crate) const BREAKER_STATE: &str = "mcp.pool.breaker.state";
pub(crate) const BREAKER_TRANSITIONS: &str = "mcp.pool.breaker.transitions";
pub(crate) const CHECK_DURATION: &str = "mcp.pool.check.duration";
pub(crate) const DETECTION_DURATION: &str = "mcp.pool.detection.duration";
pub(crate) const ERA_VERDICTS: &str = "mcp.pool.era.verdicts";
pub(crate) const KEY_COUNT: &str = "mcp.pool.key.count";
pub(crate) const KEY_CREATED: &str = "mcp.pool.key.created";
pub(crate) const KEY_EVICTED: &str = "mcp.pool.key.evicted";
pub(crate) const KEY_MAX: &str = "mcp.pool.key.max";
pub(crate) const LEASE_OVERDUE: &str = "mcp.pool.lease.overdue";
pub(crate) const LIST_CHANGES: &str = "mcp.pool.list.changes";
pub(crate) const QUOTA_WAITS: &str = "mcp.pool.quota.waits";
pub(crate) const SERVER_MESSAGES_REFUSED: &str = "mcp.pool.server_messages.refused";
pub(crate) const SERVER_STREAM_CHANGES: &str = "mcp.pool.server_stream.changes";
pub(crate) const SESSION_CLOSED: &str = "mcp.pool.session.closed";
pub(crate) const SESSION_COUNT: &str = "mcp.pool.session.count";
pub(crate) const SESSION_CREATE_TIME: &str = "mcp.pool.session.create_time";
pub(crate) const SESSION_IDLE_MAX: &str = "mcp.pool.session.idle.max";
pub(crate) const SESSION_IDLE_MIN: &str = "mcp.pool.session.idle.min";
pub(crate) const SESSION_MAX: &str = "mcp.pool.session.max";
pub(crate) const SESSION_PENDING: &str = "mcp.pool.session.pending_requests";
pub(crate) const SESSION_TIMEOUTS: &str = "mcp.pool.session.timeouts";
pub(crate) const SESSION_USE_TIME: &str = "mcp.pool.session.use_time";
pub(crate) const SESSION_WAIT_TIME: &str = "mcp.pool.session.wait_time";
pub(crate) const TOOL_LIST_LOOKUPS: &str = "mcp.pool.tool_list.lookups";

/// The names of attributes.
pub(crate) mod attribute {
    pub(crate) const ERROR_TYPE: &str = "error.type";
    pub(crate) const METHOD: &str = "mcp.method.name";
    pub(crate) const PROTOCOL_VERSION: &str = "mcp.protocol.version";
    pub(crate) const NETWORK_PROTOCOL: &str = "network.protocol.name";
    pub(crate) const NETWORK_TRANSPORT: &str = "network.transport";
    pub(crate) const RPC_STATUS: &str = "rpc.response.status_code";
    pub(crate) const SERVER_ADDRESS: &str = "server.address";
    pub(crate) const UPSTREAM: &str = "mcp.pool.upstream";
    pub(crate) const SERVER_PORT: &str = "server.port";

    pub(crate) const BREAKER_STATE: &str = "mcp.pool.breaker.state";
    pub(crate) const ERA: &str = "mcp.pool.era";
    /// Whether another process had opened the session.
    pub(crate) const REVIVED: &str = "mcp.pool.session.revived";
    pub(crate) const FAREWELL: &str = "mcp.pool.close.farewell";
    pub(crate) const LIST: &str = "mcp.pool.list";
    pub(crate) const OUTCOME: &str = "mcp.pool.outcome";
    pub(crate) const POOL: &str = "mcp.pool.name";
    pub(crate) const QUOTA: &str = "mcp.pool.quota";
    pub(crate) const REASON: &str = "mcp.pool.close.reason";
    pub(crate) const SERVER_MESSAGE: &str = "mcp.pool.server_message.kind";
    pub(crate) const SERVER_STREAM_STATE: &str = "mcp.pool.server_stream.state";
    pub(crate) const SESSION_STATE: &str = "mcp.pool.session.state";
    pub(crate) const STAGE: &str = "mcp.pool.stage";
    pub(crate) const TRANSPORT: &str = "mcp.pool.transport";
    pub(crate) const TRANSPORT_FOUND: &str = "mcp.pool.transport.found";
}
