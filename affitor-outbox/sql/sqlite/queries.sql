-- The outbox's queries. To try one in sqlite3, set its parameters with `.parameter set ?1 …`.
-- "Pending" means: state IN ('available', 'pending', 'retryable', 'running', 'scheduled').
--
-- SQLite knows how selective an index is only after ANALYZE, which nothing runs. So `INDEXED BY` names the index of a query that could
-- choose another one.

-- name: enqueue
-- ?1 queue, ?2 args as JSON text, ?3 key as text or null
INSERT INTO river_job (kind, queue, max_attempts, args, unique_key)
VALUES ('affitor_event', ?1, 30, jsonb(?2), CAST(?3 AS blob))
ON CONFLICT DO NOTHING -- without a target: a connection that has not seen the index yet could not prepare it

-- name: lead_pending
-- Whether a lead with a lower id than ?1 is pending. ?2 queue, ?3 and ?4 range of the customer's keys, ?5 click id
SELECT EXISTS (
  SELECT 1 FROM river_job INDEXED BY affitor_key
  WHERE kind = 'affitor_event' AND unique_key >= ?3 AND unique_key < ?4
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled') AND id < ?1
) OR EXISTS (
  SELECT 1 FROM river_job INDEXED BY affitor_pending_lead_of_click
  WHERE kind = 'affitor_event' AND unique_key > x'6c6561640a' AND unique_key < x'6c6561640b'
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
    AND queue = ?2 AND json_extract(args, '$.event.click_id') = ?5 AND id < ?1
)

-- name: payment_pending
-- Whether the sale, or a refund with a lower id than ?1, is pending. ?2 key of the sale, ?3 and ?4 range of the refunds' keys
SELECT EXISTS (
  SELECT 1 FROM river_job INDEXED BY affitor_key
  WHERE kind = 'affitor_event' AND unique_key = ?2
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
) OR EXISTS (
  SELECT 1 FROM river_job INDEXED BY affitor_pending_refund
  WHERE kind = 'affitor_event' AND unique_key > x'726566756e640a' AND unique_key < x'726566756e640b'
    AND unique_key >= ?3 AND unique_key < ?4
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled') AND id < ?1
)

-- name: partial_refund
-- Whether the sale has a partial refund with another id than ?1. ?2 and ?3 range of the refunds' keys
SELECT EXISTS (
  SELECT 1 FROM river_job INDEXED BY affitor_key
  WHERE kind = 'affitor_event' AND unique_key >= ?2 AND unique_key < ?3 AND id <> ?1
    AND json_extract(args, '$.event.refund_amount_cents') IS NOT NULL
)

-- name: set_history
-- Stores a history while the event is being sent. ?1 id, ?2 attempt, ?3 history as JSON text
UPDATE river_job SET metadata = jsonb_set(metadata, '$.affitor', jsonb(?3))
WHERE id = ?1 AND state = 'running' AND attempt = ?2

-- name: put_last
-- ?1 id. Events that can be sent go first.
UPDATE river_job SET priority = 4 WHERE id = ?1

-- name: put_forward
-- Events that were put last, and that are due for a minute, compete with the others again. ?1 queue
UPDATE river_job SET priority = 1
WHERE id IN (
  SELECT id FROM river_job
  WHERE state = 'available' AND queue = ?1 AND priority = 4 AND scheduled_at < datetime('now', '-1 minute')
  ORDER BY scheduled_at LIMIT 1000
)

-- name: stats
-- Counts of all events. In one statement, so that no event is counted twice or missed. The queue holds nothing else, so the kind does
-- not matter, and the index alone answers. ?1 queue
SELECT outcome, uncertain, count FROM affitor_totals WHERE queue = ?1
UNION ALL
SELECT 'pending', 0, count(*) FROM river_job INDEXED BY river_job_prioritized_fetching_index
WHERE queue = ?1 AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
UNION ALL
SELECT 'dead', coalesce(json_extract(metadata, '$.affitor_dead.reason') = 'uncertain', 0), count(*)
FROM river_job INDEXED BY affitor_to_review
WHERE kind = 'affitor_event' AND queue = ?1 AND state = 'discarded'
GROUP BY 2

