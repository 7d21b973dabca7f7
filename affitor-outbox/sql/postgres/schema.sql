-- The outbox's own part of its schema, version 1. It comes after River's migrations.
-- The schema is `affitor` here; another name replaces it in all statements.

-- An event is a row of river_job:
--   kind        'affitor_event'
--   queue       'affitor', or 'affitor_<program>' if the outbox has several programs
--   args        {"event": {"type": "sale", …}}
--   unique_key  what makes two events the same, as text: the type, the queue and the ids, one per line
--   metadata    {"affitor": history of the attempts, "affitor_dead": why it is a dead letter, "output": outcome}

-- River creates these for searches in its user interface. They make every insert and update dearer.
DROP INDEX IF EXISTS affitor.river_job_args_index;
DROP INDEX IF EXISTS affitor.river_job_metadata_index;
DROP INDEX IF EXISTS affitor.river_job_kind;

-- The same event is enqueued once. Finds the lead of a customer, and the sale and the refunds of a transaction.
CREATE UNIQUE INDEX IF NOT EXISTS affitor_key ON affitor.river_job (unique_key) WHERE kind = 'affitor_event';

-- Finds the pending lead of a click.
CREATE INDEX IF NOT EXISTS affitor_pending_lead_of_click ON affitor.river_job (queue, (args -> 'event' ->> 'click_id'))
  WHERE kind = 'affitor_event' AND unique_key > '\x6c6561640a' AND unique_key < '\x6c6561640b' -- begins with 'lead' and a line feed
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled');

-- Finds dead letters and uncertain events.
CREATE INDEX IF NOT EXISTS affitor_to_review ON affitor.river_job (queue, id)
  WHERE kind = 'affitor_event'
    AND (state = 'discarded' OR state = 'completed' AND metadata -> 'output' ->> 'uncertain' = 'true');

-- Counts of the events that are delivered or discarded. They outlive the rows.
CREATE TABLE IF NOT EXISTS affitor.affitor_totals (
  queue text NOT NULL,
  outcome text NOT NULL, -- recorded, already_recorded, not_attributed or discarded
  uncertain boolean NOT NULL,
  count bigint NOT NULL,
  PRIMARY KEY (queue, outcome, uncertain)
);

-- Outcome under which a delivered or discarded row is counted. A later version may write other outcomes.
CREATE OR REPLACE FUNCTION affitor.affitor_outcome(state text, metadata jsonb) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE
    WHEN state = 'cancelled' THEN 'discarded'
    WHEN state <> 'completed' THEN NULL
    WHEN metadata -> 'output' ->> 'outcome' IN ('recorded', 'not_attributed') THEN metadata -> 'output' ->> 'outcome'
    ELSE 'already_recorded'
  END
$$;

-- Trigger 1: keeps the counts.
CREATE OR REPLACE FUNCTION affitor.affitor_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    INSERT INTO affitor.affitor_totals AS totals (queue, outcome, uncertain, count)
    SELECT queue, outcome, uncertain, sum(change) FROM (
      SELECT queue, affitor.affitor_outcome(state::text, metadata) AS outcome,
        state = 'completed' AND coalesce(metadata -> 'output' ->> 'uncertain', '') = 'true' AS uncertain, 1 AS change
      FROM new_rows WHERE kind = 'affitor_event' AND state IN ('completed', 'cancelled')
      UNION ALL
      SELECT queue, affitor.affitor_outcome(state::text, metadata),
        state = 'completed' AND coalesce(metadata -> 'output' ->> 'uncertain', '') = 'true', -1
      FROM old_rows WHERE kind = 'affitor_event' AND state IN ('completed', 'cancelled')
    ) AS changes
    GROUP BY queue, outcome, uncertain HAVING sum(change) <> 0 ORDER BY queue, outcome, uncertain
    ON CONFLICT (queue, outcome, uncertain) DO UPDATE SET count = totals.count + excluded.count;
  ELSE
    -- Deleting an event that is not delivered discards it, and deleting an uncertain one settles it.
    INSERT INTO affitor.affitor_totals AS totals (queue, outcome, uncertain, count)
    SELECT queue, outcome, uncertain, sum(change) FROM (
      SELECT queue, 'discarded' AS outcome, false AS uncertain, 1 AS change
      FROM old_rows WHERE kind = 'affitor_event' AND state NOT IN ('completed', 'cancelled')
      UNION ALL
      SELECT queue, affitor.affitor_outcome(state::text, metadata), settled.uncertain, settled.change
      FROM old_rows, (VALUES (true, -1), (false, 1)) AS settled (uncertain, change)
      WHERE kind = 'affitor_event' AND state = 'completed' AND metadata -> 'output' ->> 'uncertain' = 'true'
    ) AS changes
    GROUP BY queue, outcome, uncertain ORDER BY queue, outcome, uncertain
    ON CONFLICT (queue, outcome, uncertain) DO UPDATE SET count = totals.count + excluded.count;
  END IF;
  RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS affitor_count_updated ON affitor.river_job;
