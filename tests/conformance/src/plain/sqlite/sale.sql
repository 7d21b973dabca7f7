INSERT INTO river_job (kind, queue, max_attempts, args, unique_key) VALUES (
  'affitor_event', 'affitor', 30,
  jsonb('{"event": {"type": "sale", "transaction_id": "pay_1", "amount_cents": 4900, "currency": "USD", "customer_key": "user_7"}}'),
  CAST('sale' || char(10) || 'affitor' || char(10) || 'pay_1' AS blob)
) ON CONFLICT DO NOTHING;
