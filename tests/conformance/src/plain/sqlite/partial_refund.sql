INSERT INTO river_job (kind, queue, max_attempts, args, unique_key) VALUES (
  'affitor_event', 'affitor', 30,
  jsonb('{"event": {"type": "refund", "transaction_id": "pay_1", "refund_amount_cents": 1500, "refund_id": "re_1"}}'),
  CAST('refund' || char(10) || 'affitor' || char(10) || 'pay_1' || char(10) || 're_1' AS blob)
) ON CONFLICT DO NOTHING;
