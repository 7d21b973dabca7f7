-- The outbox's own part of its tables, version 1. It comes after River's migrations.
-- On SQLite, the outbox and the app's own River share tables.

-- An event is a row of river_job:
--   kind        'affitor_event'
--   queue       'affitor', or 'affitor_<program>' if the outbox has several programs
--   args        {"event": {"type": "sale", …}}
--   unique_key  what makes two events the same, as text: the type, the queue and the ids, one per line
--   metadata    {"affitor": history of the attempts, "affitor_dead": why it is a dead letter, "output": outcome}

-- The same event is enqueued once. Finds the lead of a customer, and the sale and the refunds of a transaction.
CREATE UNIQUE INDEX IF NOT EXISTS affitor_key ON river_job (unique_key) WHERE kind = 'affitor_event';

-- Finds the pending lead of a click.
CREATE INDEX IF NOT EXISTS affitor_pending_lead_of_click ON river_job (queue, json_extract(args, '$.event.click_id'))
  WHERE kind = 'affitor_event' AND unique_key > x'6c6561640a' AND unique_key < x'6c6561640b' -- begins with 'lead' and a line feed
    AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled');

-- Finds dead letters and uncertain events.
CREATE INDEX IF NOT EXISTS affitor_to_review ON river_job (queue, id)
  WHERE kind = 'affitor_event'
    AND (state = 'discarded' OR state = 'completed' AND json_extract(metadata, '$.output.uncertain') = 1);

-- Counts of the events that are delivered or discarded. They outlive the rows.
CREATE TABLE IF NOT EXISTS affitor_totals (
  queue text NOT NULL,
  outcome text NOT NULL, -- recorded, already_recorded, not_attributed or discarded
  uncertain integer NOT NULL,
  count integer NOT NULL,
  PRIMARY KEY (queue, outcome, uncertain)
);

-- Triggers 1 to 3 keep the counts. A later version may write other outcomes.
CREATE TRIGGER IF NOT EXISTS affitor_count_finished AFTER UPDATE OF state, metadata ON river_job
WHEN NEW.kind = 'affitor_event' AND NEW.state IN ('completed', 'cancelled') BEGIN
  INSERT INTO affitor_totals (queue, outcome, uncertain, count)
  SELECT NEW.queue,
    CASE
      WHEN NEW.state = 'cancelled' THEN 'discarded'
      WHEN json_extract(NEW.metadata, '$.output.outcome') IN ('recorded', 'not_attributed')
        THEN json_extract(NEW.metadata, '$.output.outcome')
      ELSE 'already_recorded'
    END,
    NEW.state = 'completed' AND coalesce(json_extract(NEW.metadata, '$.output.uncertain'), 0) = 1,
    1
  WHERE true -- or `ON CONFLICT` is read as part of a join
  ON CONFLICT (queue, outcome, uncertain) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER IF NOT EXISTS affitor_count_reopened AFTER UPDATE OF state, metadata ON river_job
WHEN NEW.kind = 'affitor_event' AND OLD.state IN ('completed', 'cancelled') BEGIN
  UPDATE affitor_totals SET count = count - 1
  WHERE queue = OLD.queue
    AND outcome = CASE
      WHEN OLD.state = 'cancelled' THEN 'discarded'
      WHEN json_extract(OLD.metadata, '$.output.outcome') IN ('recorded', 'not_attributed')
        THEN json_extract(OLD.metadata, '$.output.outcome')
      ELSE 'already_recorded'
    END
    AND uncertain = (OLD.state = 'completed' AND coalesce(json_extract(OLD.metadata, '$.output.uncertain'), 0) = 1);
END;
-- Deleting an event that is not delivered discards it, and deleting an uncertain one settles it.
CREATE TRIGGER IF NOT EXISTS affitor_count_deleted AFTER DELETE ON river_job WHEN OLD.kind = 'affitor_event' BEGIN
  INSERT INTO affitor_totals (queue, outcome, uncertain, count)
  SELECT OLD.queue, 'discarded', 0, 1 WHERE OLD.state NOT IN ('completed', 'cancelled')
  ON CONFLICT (queue, outcome, uncertain) DO UPDATE SET count = count + 1;
  INSERT INTO affitor_totals (queue, outcome, uncertain, count)
  SELECT queue, outcome, settled.uncertain, settled.change
  FROM (SELECT OLD.queue AS queue, CASE
      WHEN json_extract(OLD.metadata, '$.output.outcome') IN ('recorded', 'not_attributed')
        THEN json_extract(OLD.metadata, '$.output.outcome')
      ELSE 'already_recorded'
    END AS outcome) AS row
  JOIN (SELECT 1 AS uncertain, -1 AS change UNION ALL SELECT 0, 1) AS settled
  WHERE OLD.state = 'completed' AND coalesce(json_extract(OLD.metadata, '$.output.uncertain'), 0) = 1
  ON CONFLICT (queue, outcome, uncertain) DO UPDATE SET count = count + excluded.count;
END;

-- Trigger 4: a process that was suspended for over a minute may postpone an event that another one has taken over. That
-- would lower the number of attempts, and hide that the other attempt may arrive.
CREATE TRIGGER IF NOT EXISTS affitor_ignore_outdated_attempt BEFORE UPDATE OF attempt ON river_job
WHEN NEW.kind = 'affitor_event' AND OLD.state = 'running' AND NEW.attempt < OLD.attempt - 1 BEGIN
  SELECT RAISE(IGNORE);
END;

