INSERT INTO affitor.river_job (kind, queue, max_attempts, args, unique_key) VALUES (
  'affitor_event', 'affitor', 30,
  '{"event": {"type": "refund", "transaction_id": "pay_1", "refund_amount_cents": 1500, "refund_id": "re_1"}}',
  convert_to('refund' || E'\n' || 'affitor' || E'\n' || 'pay_1' || E'\n' || 're_1', 'UTF8')
) ON CONFLICT DO NOTHING;
