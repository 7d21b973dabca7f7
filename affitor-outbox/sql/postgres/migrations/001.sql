-- The outbox's own part of its schema, version 1. It comes after River's migrations.
-- The schema is `affitor` here; another name replaces it in all statements.

-- An event is a row of river_job:
--   kind        'affitor_event'
--   queue       'affitor', or 'affitor_<program>' if the outbox has several programs
--   args        {"event": {"type": "sale", …}}
--   unique_key  what makes two events the same, as text: the type, the queue and the ids, one per line
--   metadata    {"affitor": history of the attempts, "affitor_dead": why it is a dead letter, "output": outcome}

-- That a trigger does not exist yet is no news.
SET LOCAL client_min_messages = warning;

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

-- Finds the pending refunds of a transaction.
CREATE INDEX IF NOT EXISTS affitor_pending_refund ON affitor.river_job (unique_key)
  WHERE kind = 'affitor_event' AND unique_key > '\x726566756e640a' AND unique_key < '\x726566756e640b' -- begins with 'refund' and a line feed
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

-- Trigger 3: when a sale or refund ends, the next refund of the sale is due at once, unless it has failed itself.
CREATE OR REPLACE FUNCTION affitor.affitor_wake() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  ended text[] := ARRAY(
    SELECT DISTINCT 'refund' || E'\n' || after.queue || E'\n' || (after.args -> 'event' ->> 'transaction_id')
    FROM new_rows AS after
    WHERE after.kind = 'affitor_event' AND after.state IN ('completed', 'cancelled', 'discarded')
      -- A join would be planned as a nested loop, which an update of a million rows would not survive.
      AND after.id NOT IN (SELECT id FROM old_rows WHERE state IN ('completed', 'cancelled', 'discarded'))
      AND after.args -> 'event' ->> 'type' IN ('sale', 'refund')
  );
  refunds text;
  next_id bigint;
  woken text;
BEGIN
  -- One by one: each statement finds its row by an index, whatever the statistics say. (For `min(id)`, Postgres would read the primary
  -- key until a row matches, which is all of it if none does.)
  FOREACH refunds IN ARRAY ended LOOP
    SELECT min(id + 0) INTO next_id FROM affitor.river_job
    WHERE kind = 'affitor_event' AND unique_key > '\x726566756e640a' AND unique_key < '\x726566756e640b'
      AND unique_key >= convert_to(refunds, 'UTF8') AND unique_key < convert_to(refunds || E'\x0b', 'UTF8')
      AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled');
    CONTINUE WHEN next_id IS NULL;
    -- Another worker may end this refund, and wait for what is locked here. The refund is then tried again by itself.
    PERFORM id FROM affitor.river_job
    WHERE id = next_id AND state IN ('available', 'scheduled') AND metadata -> 'affitor' -> 'failing_since' IS NULL
    FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    -- This calls this function again, which finds nothing that has ended.
    UPDATE affitor.river_job SET state = 'available', scheduled_at = now(), priority = 1
    WHERE id = next_id RETURNING queue INTO woken;
    PERFORM pg_notify('affitor.river_insert', json_build_object('queue', woken)::text);
  END LOOP;
  RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS affitor_wake ON affitor.river_job;
CREATE TRIGGER affitor_wake AFTER UPDATE ON affitor.river_job
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION affitor.affitor_wake();

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

