INSERT INTO affitor.river_job (kind, queue, max_attempts, args, unique_key) VALUES (
  'affitor_event', 'affitor', 30,
  '{"event": {"type": "sale", "transaction_id": "pay_1", "amount_cents": 4900, "currency": "USD", "customer_key": "user_7"}}',
  convert_to('sale' || E'\n' || 'affitor' || E'\n' || 'pay_1', 'UTF8')
) ON CONFLICT DO NOTHING;
