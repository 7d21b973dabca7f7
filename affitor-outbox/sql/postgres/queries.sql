-- The outbox's queries. To try one in psql, replace its parameters, or use PREPARE.
-- "Pending" means: state IN ('available', 'pending', 'retryable', 'running', 'scheduled').

-- name: enqueue
-- $1 queue, $2 args as JSON text, $3 key as text or null
INSERT INTO affitor.river_job (kind, queue, max_attempts, args, unique_key)
VALUES ('affitor_event', $1, 30, CAST(CAST($2 AS text) AS jsonb), convert_to(CAST($3 AS text), 'UTF8'))
ON CONFLICT (unique_key) WHERE kind = 'affitor_event' DO NOTHING

-- name: notify
-- $1 queue. Wakes the workers when the transaction commits.
SELECT pg_notify('affitor.river_insert', json_build_object('queue', CAST($1 AS text))::text)

-- name: lead_pending
-- Whether a lead with a lower id than $1 is pending. $2 queue, $3 and $4 range of the customer's keys, $5 click id
SELECT EXISTS (
  SELECT FROM affitor.river_job
  WHERE kind = 'affitor_event' AND unique_key >= $3 AND unique_key < $4
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled') AND id < $1
) OR EXISTS (
  SELECT FROM affitor.river_job
  WHERE kind = 'affitor_event' AND unique_key > '\x6c6561640a' AND unique_key < '\x6c6561640b'
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
    AND queue = $2 AND args -> 'event' ->> 'click_id' = $5 AND id < $1
)

-- name: payment_pending
-- Whether the sale, or a refund with a lower id than $1, is pending. $2 key of the sale, $3 and $4 range of the refunds' keys
SELECT EXISTS (
  SELECT FROM affitor.river_job
  WHERE kind = 'affitor_event' AND unique_key = $2
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
) OR EXISTS (
  SELECT FROM affitor.river_job
  WHERE kind = 'affitor_event' AND unique_key >= $3 AND unique_key < $4
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled') AND id < $1
)

-- name: partial_refund
-- Whether the sale has a partial refund with another id than $1. $2 and $3 range of the refunds' keys
SELECT EXISTS (
  SELECT FROM affitor.river_job
  WHERE kind = 'affitor_event' AND unique_key >= $2 AND unique_key < $3 AND id <> $1
    AND args -> 'event' ->> 'refund_amount_cents' IS NOT NULL
)

-- name: set_history
-- Stores a history while the event is being sent. $1 id, $2 attempt, $3 history as JSON text
UPDATE affitor.river_job SET metadata = jsonb_set(metadata, '{affitor}', CAST(CAST($3 AS text) AS jsonb))
WHERE id = $1 AND state = 'running' AND attempt = $2

-- name: put_last
-- $1 id. Events that can be sent go first.
UPDATE affitor.river_job SET priority = 4 WHERE id = $1

-- name: put_forward
-- Events that were put last, and that are due for a minute, compete with the others again. $1 queue
UPDATE affitor.river_job SET priority = 1
WHERE id IN (
  SELECT id FROM affitor.river_job
  WHERE state = 'available' AND queue = $1 AND priority = 4 AND scheduled_at < now() - interval '1 minute'
  ORDER BY scheduled_at LIMIT 1000 FOR UPDATE SKIP LOCKED
)

-- name: stats
-- Counts of all events. In one statement, so that no event is counted twice or missed. $1 queue
SELECT outcome, uncertain, count FROM affitor.affitor_totals WHERE queue = $1
UNION ALL
SELECT 'pending', false, count(*) FROM affitor.river_job
WHERE kind = 'affitor_event' AND queue = $1
  AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
UNION ALL
SELECT 'dead', coalesce(metadata -> 'affitor_dead' ->> 'reason' = 'uncertain', false), count(*) FROM affitor.river_job
WHERE kind = 'affitor_event' AND queue = $1 AND state = 'discarded'
GROUP BY 2