-- The payment ledger. Times are in seconds of Unix time, amounts in the currency's smallest unit.
--
-- Payments that share an id at the provider form a group, which is decided as a whole. `facts` holds what the provider has
-- reported about it, without the webhooks themselves. `scope` is the provider, the account and the mode, such as
-- 'stripe//live'.
CREATE TABLE IF NOT EXISTS affitor.affitor_payment_groups (
  id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
  queue text NOT NULL,
  scope text NOT NULL,
  facts jsonb NOT NULL DEFAULT '{}',
  policy jsonb,            -- how to decide it at `due_at`
  due_at bigint,           -- when to decide it again without a new webhook
  updated_at bigint NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS affitor_payment_groups_due ON affitor.affitor_payment_groups (queue, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS affitor_payment_groups_updated ON affitor.affitor_payment_groups (queue, updated_at);

-- The ids of a group: payments, sessions, invoices, charges, refunds, disputes.
CREATE TABLE IF NOT EXISTS affitor.affitor_payment_ids (
  queue text NOT NULL,
  scope text NOT NULL,
  id text NOT NULL,
  group_id bigint NOT NULL REFERENCES affitor.affitor_payment_groups ON DELETE CASCADE,
  PRIMARY KEY (id, scope, queue)
);
CREATE INDEX IF NOT EXISTS affitor_payment_ids_group ON affitor.affitor_payment_ids (group_id);

-- What became of each payment, and why.
CREATE TABLE IF NOT EXISTS affitor.affitor_payments (
  queue text NOT NULL,
  scope text NOT NULL,
  transaction_id text NOT NULL,
  group_id bigint NOT NULL REFERENCES affitor.affitor_payment_groups ON DELETE CASCADE,
  form text,                             -- checkout, bill, intent, or null if only a refund is known
  status text NOT NULL,                  -- reported, held, conflict, or why it is not reported
  counted_as text,                       -- transaction id under which its money is reported
  paid_cents bigint NOT NULL,
  commissionable_cents bigint NOT NULL,
  currency text,
  paid_at bigint,
  customer_key text,
  click_id text,
  program_id text,
  source text,                           -- subscription from which it inherits
  provider_customer text,                -- customer of the provider, who names it if nothing else does
  returned_cents bigint NOT NULL,        -- refunds and lost disputes
  reported_refund_cents bigint NOT NULL,
  doubts text NOT NULL,                  -- what a person should check: names, separated by spaces
  since bigint NOT NULL,                 -- first known here
  PRIMARY KEY (queue, transaction_id, scope)
);
CREATE INDEX IF NOT EXISTS affitor_payments_group ON affitor.affitor_payments (group_id);
CREATE INDEX IF NOT EXISTS affitor_payments_source ON affitor.affitor_payments (queue, source, scope) WHERE source IS NOT NULL;
CREATE INDEX IF NOT EXISTS affitor_payments_provider_customer ON affitor.affitor_payments (queue, provider_customer, scope)
  WHERE provider_customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS affitor_payments_customer ON affitor.affitor_payments (queue, customer_key) WHERE customer_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS affitor_payments_status ON affitor.affitor_payments (queue, status, transaction_id);
CREATE INDEX IF NOT EXISTS affitor_payments_doubts ON affitor.affitor_payments (queue, transaction_id) WHERE doubts <> '';

-- Webhooks that were seen. A repeated one is decided again from what is known now.
CREATE TABLE IF NOT EXISTS affitor.affitor_payment_webhooks (
  queue text NOT NULL,
  scope text NOT NULL,
  event_id text NOT NULL,                -- of the provider, or a hash of the body
  kind text NOT NULL,
  group_id bigint REFERENCES affitor.affitor_payment_groups ON DELETE CASCADE,
  seen integer NOT NULL DEFAULT 1,
  first_seen_at bigint NOT NULL,
  last_seen_at bigint NOT NULL,
  decision text NOT NULL,
  refused boolean NOT NULL DEFAULT false, -- whether it looks like a payment and can't be read
  PRIMARY KEY (event_id, scope, queue)
);
CREATE INDEX IF NOT EXISTS affitor_payment_webhooks_group ON affitor.affitor_payment_webhooks (group_id);
CREATE INDEX IF NOT EXISTS affitor_payment_webhooks_seen ON affitor.affitor_payment_webhooks (queue, last_seen_at);
CREATE INDEX IF NOT EXISTS affitor_payment_webhooks_refused ON affitor.affitor_payment_webhooks (queue, last_seen_at) WHERE refused;

-- The ids in webhooks that say nothing about payments, or that can't be read.
CREATE TABLE IF NOT EXISTS affitor.affitor_webhook_ids (
  queue text NOT NULL,
  scope text NOT NULL,
  event_id text NOT NULL,
  id text NOT NULL,
  PRIMARY KEY (queue, id, scope, event_id),
  FOREIGN KEY (event_id, scope, queue) REFERENCES affitor.affitor_payment_webhooks (event_id, scope, queue) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS affitor_webhook_ids_webhook ON affitor.affitor_webhook_ids (event_id, scope, queue);

-- How long delivered events (`completed`) and payments (`payments`) are kept, as the app has said it. Of two values the longer counts,
-- unless nobody has said it for 30 days.
CREATE TABLE IF NOT EXISTS affitor.affitor_retention (
  queue text NOT NULL,
  kind text NOT NULL,
  seconds bigint NOT NULL,
  said_at bigint NOT NULL,
  PRIMARY KEY (queue, kind)
);

-- When the ledger of a queue was started, and whether Affitor reads the provider's webhooks itself.
CREATE TABLE IF NOT EXISTS affitor.affitor_ledgers (
  queue text PRIMARY KEY,
  started_at bigint,
  stripe_connected boolean,              -- what the service says, if it was asked
  read_by_affitor boolean                -- what a person has decided
);

-- How the app decides about the payments of a scope, for reconciliation.
CREATE TABLE IF NOT EXISTS affitor.affitor_ledger_policies (
  queue text NOT NULL,
  scope text NOT NULL,
  policy jsonb NOT NULL,
  PRIMARY KEY (queue, scope)
);

-- Sales and refunds that were enqueued, by the ledger or by the app. They outlive the rows of river_job.
CREATE TABLE IF NOT EXISTS affitor.affitor_reports (
  queue text NOT NULL,
  transaction_id text NOT NULL,
  type text NOT NULL,                    -- sale or refund
  refund_id text NOT NULL DEFAULT '',
  cents bigint,                          -- null for a full refund
  currency text,
  job_id bigint NOT NULL,
  enqueued_at bigint NOT NULL,
  outcome text NOT NULL DEFAULT 'pending', -- pending, recorded, already_recorded, not_attributed, dead or discarded
  uncertain boolean NOT NULL DEFAULT false,
  finished_at bigint,
  PRIMARY KEY (queue, transaction_id, type, refund_id)
);
CREATE INDEX IF NOT EXISTS affitor_reports_enqueued ON affitor.affitor_reports (queue, enqueued_at);

-- Trigger 3: keeps the reports.
CREATE OR REPLACE FUNCTION affitor.affitor_report() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  job affitor.river_job%ROWTYPE := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
  event jsonb := job.args -> 'event';
  state text := CASE TG_OP WHEN 'DELETE' THEN 'cancelled' ELSE job.state::text END;
  cents text := coalesce(event ->> 'amount_cents', event ->> 'refund_amount_cents');
BEGIN
  INSERT INTO affitor.affitor_reports AS report
    (queue, transaction_id, type, refund_id, cents, currency, job_id, enqueued_at, outcome, uncertain, finished_at)
  VALUES (
    job.queue, event ->> 'transaction_id', event ->> 'type', coalesce(event ->> 'refund_id', ''),
    CASE WHEN cents ~ '^[0-9]{1,18}$' THEN cents::bigint END, event ->> 'currency', job.id,
    extract(epoch FROM job.created_at)::bigint,
    CASE WHEN state = 'discarded' THEN 'dead' ELSE coalesce(affitor.affitor_outcome(state, job.metadata), 'pending') END,
    state = 'completed' AND coalesce(job.metadata -> 'output' ->> 'uncertain', '') = 'true'
      OR state = 'discarded' AND coalesce(job.metadata -> 'affitor_dead' ->> 'reason', '') = 'uncertain',
    CASE WHEN state IN ('completed', 'cancelled', 'discarded') THEN extract(epoch FROM now())::bigint END
  )
  ON CONFLICT (queue, transaction_id, type, refund_id) DO UPDATE SET
    cents = excluded.cents, currency = coalesce(excluded.currency, report.currency), job_id = excluded.job_id,
    outcome = excluded.outcome, uncertain = excluded.uncertain, finished_at = excluded.finished_at;
  RETURN NULL;
END
$$;
DROP TRIGGER IF EXISTS affitor_report_inserted ON affitor.river_job;
CREATE TRIGGER affitor_report_inserted AFTER INSERT ON affitor.river_job FOR EACH ROW
  WHEN (NEW.kind = 'affitor_event' AND NEW.unique_key IS NOT NULL
    AND NEW.args -> 'event' ->> 'type' IN ('sale', 'refund') AND NEW.args -> 'event' ->> 'transaction_id' IS NOT NULL)
  EXECUTE FUNCTION affitor.affitor_report();
DROP TRIGGER IF EXISTS affitor_report_updated ON affitor.river_job;
CREATE TRIGGER affitor_report_updated AFTER UPDATE ON affitor.river_job FOR EACH ROW
  WHEN (NEW.kind = 'affitor_event' AND NEW.unique_key IS NOT NULL
    AND NEW.args -> 'event' ->> 'type' IN ('sale', 'refund') AND NEW.args -> 'event' ->> 'transaction_id' IS NOT NULL
    AND (NEW.state IN ('completed', 'cancelled', 'discarded') OR OLD.state IN ('completed', 'cancelled', 'discarded'))
    AND (OLD.state <> NEW.state OR OLD.metadata <> NEW.metadata))
  EXECUTE FUNCTION affitor.affitor_report();
-- Deleting an event that is not delivered discards it.
DROP TRIGGER IF EXISTS affitor_report_deleted ON affitor.river_job;
CREATE TRIGGER affitor_report_deleted AFTER DELETE ON affitor.river_job FOR EACH ROW
  WHEN (OLD.kind = 'affitor_event' AND OLD.unique_key IS NOT NULL AND OLD.state NOT IN ('completed', 'cancelled')
    AND OLD.args -> 'event' ->> 'type' IN ('sale', 'refund') AND OLD.args -> 'event' ->> 'transaction_id' IS NOT NULL)
  EXECUTE FUNCTION affitor.affitor_report();