-- name: backlog
-- Counts of the events that are not delivered, and when the oldest pending one was enqueued. ?1 queue
SELECT pending.count, (SELECT CAST(strftime('%s', created_at) AS real) FROM river_job WHERE id = pending.oldest),
  (SELECT count(*) FROM river_job INDEXED BY affitor_to_review
   WHERE kind = 'affitor_event' AND queue = ?1 AND state = 'discarded')
FROM (
  SELECT count(*) AS count, min(id) AS oldest FROM river_job INDEXED BY river_job_prioritized_fetching_index
  WHERE queue = ?1 AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
) AS pending

-- name: dead
-- Dead letters with a higher id than ?2. ?1 queue, ?3 limit
SELECT id, CAST(args -> '$.event' AS blob),
  CAST(coalesce(metadata -> '$.affitor_dead', metadata -> '$.output') AS blob),
  CAST(strftime('%s', created_at) AS real)
FROM river_job INDEXED BY affitor_to_review
WHERE kind = 'affitor_event' AND queue = ?1 AND id > ?2 AND state = 'discarded'
ORDER BY id LIMIT ?3

-- name: uncertain
-- Delivered events that are uncertain, with a higher id than ?2. ?1 queue, ?3 limit
SELECT id, CAST(args -> '$.event' AS blob), CAST(metadata -> '$.output' AS blob),
  CAST(strftime('%s', created_at) AS real)
FROM river_job INDEXED BY affitor_to_review
WHERE kind = 'affitor_event' AND queue = ?1 AND id > ?2
  AND (state = 'discarded' OR state = 'completed' AND json_extract(metadata, '$.output.uncertain') = 1) -- as in the index
  AND state = 'completed'
ORDER BY id LIMIT ?3

-- name: settle
-- ?1 queue, ?2 id
UPDATE river_job SET metadata = jsonb_set(metadata, '$.output.uncertain', json('false'))
WHERE id = ?2 AND kind = 'affitor_event' AND queue = ?1
  AND state = 'completed' AND json_extract(metadata, '$.output.uncertain') = 1

-- name: discard
-- ?1 queue, ?2 id
UPDATE river_job SET state = 'cancelled', finalized_at = datetime('now', 'subsec')
WHERE id = ?2 AND kind = 'affitor_event' AND queue = ?1 AND state = 'discarded'

-- name: dead_letter
-- Reads a dead letter. ?1 queue, ?2 id
SELECT CAST(attempt AS integer), CAST(metadata -> '$.affitor' AS blob), CAST(args -> '$.event' AS blob)
FROM river_job
WHERE id = ?2 AND kind = 'affitor_event' AND queue = ?1 AND state = 'discarded'

-- name: correct
-- Replaces the event of a dead letter. ?1 queue, ?2 id, ?3 key, ?4 args as JSON text
UPDATE river_job
SET args = jsonb(?4), metadata = jsonb_remove(metadata, '$.output', '$.affitor_dead')
WHERE id = ?2 AND kind = 'affitor_event' AND queue = ?1 AND state = 'discarded'
  AND unique_key = CAST(?3 AS blob)

-- name: replay
-- ?1 queue, ?2 id, ?3 history as JSON text
UPDATE river_job
SET attempt = 0, state = 'available', finalized_at = NULL, scheduled_at = datetime('now', 'subsec'), priority = 1,
  max_attempts = 30, metadata = jsonb_set(jsonb_remove(metadata, '$.affitor_dead'), '$.affitor', jsonb(?3))
WHERE id = ?2 AND kind = 'affitor_event' AND queue = ?1 AND state = 'discarded'

