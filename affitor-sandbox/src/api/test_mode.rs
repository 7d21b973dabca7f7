//! Test-mode events. They are recorded separately and don't affect attribution, commissions or metrics. Only the transaction id of a
//! test sale is shared with real ones.

use serde::Serialize;
use serde_json::Value;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema,
        schema::{AdditionalProperties, Type},
    },
};

use super::{Decision, Fields};
use crate::reply::Reply;
use crate::{change::Change, memory::ID_LIMIT, record::TestEventRecord, state::State};

/// Default amount of a test sale, in cents.
const AMOUNT_CENTS: u64 = 9_999;

/// A test-mode event. Only `additional_data.test_mode` is checked, and the program id if there is no key.
pub(super) struct TestEvent;

impl ToSchema for TestEvent {}

impl PartialSchema for TestEvent {
    fn schema() -> RefOr<Schema> {
        let test_mode = ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([true]));
        let data = ObjectBuilder::new()
            .schema_type(Type::Object)
            .property("test_mode", test_mode)
            .required("test_mode")
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)));
        ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("A test-mode event. No other fields are checked."))
            .property("additional_data", data)
            .required("additional_data")
            .additional_properties(Some(AdditionalProperties::<Schema>::FreeForm(true)))
            .into()
    }
}

/// A test event was recorded.
#[derive(Serialize, ToSchema)]
pub(super) struct TestResponse {
    success: bool,
    /// For example, `Test click event tracked successfully`.
    message: String,
    data: TestResponseData,
}

#[derive(Serialize, ToSchema)]
struct TestResponseData {
    #[serde(rename = "eventId")]
    event_id: u64,
    #[serde(rename = "programId")]
    program_id: Option<u64>,
    test_mode: bool,
}

/// Records a test event. `program` is the index of the key's program. Without a key, the program id is read from
/// `additional_data.program_id`, which may be a string or a number.
pub(super) fn record(
    state: &State,
    now_ms: i64,
    fields: &Fields,
    event_type: &'static str,
    program: Option<usize>,
) -> Decision {
    let program_id = match program {
        Some(program) => Some(state.programs[program].id),
        None => fields.additional("program_id").and_then(Fields::program_id),
    };
    let sale = event_type == "sale";
    let event = TestEventRecord {
        transaction_id: sale.then(|| transaction_id(fields).unwrap_or_else(|| format!("test_txn_{now_ms}"))),
        amount_cents: sale.then(|| fields.get("amount_cents").and_then(Fields::amount).unwrap_or(AMOUNT_CENTS)),
        ..bare(state, now_ms, event_type, program_id)
    };
    let reply = Reply::ok(&TestResponse {
        success: true,
        message: format!("Test {event_type} event tracked successfully"),
        data: TestResponseData { event_id: event.event_id, program_id, test_mode: true },
    });
    Decision::changing(Change::TestEvent(event), reply)
}

/// Returns the transaction id that was sent. Its form is not checked, so a long one is cut.
pub(super) fn transaction_id(fields: &Fields) -> Option<String> {
    let id = fields.get("transaction_id").and_then(Value::as_str).filter(|id| !id.is_empty())?;
    Some(id.chars().take(ID_LIMIT).collect())
}

/// Creates a test event without transaction id and amount.
pub(super) fn bare(state: &State, now_ms: i64, event_type: &str, program_id: Option<u64>) -> TestEventRecord {
    TestEventRecord {
        event_id: state.event_id_after(1),
        event_type: event_type.to_owned(),
        program_id,
        transaction_id: None,
        amount_cents: None,
        at_ms: now_ms,
    }
}
