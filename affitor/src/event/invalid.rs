//! Why an event can't be sent.

affitor_core::invalid_value! {
    /// The reason why an event can't be sent, found before a call is made.
    ///
    /// It is also the source of an [`Error`](crate::Error) for which `is_invalid()` returns `true`.
    ///
    /// ```
    /// use affitor::Lead;
    ///
    /// let invalid = Lead::new("").validate().unwrap_err();
    /// assert_eq!(invalid.to_string(), "a lead needs a customer_key or a click_id");
    /// ```
    pub(crate) InvalidEvent
}

impl InvalidEvent {
    /// Creates an error for an [`EventSink`](crate::EventSink) with requirements of its own. The reason appears in messages
    /// and logs, so it must not contain parts of the event.
    pub const fn new(reason: &'static str) -> Self {
        Self(reason)
    }
}