-- name: backlog
-- Counts of the events that are not delivered, and when the oldest pending one was enqueued. $1 queue
SELECT
  (SELECT count(*) FROM affitor.river_job
   WHERE kind = 'affitor_event' AND queue = $1
     AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')),
  (SELECT CAST(extract(epoch FROM min(created_at)) AS double precision) FROM affitor.river_job
   WHERE kind = 'affitor_event' AND queue = $1
     AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')),
  (SELECT count(*) FROM affitor.river_job
   WHERE kind = 'affitor_event' AND queue = $1 AND state = 'discarded')

-- name: dead
-- Dead letters with a higher id than $2. $1 queue, $3 limit
SELECT id, convert_to(CAST(args -> 'event' AS text), 'UTF8'),
  convert_to(CAST(coalesce(metadata -> 'affitor_dead', metadata -> 'output') AS text), 'UTF8'),
  CAST(extract(epoch FROM created_at) AS double precision)
FROM affitor.river_job
WHERE kind = 'affitor_event' AND queue = $1 AND id > $2 AND state = 'discarded'
ORDER BY id LIMIT $3

-- name: uncertain
-- Delivered events that are uncertain, with a higher id than $2. $1 queue, $3 limit
SELECT id, convert_to(CAST(args -> 'event' AS text), 'UTF8'), CAST(NULL AS bytea),
  CAST(extract(epoch FROM created_at) AS double precision)
FROM affitor.river_job
WHERE kind = 'affitor_event' AND queue = $1 AND id > $2
  AND state = 'completed' AND metadata -> 'output' ->> 'uncertain' = 'true'
ORDER BY id LIMIT $3

-- name: settle
-- $1 queue, $2 id
UPDATE affitor.river_job SET metadata = jsonb_set(metadata, '{output,uncertain}', 'false')
WHERE id = $2 AND kind = 'affitor_event' AND queue = $1
  AND state = 'completed' AND metadata -> 'output' ->> 'uncertain' = 'true'

-- name: discard
-- $1 queue, $2 id
UPDATE affitor.river_job SET state = 'cancelled', finalized_at = now()
WHERE id = $2 AND kind = 'affitor_event' AND queue = $1 AND state = 'discarded'

-- name: dead_letter
-- Locks a dead letter. $1 queue, $2 id
SELECT CAST(attempt AS integer), convert_to(CAST(metadata -> 'affitor' AS text), 'UTF8'), convert_to(CAST(args -> 'event' AS text), 'UTF8')
FROM affitor.river_job
WHERE id = $2 AND kind = 'affitor_event' AND queue = $1 AND state = 'discarded'
FOR UPDATE

-- name: correct
-- Replaces the event of a dead letter. $1 queue, $2 id, $3 key, $4 args as JSON text
UPDATE affitor.river_job
SET args = CAST(CAST($4 AS text) AS jsonb), metadata = metadata - 'output' - 'affitor_dead'
WHERE id = $2 AND kind = 'affitor_event' AND queue = $1 AND state = 'discarded'
  AND unique_key = convert_to(CAST($3 AS text), 'UTF8')

-- name: replay
-- $1 queue, $2 id, $3 history as JSON text
UPDATE affitor.river_job
SET attempt = 0, state = 'available', finalized_at = NULL, scheduled_at = now(), priority = 1,
  max_attempts = 30, metadata = jsonb_set(metadata - 'affitor_dead', '{affitor}', CAST(CAST($3 AS text) AS jsonb))
WHERE id = $2 AND kind = 'affitor_event' AND queue = $1 AND state = 'discarded'

-- name: forget_unsent
-- Discards a customer's dead letters and pending events. $1 queue, $2 customer key
UPDATE affitor.river_job SET state = 'cancelled', finalized_at = now()
WHERE kind = 'affitor_event' AND queue = $1 AND state IN ('available', 'discarded', 'pending', 'retryable', 'scheduled')
  AND args -> 'event' ->> 'customer_key' = $2

-- name: forget_leads
-- Removes the hash of the customer from delivered and discarded leads. $1 and $2 range of the customer's keys
UPDATE affitor.river_job SET unique_key = NULL
WHERE kind = 'affitor_event' AND unique_key >= $1 AND unique_key < $2 AND state IN ('cancelled', 'completed')

-- name: being_sent
-- Events of a customer that are being sent now. $1 queue, $2 customer key
SELECT count(*) FROM affitor.river_job
WHERE kind = 'affitor_event' AND queue = $1 AND state = 'running' AND args -> 'event' ->> 'customer_key' = $2

-- name: foreign
-- A queue that is not the outbox's.
SELECT name FROM affitor.river_queue WHERE name <> 'affitor' AND left(name, 8) <> 'affitor_' LIMIT 1

-- name: fix_waiting
-- After a clock jump. No delay exceeds a day; an event without an attempt may have been scheduled on purpose. $1 queue
UPDATE affitor.river_job SET scheduled_at = now()
WHERE kind = 'affitor_event' AND queue = $1 AND state IN ('available', 'retryable', 'scheduled')
  AND scheduled_at > now() + interval '25 hours' AND (attempt > 0 OR coalesce(metadata ->> 'snoozes', '0') <> '0')

-- name: fix_running
-- If nobody is sending the event, River rescues it a minute after the new time. $1 queue
UPDATE affitor.river_job SET attempted_at = now()
WHERE kind = 'affitor_event' AND queue = $1 AND state = 'running' AND attempted_at > now() + interval '1 hour'

-- name: version
SELECT coalesce(max(version), 0) FROM affitor.river_migration WHERE line = 'affitor'

-- name: record_version
-- $1 version
INSERT INTO affitor.river_migration (line, version) VALUES ('affitor', $1) ON CONFLICT (line, version) DO NOTHING
