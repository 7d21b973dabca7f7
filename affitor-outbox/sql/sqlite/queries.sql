-- The outbox's queries. To try one in sqlite3, set its parameters with `.parameter set ?1 …`.
-- "Pending" means: state IN ('available', 'pending', 'retryable', 'running', 'scheduled').

-- name: enqueue
-- ?1 queue, ?2 args as JSON text, ?3 key as text or null
INSERT INTO river_job (kind, queue, max_attempts, args, unique_key)
VALUES ('affitor_event', ?1, 30, jsonb(?2), CAST(?3 AS blob))
ON CONFLICT DO NOTHING -- without a target: a connection that has not seen the index yet could not prepare it

-- name: lead_pending
-- Whether a lead with a lower id than ?1 is pending. ?2 queue, ?3 and ?4 range of the customer's keys, ?5 click id
SELECT EXISTS (
  SELECT 1 FROM river_job
  WHERE kind = 'affitor_event' AND unique_key >= ?3 AND unique_key < ?4
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled') AND id < ?1
) OR EXISTS (
  SELECT 1 FROM river_job
  WHERE kind = 'affitor_event' AND unique_key > x'6c6561640a' AND unique_key < x'6c6561640b'
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
    AND queue = ?2 AND json_extract(args, '$.event.click_id') = ?5 AND id < ?1
)

-- name: payment_pending
-- Whether the sale, or a refund with a lower id than ?1, is pending. ?2 key of the sale, ?3 and ?4 range of the refunds' keys
SELECT EXISTS (
  SELECT 1 FROM river_job
  WHERE kind = 'affitor_event' AND unique_key = ?2
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
) OR EXISTS (
  SELECT 1 FROM river_job
  WHERE kind = 'affitor_event' AND unique_key >= ?3 AND unique_key < ?4
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled') AND id < ?1
)

-- name: partial_refund
-- Whether the sale has a partial refund with another id than ?1. ?2 and ?3 range of the refunds' keys
SELECT EXISTS (
  SELECT 1 FROM river_job
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
-- Counts of all events. In one statement, so that no event is counted twice or missed. ?1 queue
SELECT outcome, uncertain, count FROM affitor_totals WHERE queue = ?1
UNION ALL
SELECT 'pending', 0, count(*) FROM river_job
WHERE kind = 'affitor_event' AND queue = ?1
  AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
UNION ALL
SELECT 'dead', coalesce(json_extract(metadata, '$.affitor_dead.reason') = 'uncertain', 0), count(*) FROM river_job
WHERE kind = 'affitor_event' AND queue = ?1 AND state = 'discarded'
GROUP BY 2

-- name: backlog
-- Counts of the events that are not delivered, and when the oldest pending one was enqueued. ?1 queue
SELECT
  (SELECT count(*) FROM river_job
   WHERE kind = 'affitor_event' AND queue = ?1
     AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')),
  (SELECT CAST(strftime('%s', min(created_at)) AS real) FROM river_job
   WHERE kind = 'affitor_event' AND queue = ?1
     AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')),
  (SELECT count(*) FROM river_job
   WHERE kind = 'affitor_event' AND queue = ?1 AND state = 'discarded')

-- name: dead
-- Dead letters with a higher id than ?2. ?1 queue, ?3 limit
SELECT id, CAST(args -> '$.event' AS blob),
  CAST(coalesce(metadata -> '$.affitor_dead', metadata -> '$.output') AS blob),
  CAST(strftime('%s', created_at) AS real)
FROM river_job
WHERE kind = 'affitor_event' AND queue = ?1 AND id > ?2 AND state = 'discarded'
ORDER BY id LIMIT ?3

-- name: uncertain
-- Delivered events that are uncertain, with a higher id than ?2. ?1 queue, ?3 limit
SELECT id, CAST(args -> '$.event' AS blob), NULL,
  CAST(strftime('%s', created_at) AS real)
FROM river_job
WHERE kind = 'affitor_event' AND queue = ?1 AND id > ?2
  AND state = 'completed' AND json_extract(metadata, '$.output.uncertain') = 1
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

-- name: forget_unsent
-- Discards a customer's dead letters and pending events. ?1 queue, ?2 customer key
UPDATE river_job SET state = 'cancelled', finalized_at = datetime('now', 'subsec')
WHERE kind = 'affitor_event' AND queue = ?1 AND state IN ('available', 'discarded', 'pending', 'retryable', 'scheduled')
  AND json_extract(args, '$.event.customer_key') = ?2

-- name: forget_leads
-- Removes the hash of the customer from delivered and discarded leads. ?1 and ?2 range of the customer's keys
UPDATE river_job SET unique_key = NULL
WHERE kind = 'affitor_event' AND unique_key >= ?1 AND unique_key < ?2 AND state IN ('cancelled', 'completed')

-- name: being_sent
-- Events of a customer that are being sent now. ?1 queue, ?2 customer key
SELECT count(*) FROM river_job
WHERE kind = 'affitor_event' AND queue = ?1 AND state = 'running' AND json_extract(args, '$.event.customer_key') = ?2

-- name: foreign
-- A kind or queue that is not the outbox's.
SELECT kind FROM river_job WHERE kind < 'affitor_event' OR kind > 'affitor_event'
UNION ALL SELECT name FROM river_queue WHERE name <> 'affitor' AND substr(name, 1, 8) <> 'affitor_'
LIMIT 1

-- name: fix_waiting
-- After a clock jump. No delay exceeds a day; an event without an attempt may have been scheduled on purpose. ?1 queue
UPDATE river_job SET scheduled_at = datetime('now', 'subsec')
WHERE kind = 'affitor_event' AND queue = ?1 AND state IN ('available', 'retryable', 'scheduled')
  AND scheduled_at > datetime('now', '+25 hours') AND (attempt > 0 OR json_extract(metadata, '$.snoozes') > 0)

-- name: fix_running
-- If nobody is sending the event, River rescues it a minute after the new time. ?1 queue
UPDATE river_job SET attempted_at = datetime('now', 'subsec')
WHERE kind = 'affitor_event' AND queue = ?1 AND state = 'running' AND attempted_at > datetime('now', '+1 hour')

-- name: version
SELECT coalesce(max(version), 0) FROM river_migration WHERE line = 'affitor'

-- name: record_version
-- ?1 version
INSERT INTO river_migration (line, version) VALUES ('affitor', ?1) ON CONFLICT (line, version) DO NOTHING