-- name: replay_refunds
-- Repeats the refunds of a sale that ended because the sale was not found. ?1 and ?2 range of the refunds' keys
UPDATE river_job INDEXED BY affitor_key
SET attempt = 0, state = 'available', finalized_at = NULL, scheduled_at = datetime('now', 'subsec'), priority = 1, max_attempts = 30,
  metadata = jsonb_remove(metadata, '$.output', '$.affitor')
WHERE kind = 'affitor_event' AND unique_key >= ?1 AND unique_key < ?2 AND state = 'completed'
  AND json_extract(metadata, '$.output.outcome') = 'not_attributed'

-- name: forget_unsent
-- Discards a customer's dead letters and pending events. ?1 queue, ?2 customer key
UPDATE river_job INDEXED BY river_job_prioritized_fetching_index
SET state = 'cancelled', finalized_at = datetime('now', 'subsec')
WHERE kind = 'affitor_event' AND queue = ?1 AND state IN ('available', 'discarded', 'pending', 'retryable', 'scheduled')
  AND json_extract(args, '$.event.customer_key') = ?2

-- name: forget_leads
-- Removes the hash of the customer from delivered and discarded leads. ?1 and ?2 range of the customer's keys
UPDATE river_job INDEXED BY affitor_key SET unique_key = NULL
WHERE kind = 'affitor_event' AND unique_key >= ?1 AND unique_key < ?2 AND state IN ('cancelled', 'completed')

-- name: being_sent
-- Events of a customer that are being sent now. ?1 queue, ?2 customer key
SELECT count(*) FROM river_job INDEXED BY river_job_prioritized_fetching_index
WHERE kind = 'affitor_event' AND queue = ?1 AND state = 'running' AND json_extract(args, '$.event.customer_key') = ?2

-- name: foreign
-- A kind or queue that is not the outbox's.
SELECT kind FROM river_job WHERE kind < 'affitor_event' OR kind > 'affitor_event'
UNION ALL SELECT name FROM river_queue WHERE name <> 'affitor' AND substr(name, 1, 8) <> 'affitor_'
LIMIT 1

-- name: fix_waiting
-- After a clock jump. No delay exceeds a day; an event without an attempt may have been scheduled on purpose. ?1 queue
UPDATE river_job INDEXED BY river_job_prioritized_fetching_index
SET scheduled_at = datetime('now', 'subsec')
WHERE kind = 'affitor_event' AND queue = ?1 AND state IN ('available', 'retryable', 'scheduled')
  AND priority IN (1, 2, 3, 4) AND scheduled_at > datetime('now', '+25 hours') AND (attempt > 0 OR json_extract(metadata, '$.snoozes') > 0)

-- name: fix_running
-- If nobody is sending the event, River rescues it a minute after the new time. ?1 queue
UPDATE river_job INDEXED BY river_job_prioritized_fetching_index
SET attempted_at = datetime('now', 'subsec')
WHERE kind = 'affitor_event' AND queue = ?1 AND state = 'running' AND attempted_at > datetime('now', '+1 hour')

-- name: version
SELECT coalesce(max(version), 0) FROM river_migration WHERE line = 'affitor'

-- name: record_version
-- ?1 version
INSERT INTO river_migration (line, version) VALUES ('affitor', ?1) ON CONFLICT (line, version) DO NOTHING

-- The payment ledger. Lists are parameters as JSON arrays, and each row is returned as one JSON text.

-- name: ledger_start
-- ?1 queue, ?2 current time
INSERT INTO affitor_ledgers (queue, started_at) VALUES (?1, ?2)
ON CONFLICT (queue) DO UPDATE SET started_at = coalesce(started_at, excluded.started_at)

-- name: ledger
-- ?1 queue, ?2 scope
SELECT json_object('started_at', ledger.started_at, 'stripe_connected', ledger.stripe_connected,
  'read_by_affitor', ledger.read_by_affitor, 'policy', policy.policy, 'keep', kept.seconds, 'keep_said_at', kept.said_at)