CREATE TRIGGER affitor_count_updated AFTER UPDATE ON affitor.river_job
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION affitor.affitor_count();
DROP TRIGGER IF EXISTS affitor_count_deleted ON affitor.river_job;
CREATE TRIGGER affitor_count_deleted AFTER DELETE ON affitor.river_job
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION affitor.affitor_count();

-- Trigger 2: protects a row from River.
CREATE OR REPLACE FUNCTION affitor.affitor_protect() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- A process that was suspended for over a minute may postpone an event that another one has taken over. That would
  -- lower the number of attempts, and hide that the other attempt may arrive.
  IF OLD.state = 'running' AND NEW.attempt < OLD.attempt - 1 THEN
    RETURN NULL;
  END IF;
  IF NEW.state IN ('completed', 'cancelled', 'discarded') THEN
    -- River deletes finished rows by date. These are kept, so they get a date that never comes: dead letters, events
    -- to be checked, and partial refunds, because only their rows tell a repeated one from a new one.
    IF NEW.state = 'discarded' OR NEW.args -> 'event' ->> 'refund_amount_cents' IS NOT NULL
      OR NEW.metadata -> 'output' ->> 'uncertain' = 'true' THEN
      NEW.finalized_at := '9999-12-30';
    ELSIF NEW.finalized_at > '9999-01-01' THEN
      NEW.finalized_at := now();
    END IF;
    -- What identifies a person is removed with the delivery.
    IF NEW.state <> 'discarded' AND OLD.state <> NEW.state AND jsonb_typeof(NEW.args -> 'event') = 'object' THEN
      NEW.args := jsonb_build_object('event', (
        SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(NEW.args -> 'event')
        WHERE key IN ('type', 'click_id', 'transaction_id', 'amount_cents', 'currency', 'refund_id', 'refund_amount_cents')
      ));
    END IF;
  END IF;
  RETURN NEW;
END
$$;
DROP TRIGGER IF EXISTS affitor_protect ON affitor.river_job;
CREATE TRIGGER affitor_protect BEFORE UPDATE ON affitor.river_job FOR EACH ROW
  WHEN (NEW.kind = 'affitor_event' AND (OLD.state = 'running' OR NEW.state IN ('completed', 'cancelled', 'discarded')))
  EXECUTE FUNCTION affitor.affitor_protect();

-- Rejects what River could not read. One such row would stop the delivery of all.
ALTER TABLE affitor.river_job DROP CONSTRAINT IF EXISTS affitor_readable;
ALTER TABLE affitor.river_job ADD CONSTRAINT affitor_readable CHECK (
  jsonb_typeof(metadata) = 'object'
  AND coalesce(array_ndims(errors), 1) = 1
  AND coalesce(array_ndims(attempted_by), 1) = 1 AND array_position(attempted_by, NULL) IS NULL
  AND coalesce(array_ndims(tags), 1) = 1 AND array_position(tags, NULL) IS NULL
  AND created_at BETWEEN '0001-01-01' AND '9999-12-31' AND scheduled_at BETWEEN '0001-01-01' AND '9999-12-31'
  AND coalesce(attempted_at BETWEEN '0001-01-01' AND '9999-12-31', true)
  AND coalesce(finalized_at BETWEEN '0001-01-01' AND '9999-12-31', true)
);