-- Trigger 5: River deletes finished rows by date. These are kept, so they get a date that never comes: dead letters,
-- events to be checked, and partial refunds, because only their rows tell a repeated one from a new one.
CREATE TRIGGER IF NOT EXISTS affitor_keep AFTER UPDATE OF state, metadata ON river_job
WHEN NEW.kind = 'affitor_event' AND NEW.state IN ('completed', 'cancelled', 'discarded')
  AND (NEW.finalized_at < '9999') = (NEW.state = 'discarded'
    OR json_extract(NEW.args, '$.event.refund_amount_cents') IS NOT NULL
    OR coalesce(json_extract(NEW.metadata, '$.output.uncertain'), 0) = 1) BEGIN
  UPDATE river_job SET finalized_at = CASE WHEN NEW.finalized_at < '9999' THEN '9999-12-30 00:00:00' ELSE datetime('now') END
  WHERE id = NEW.id;
END;

-- Trigger 6: what identifies a person is removed with the delivery.
CREATE TRIGGER IF NOT EXISTS affitor_forget AFTER UPDATE OF state ON river_job
WHEN NEW.kind = 'affitor_event' AND NEW.state IN ('completed', 'cancelled') AND OLD.state <> NEW.state
  AND json_type(NEW.args, '$.event') = 'object' BEGIN
  UPDATE river_job SET args = jsonb_object('event', (
    SELECT jsonb_group_object(key, value) FROM json_each(NEW.args, '$.event')
    WHERE key IN ('type', 'click_id', 'transaction_id', 'amount_cents', 'currency', 'refund_id', 'refund_amount_cents')
      AND type IN ('text', 'integer')
  )) WHERE id = NEW.id;
END;

-- Triggers 7 and 8: reject what River could not read. One such row would stop the delivery of all.
CREATE TRIGGER IF NOT EXISTS affitor_check_inserted BEFORE INSERT ON river_job WHEN NEW.kind = 'affitor_event' BEGIN
  SELECT RAISE(ABORT, 'affitor: a column of the event has a value that River cannot read') WHERE NOT (
    json_valid(NEW.args, 9) AND json_valid(NEW.metadata, 9) AND coalesce(json_type(NEW.metadata), '') = 'object'
    AND json_valid(NEW.tags, 9) AND coalesce(json_type(NEW.tags), '') = 'array'
    AND (NEW.errors IS NULL OR json_valid(NEW.errors, 9) AND json_type(NEW.errors) = 'array')
    AND (NEW.attempted_by IS NULL OR json_valid(NEW.attempted_by, 9) AND json_type(NEW.attempted_by) = 'array')
    AND typeof(NEW.attempt) = 'integer' AND typeof(NEW.max_attempts) = 'integer' AND typeof(NEW.priority) = 'integer'
    AND abs(NEW.attempt) < 32768 AND abs(NEW.max_attempts) < 32768
    AND typeof(NEW.queue) = 'text' AND typeof(NEW.state) = 'text' AND typeof(NEW.unique_key) IN ('blob', 'null')
    AND typeof(NEW.unique_states) IN ('integer', 'null')
    AND typeof(NEW.scheduled_at) = 'text' AND datetime(NEW.scheduled_at) IS NOT NULL
    AND typeof(NEW.created_at) = 'text' AND datetime(NEW.created_at) IS NOT NULL
    AND (NEW.attempted_at IS NULL OR typeof(NEW.attempted_at) = 'text' AND datetime(NEW.attempted_at) IS NOT NULL)
    AND (NEW.finalized_at IS NULL OR typeof(NEW.finalized_at) = 'text' AND datetime(NEW.finalized_at) IS NOT NULL)
  );
END;
CREATE TRIGGER IF NOT EXISTS affitor_check_updated BEFORE UPDATE ON river_job WHEN NEW.kind = 'affitor_event' BEGIN
  SELECT RAISE(ABORT, 'affitor: a column of the event has a value that River cannot read') WHERE NOT (
    json_valid(NEW.args, 9) AND json_valid(NEW.metadata, 9) AND coalesce(json_type(NEW.metadata), '') = 'object'
    AND json_valid(NEW.tags, 9) AND coalesce(json_type(NEW.tags), '') = 'array'
    AND (NEW.errors IS NULL OR json_valid(NEW.errors, 9) AND json_type(NEW.errors) = 'array')
    AND (NEW.attempted_by IS NULL OR json_valid(NEW.attempted_by, 9) AND json_type(NEW.attempted_by) = 'array')
    AND typeof(NEW.attempt) = 'integer' AND typeof(NEW.max_attempts) = 'integer' AND typeof(NEW.priority) = 'integer'
    AND abs(NEW.attempt) < 32768 AND abs(NEW.max_attempts) < 32768
    AND typeof(NEW.queue) = 'text' AND typeof(NEW.state) = 'text' AND typeof(NEW.unique_key) IN ('blob', 'null')
    AND typeof(NEW.unique_states) IN ('integer', 'null')
    AND typeof(NEW.scheduled_at) = 'text' AND datetime(NEW.scheduled_at) IS NOT NULL
    AND typeof(NEW.created_at) = 'text' AND datetime(NEW.created_at) IS NOT NULL
    AND (NEW.attempted_at IS NULL OR typeof(NEW.attempted_at) = 'text' AND datetime(NEW.attempted_at) IS NOT NULL)
    AND (NEW.finalized_at IS NULL OR typeof(NEW.finalized_at) = 'text' AND datetime(NEW.finalized_at) IS NOT NULL)
  );
END;