FROM affitor_ledgers AS ledger
LEFT JOIN affitor_ledger_policies AS policy ON policy.queue = ledger.queue AND policy.scope = ?2
LEFT JOIN affitor_retention AS kept ON kept.queue = ledger.queue AND kept.kind = 'payments'
WHERE ledger.queue = ?1

-- name: save_policy
-- ?1 queue, ?2 scope, ?3 how the app decides about payments
INSERT INTO affitor_ledger_policies (queue, scope, policy) VALUES (?1, ?2, ?3)
ON CONFLICT (queue, scope) DO UPDATE SET policy = excluded.policy

-- name: ledger_connected
-- ?1 queue, ?2 whether Stripe is connected to Affitor
INSERT INTO affitor_ledgers (queue, stripe_connected) VALUES (?1, ?2)
ON CONFLICT (queue) DO UPDATE SET stripe_connected = excluded.stripe_connected

-- name: ledger_decide
-- ?1 queue, ?2 whether Affitor reads the provider's webhooks
INSERT INTO affitor_ledgers (queue, read_by_affitor) VALUES (?1, ?2)
ON CONFLICT (queue) DO UPDATE SET read_by_affitor = excluded.read_by_affitor

-- name: payment_ids
-- Groups of ids. ?1 queue, ?2 scope, ?3 ids
SELECT json_object('id', id, 'group_id', group_id) FROM affitor_payment_ids
WHERE queue = ?1 AND scope = ?2 AND id IN (SELECT value FROM json_each(?3))

-- name: lock_group
-- Reads and locks a group. ?1 group
SELECT json_object('id', id, 'scope', scope, 'facts', facts, 'policy', policy, 'is_due', due_at IS NOT NULL OR policy IS NOT NULL, 'updated_at', updated_at)
FROM affitor_payment_groups
WHERE id = ?1

-- name: group
-- Reads a group without locking it. ?1 group
SELECT json_object('id', id, 'scope', scope, 'facts', facts, 'policy', policy)
FROM affitor_payment_groups WHERE id = ?1

-- name: new_group
-- ?1 queue, ?2 scope, ?3 current time
INSERT INTO affitor_payment_groups (queue, scope, updated_at) VALUES (?1, ?2, ?3)
RETURNING CAST(id AS text)

-- name: add_ids
-- ?1 queue, ?2 scope, ?3 ids, ?4 group
INSERT INTO affitor_payment_ids (queue, scope, id, group_id)
SELECT ?1, ?2, value, ?4 FROM json_each(?3) WHERE true -- or `ON CONFLICT` is read as part of a join
ON CONFLICT (queue, scope, id) DO NOTHING

-- name: move_ids
-- ?1 groups, ?2 the group that takes them over
UPDATE affitor_payment_ids SET group_id = ?2
WHERE group_id IN (SELECT value FROM json_each(?1))

-- name: move_payments
-- ?1 groups, ?2 the group that takes them over
UPDATE affitor_payments SET group_id = ?2
WHERE group_id IN (SELECT value FROM json_each(?1))

-- name: move_webhooks
-- ?1 groups, ?2 the group that takes them over
UPDATE affitor_payment_webhooks SET group_id = ?2
WHERE group_id IN (SELECT value FROM json_each(?1))

-- name: drop_groups
-- ?1 groups
DELETE FROM affitor_payment_groups
WHERE id IN (SELECT value FROM json_each(?1))

-- name: save_group
-- ?1 group, ?2 facts, ?3 policy, ?4 when to decide again, ?5 current time
UPDATE affitor_payment_groups
SET facts = ?2, policy = ?3, due_at = ?4, updated_at = ?5
WHERE id = ?1

-- name: save_facts
-- ?1 group, ?2 facts
UPDATE affitor_payment_groups SET facts = ?2 WHERE id = ?1

-- name: reports
-- What was reported about transactions. ?1 queue, ?2 transaction ids
SELECT json_object('transaction_id', transaction_id, 'type', type, 'refund_id', refund_id, 'cents', cents, 'currency', currency,
  'job_id', job_id, 'enqueued_at', enqueued_at, 'outcome', outcome, 'uncertain', uncertain, 'finished_at', finished_at)
FROM affitor_reports
WHERE queue = ?1 AND transaction_id IN (SELECT value FROM json_each(?2))
ORDER BY +enqueued_at, job_id

-- name: group_payments
-- ?1 group
SELECT json_object('scope', scope, 'transaction_id', transaction_id, 'group_id', group_id, 'form', form, 'status', status,
  'counted_as', counted_as, 'paid_cents', paid_cents, 'commissionable_cents', commissionable_cents, 'currency', currency,
  'paid_at', paid_at, 'customer_key', customer_key, 'click_id', click_id, 'program_id', program_id, 'source', source,
  'provider_customer', provider_customer,
  'returned_cents', returned_cents, 'reported_refund_cents', reported_refund_cents, 'doubts', doubts, 'since', since)
FROM affitor_payments WHERE group_id = ?1
ORDER BY paid_at, transaction_id

-- name: save_payment
-- ?1 queue, ?2 scope, ?3 transaction id, ?4 group, ?5 form, ?6 status, ?7 counted_as, ?8 paid, ?9 commissionable,
-- ?10 currency, ?11 paid at, ?12 customer, ?13 click, ?14 program, ?15 source, ?16 returned, ?17 reported refunds,
-- ?18 doubts, ?19 current time, ?20 customer of the provider
INSERT INTO affitor_payments
  (queue, scope, transaction_id, group_id, form, status, counted_as, paid_cents, commissionable_cents, currency, paid_at,
   customer_key, click_id, program_id, source, returned_cents, reported_refund_cents, doubts, since,
   provider_customer)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
ON CONFLICT (queue, scope, transaction_id) DO UPDATE SET
  group_id = excluded.group_id, form = excluded.form, status = excluded.status, counted_as = excluded.counted_as,
  paid_cents = excluded.paid_cents, commissionable_cents = excluded.commissionable_cents, currency = excluded.currency,
  paid_at = excluded.paid_at, customer_key = excluded.customer_key, click_id = excluded.click_id,
  program_id = excluded.program_id, source = excluded.source, returned_cents = excluded.returned_cents,
  reported_refund_cents = excluded.reported_refund_cents, doubts = excluded.doubts,
  provider_customer = excluded.provider_customer

-- name: drop_payments
-- Removes what turned out to be a part of another payment. ?1 group, ?2 transaction ids to keep
DELETE FROM affitor_payments
WHERE group_id = ?1 AND transaction_id NOT IN (SELECT value FROM json_each(?2))

-- name: save_webhook
-- ?1 queue, ?2 scope, ?3 event id, ?4 kind, ?5 group, ?6 current time, ?7 decision, ?8 whether it is refused
INSERT INTO affitor_payment_webhooks
  (queue, scope, event_id, kind, group_id, first_seen_at, last_seen_at, decision, refused)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8)
ON CONFLICT (queue, scope, event_id) DO UPDATE SET
  seen = seen + 1, last_seen_at = excluded.last_seen_at, group_id = excluded.group_id, decision = excluded.decision,
  refused = excluded.refused

-- name: save_webhook_ids
-- The ids in a webhook without a group. ?1 queue, ?2 scope, ?3 event id, ?4 ids
INSERT INTO affitor_webhook_ids (queue, scope, event_id, id)
SELECT ?1, ?2, ?3, value FROM json_each(?4) WHERE true -- or `ON CONFLICT` is read as part of a join
ON CONFLICT (queue, id, scope, event_id) DO NOTHING

-- name: waiting_for_source
-- Groups with payments that lack a customer and could inherit one. ?1 queue, ?2 scope, ?3 subscriptions or customers
SELECT CAST(group_id AS text) FROM affitor_payments INDEXED BY affitor_payments_source
WHERE queue = ?1 AND scope = ?2 AND source IN (SELECT value FROM json_each(?3)) AND status = 'no_customer'
UNION
SELECT CAST(group_id AS text) FROM affitor_payments INDEXED BY affitor_payments_provider_customer
WHERE queue = ?1 AND scope = ?2 AND provider_customer IN (SELECT value FROM json_each(?3)) AND status = 'no_customer'

-- name: claim_due_groups
-- Groups that are due, for one process alone. ?1 queue, ?2 current time, ?3 when they are due again if nobody decides them, ?4 how many
UPDATE affitor_payment_groups SET due_at = ?3
WHERE id IN (
  SELECT id FROM affitor_payment_groups WHERE queue = ?1 AND due_at <= ?2 ORDER BY due_at, id LIMIT ?4
)
RETURNING CAST(id AS text)

-- name: say_retention
-- ?1 queue, ?2 kind, ?3 seconds, ?4 current time
INSERT INTO affitor_retention (queue, kind, seconds, said_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (queue, kind) DO UPDATE SET seconds = excluded.seconds, said_at = excluded.said_at
WHERE excluded.seconds > seconds OR (excluded.seconds = seconds AND said_at < excluded.said_at - 86400)
  OR said_at < excluded.said_at - 2592000

-- name: retention
-- ?1 queue
SELECT json_object('kind', kind, 'seconds', seconds) FROM affitor_retention WHERE queue = ?1

-- name: purge_completed
-- Deletes delivered events, 1,000 at a time. ?1 queue, ?2 time
DELETE FROM river_job WHERE id IN (
  SELECT id FROM river_job
  WHERE state = 'completed' AND finalized_at < datetime(?2, 'unixepoch') AND +queue = ?1 AND +kind = 'affitor_event'
  ORDER BY finalized_at LIMIT 1000
)

-- name: purge_groups
-- Deletes payments that nothing was reported about for long, 500 at a time. ?1 queue, ?2 time
DELETE FROM affitor_payment_groups WHERE id IN (
  SELECT id FROM affitor_payment_groups WHERE queue = ?1 AND updated_at < ?2 AND due_at IS NULL
  ORDER BY updated_at LIMIT 500
)

-- name: purge_webhooks
-- ?1 queue, ?2 time
DELETE FROM affitor_payment_webhooks WHERE queue = ?1 AND last_seen_at < ?2 AND +group_id IS NULL

-- name: purge_reports
-- ?1 queue, ?2 time
DELETE FROM affitor_reports
WHERE queue = ?1 AND enqueued_at < ?2 AND outcome NOT IN ('pending', 'dead') AND NOT uncertain

-- name: find_payment
-- Groups by an id in any scope: of an object, a webhook, a customer of the app, a subscription or a customer of the provider.
-- ?1 queue, ?2 id, ?3 limit
SELECT CAST(group_id AS text) FROM (
  SELECT group_id FROM affitor_payment_ids WHERE queue = ?1 AND id = ?2
  UNION SELECT group_id FROM affitor_payment_webhooks WHERE +queue = ?1 AND event_id = ?2 AND group_id IS NOT NULL
  UNION SELECT group_id FROM affitor_payments WHERE queue = ?1 AND customer_key = ?2
  UNION SELECT group_id FROM affitor_payments WHERE queue = ?1 AND source = ?2
  UNION SELECT group_id FROM affitor_payments WHERE queue = ?1 AND provider_customer = ?2
) AS found ORDER BY group_id LIMIT ?3

-- name: group_ids
-- ?1 group
SELECT json_quote(id) FROM affitor_payment_ids WHERE group_id = ?1 ORDER BY id

-- name: group_webhooks
-- ?1 group
SELECT json_object('scope', scope, 'event_id', event_id, 'kind', kind, 'seen', seen, 'first_seen_at', first_seen_at,
  'last_seen_at', last_seen_at, 'decision', decision, 'refused', refused)
FROM affitor_payment_webhooks WHERE group_id = ?1
ORDER BY first_seen_at, event_id

-- name: loose_webhooks
-- Webhooks that belong to no payment, by ids in them. ?1 queue, ?2 ids
SELECT DISTINCT json_object('scope', scope, 'event_id', event_id, 'kind', kind, 'seen', seen, 'first_seen_at', first_seen_at,
  'last_seen_at', last_seen_at, 'decision', decision, 'refused', refused)
FROM (
  SELECT webhook.* FROM affitor_webhook_ids AS mention
  CROSS JOIN affitor_payment_webhooks AS webhook -- in this order
  WHERE mention.queue = ?1 AND mention.id IN (SELECT value FROM json_each(?2))
    AND webhook.event_id = mention.event_id AND webhook.scope = mention.scope AND webhook.queue = ?1
    AND +webhook.group_id IS NULL
  ORDER BY webhook.first_seen_at LIMIT 100
)

-- name: refused_webhooks
-- The latest webhooks that look like payments and can't be read. ?1 queue, ?2 limit
SELECT json_object('scope', scope, 'event_id', event_id, 'kind', kind, 'seen', seen, 'first_seen_at', first_seen_at,
  'last_seen_at', last_seen_at, 'decision', decision, 'refused', refused)
FROM affitor_payment_webhooks INDEXED BY affitor_payment_webhooks_refused WHERE queue = ?1 AND refused
ORDER BY last_seen_at DESC LIMIT ?2

-- name: count_refused
-- ?1 queue
SELECT CAST(count(*) AS text) FROM affitor_payment_webhooks INDEXED BY affitor_payment_webhooks_refused
WHERE queue = ?1 AND refused

-- name: list_payments
-- Payments in the order of their transaction ids. ?1 queue, ?2 transaction id of the last one, ?3 limit
SELECT json_object('scope', scope, 'transaction_id', transaction_id, 'group_id', group_id, 'form', form, 'status', status,
  'counted_as', counted_as, 'paid_cents', paid_cents, 'commissionable_cents', commissionable_cents, 'currency', currency,
  'paid_at', paid_at, 'customer_key', customer_key, 'click_id', click_id, 'program_id', program_id, 'source', source,
  'provider_customer', provider_customer,
  'returned_cents', returned_cents, 'reported_refund_cents', reported_refund_cents, 'doubts', doubts, 'since', since)
FROM affitor_payments
WHERE queue = ?1 AND transaction_id > ?2
ORDER BY transaction_id LIMIT ?3

-- name: list_payments_with_status
-- The same with a status. ?1 queue, ?2 transaction id of the last one, ?3 limit, ?4 status
SELECT json_object('scope', scope, 'transaction_id', transaction_id, 'group_id', group_id, 'form', form, 'status', status,
  'counted_as', counted_as, 'paid_cents', paid_cents, 'commissionable_cents', commissionable_cents, 'currency', currency,
  'paid_at', paid_at, 'customer_key', customer_key, 'click_id', click_id, 'program_id', program_id, 'source', source,
  'provider_customer', provider_customer,
  'returned_cents', returned_cents, 'reported_refund_cents', reported_refund_cents, 'doubts', doubts, 'since', since)
FROM affitor_payments INDEXED BY affitor_payments_status
WHERE queue = ?1 AND transaction_id > ?2 AND status = ?4
ORDER BY transaction_id LIMIT ?3

-- name: list_payments_to_check
-- The same with a doubt. ?1 queue, ?2 transaction id of the last one, ?3 limit, ?4 status or null
SELECT json_object('scope', scope, 'transaction_id', transaction_id, 'group_id', group_id, 'form', form, 'status', status,
  'counted_as', counted_as, 'paid_cents', paid_cents, 'commissionable_cents', commissionable_cents, 'currency', currency,
  'paid_at', paid_at, 'customer_key', customer_key, 'click_id', click_id, 'program_id', program_id, 'source', source,
  'provider_customer', provider_customer,
  'returned_cents', returned_cents, 'reported_refund_cents', reported_refund_cents, 'doubts', doubts, 'since', since)
FROM affitor_payments INDEXED BY affitor_payments_doubts
WHERE queue = ?1 AND transaction_id > ?2 AND doubts <> '' AND (?4 IS NULL OR status = ?4)
ORDER BY transaction_id LIMIT ?3

-- name: balance_sales
-- Payments by currency, by what became of them, and by the outcome of their sales. ?1 queue
SELECT json_object('currency', currency, 'status', status, 'outcome', outcome, 'uncertain', uncertain, 'doubts', doubts,
  'payments', count(*), 'paid_cents', sum(paid), 'returned_cents', sum(returned))
FROM (
  SELECT coalesce(payment.currency, report.currency) AS currency, payment.status AS status, report.outcome AS outcome,
    coalesce(report.uncertain, 0) AS uncertain, payment.doubts AS doubts, payment.paid_cents AS paid,
    payment.returned_cents AS returned
  FROM affitor_payments AS payment
  LEFT JOIN affitor_reports AS report
    ON report.queue = ?1 AND report.transaction_id = payment.transaction_id AND report.type = 'sale'
  WHERE payment.queue = ?1 AND payment.scope LIKE '%/live'
  UNION ALL
  SELECT currency, 'reported', outcome, uncertain, '', cents, 0
  FROM affitor_reports AS report
  WHERE queue = ?1 AND type = 'sale' AND NOT EXISTS (
    SELECT 1 FROM affitor_payments AS payment
    WHERE payment.queue = ?1 AND payment.transaction_id = report.transaction_id AND payment.scope LIKE '%/live'
  )
)
GROUP BY currency, status, outcome, uncertain, doubts

-- name: balance_refunds
-- Refunds that were enqueued, by currency and outcome. A full refund has the amount of its sale. ?1 queue
SELECT json_object('currency', coalesce(sale.currency, payment.currency, refund.currency), 'outcome', refund.outcome,
  'uncertain', refund.uncertain, 'refunds', count(*),
  'cents', sum(coalesce(refund.cents, sale.cents, payment.commissionable_cents, 0)))
FROM affitor_reports AS refund
LEFT JOIN affitor_reports AS sale
  ON sale.queue = ?1 AND sale.transaction_id = refund.transaction_id AND sale.type = 'sale'
LEFT JOIN affitor_payments AS payment
  ON payment.queue = ?1 AND payment.transaction_id = refund.transaction_id AND payment.scope LIKE '%/live'
WHERE refund.queue = ?1 AND refund.type = 'refund'
GROUP BY coalesce(sale.currency, payment.currency, refund.currency), refund.outcome, refund.uncertain

-- name: release_payments
-- Makes payments due that were held because of a conflict. ?1 queue, ?2 current time
UPDATE affitor_payment_groups SET due_at = ?2
WHERE queue = ?1 AND json_extract(policy, '$.conflict') = 1

-- name: groups_naming
-- Groups whose facts contain a text. Reads all groups. ?1 queue, ?2 text as JSON
SELECT CAST(id AS text) FROM affitor_payment_groups WHERE queue = ?1 AND instr(facts, ?2) > 0
ORDER BY id

-- name: forget_payments
-- ?1 queue, ?2 customer key
UPDATE affitor_payments SET customer_key = NULL, click_id = NULL WHERE queue = ?1 AND customer_key = ?2

-- name: forget_webhook_ids
-- ?1 queue, ?2 customer key
DELETE FROM affitor_webhook_ids WHERE queue = ?1 AND id = ?2
