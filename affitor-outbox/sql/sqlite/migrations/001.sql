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

-- Finds the pending refunds of a transaction.
CREATE INDEX IF NOT EXISTS affitor_pending_refund ON river_job (unique_key)
  WHERE kind = 'affitor_event' AND unique_key > x'726566756e640a' AND unique_key < x'726566756e640b' -- begins with 'refund' and a line feed
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

-- Trigger 7: when a sale or refund ends, the next refund of the sale is due at once, unless it has failed itself.
CREATE TRIGGER IF NOT EXISTS affitor_wake AFTER UPDATE OF state ON river_job
WHEN NEW.kind = 'affitor_event' AND NEW.state IN ('completed', 'cancelled', 'discarded')
  AND OLD.state NOT IN ('completed', 'cancelled', 'discarded')
  AND json_extract(NEW.args, '$.event.type') IN ('sale', 'refund') BEGIN
  UPDATE river_job SET state = 'available', scheduled_at = datetime('now', 'subsec'), priority = 1
  WHERE id = (
    SELECT min(id) FROM river_job INDEXED BY affitor_pending_refund
    WHERE kind = 'affitor_event' AND unique_key > x'726566756e640a' AND unique_key < x'726566756e640b'
      AND unique_key >= CAST(concat_ws(char(10), 'refund', NEW.queue, json_extract(NEW.args, '$.event.transaction_id')) AS blob)
      AND unique_key < CAST(concat_ws(char(10), 'refund', NEW.queue, json_extract(NEW.args, '$.event.transaction_id')) || char(11) AS blob)
      AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
  ) AND state IN ('available', 'scheduled') AND json_extract(metadata, '$.affitor.failing_since') IS NULL;
END;

-- Triggers 8 and 9: reject what River could not read. One such row would stop the delivery of all.
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

-- The payment ledger. Times are in seconds of Unix time, amounts in the currency's smallest unit.
--
-- Payments that share an id at the provider form a group, which is decided as a whole. `facts` holds what the provider has
-- reported about it, without the webhooks themselves. `scope` is the provider, the account and the mode, such as
-- 'stripe//live'.
CREATE TABLE IF NOT EXISTS affitor_payment_groups (
  id integer PRIMARY KEY AUTOINCREMENT,
  queue text NOT NULL,
  scope text NOT NULL,
  facts text NOT NULL DEFAULT '{}',
  policy text,            -- how to decide it at `due_at`
  due_at integer,           -- when to decide it again without a new webhook
  updated_at integer NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS affitor_payment_groups_due ON affitor_payment_groups (queue, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS affitor_payment_groups_updated ON affitor_payment_groups (queue, updated_at);

-- The ids of a group: payments, sessions, invoices, charges, refunds, disputes.
CREATE TABLE IF NOT EXISTS affitor_payment_ids (
  queue text NOT NULL,
  scope text NOT NULL,
  id text NOT NULL,
  group_id integer NOT NULL REFERENCES affitor_payment_groups (id) ON DELETE CASCADE,
  PRIMARY KEY (id, scope, queue)
);
CREATE INDEX IF NOT EXISTS affitor_payment_ids_group ON affitor_payment_ids (group_id);

-- What became of each payment, and why.
CREATE TABLE IF NOT EXISTS affitor_payments (
  queue text NOT NULL,
  scope text NOT NULL,
  transaction_id text NOT NULL,
  group_id integer NOT NULL REFERENCES affitor_payment_groups (id) ON DELETE CASCADE,
  form text,                             -- checkout, bill, intent, or null if only a refund is known
  status text NOT NULL,                  -- reported, held, conflict, or why it is not reported
  counted_as text,                       -- transaction id under which its money is reported
  paid_cents integer NOT NULL,
  commissionable_cents integer NOT NULL,
  currency text,
  paid_at integer,
  customer_key text,
  click_id text,
  program_id text,
  source text,                           -- subscription from which it inherits
  provider_customer text,                -- customer of the provider, who names it if nothing else does
  returned_cents integer NOT NULL,        -- refunds and lost disputes
  reported_refund_cents integer NOT NULL,
  doubts text NOT NULL,                  -- what a person should check: names, separated by spaces
  since integer NOT NULL,                 -- first known here
  PRIMARY KEY (queue, transaction_id, scope)
);
CREATE INDEX IF NOT EXISTS affitor_payments_group ON affitor_payments (group_id);
CREATE INDEX IF NOT EXISTS affitor_payments_source ON affitor_payments (queue, source, scope) WHERE source IS NOT NULL;
CREATE INDEX IF NOT EXISTS affitor_payments_provider_customer ON affitor_payments (queue, provider_customer, scope)
  WHERE provider_customer IS NOT NULL;
CREATE INDEX IF NOT EXISTS affitor_payments_customer ON affitor_payments (queue, customer_key) WHERE customer_key IS NOT NULL;
CREATE INDEX IF NOT EXISTS affitor_payments_status ON affitor_payments (queue, status, transaction_id);
CREATE INDEX IF NOT EXISTS affitor_payments_doubts ON affitor_payments (queue, transaction_id) WHERE doubts <> '';

-- Webhooks that were seen. A repeated one is decided again from what is known now.
CREATE TABLE IF NOT EXISTS affitor_payment_webhooks (
  queue text NOT NULL,
  scope text NOT NULL,
  event_id text NOT NULL,                -- of the provider, or a hash of the body
  kind text NOT NULL,
  group_id integer REFERENCES affitor_payment_groups (id) ON DELETE CASCADE,
  seen integer NOT NULL DEFAULT 1,
  first_seen_at integer NOT NULL,
  last_seen_at integer NOT NULL,
  decision text NOT NULL,
  refused integer NOT NULL DEFAULT 0, -- whether it looks like a payment and can't be read
  PRIMARY KEY (event_id, scope, queue)
);
CREATE INDEX IF NOT EXISTS affitor_payment_webhooks_group ON affitor_payment_webhooks (group_id);
CREATE INDEX IF NOT EXISTS affitor_payment_webhooks_seen ON affitor_payment_webhooks (queue, last_seen_at);
CREATE INDEX IF NOT EXISTS affitor_payment_webhooks_refused ON affitor_payment_webhooks (queue, last_seen_at) WHERE refused;

-- The ids in webhooks that say nothing about payments, or that can't be read.
CREATE TABLE IF NOT EXISTS affitor_webhook_ids (
  queue text NOT NULL,
  scope text NOT NULL,
  event_id text NOT NULL,
  id text NOT NULL,
  PRIMARY KEY (queue, id, scope, event_id),
  FOREIGN KEY (event_id, scope, queue) REFERENCES affitor_payment_webhooks (event_id, scope, queue) ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS affitor_webhook_ids_webhook ON affitor_webhook_ids (event_id, scope, queue);

-- How long delivered events (`completed`) and payments (`payments`) are kept, as the app has said it. Of two values the longer counts,
-- unless nobody has said it for 30 days.
CREATE TABLE IF NOT EXISTS affitor_retention (
  queue text NOT NULL,
  kind text NOT NULL,
  seconds integer NOT NULL,
  said_at integer NOT NULL,
  PRIMARY KEY (queue, kind)
);

-- When the ledger of a queue was started, and whether Affitor reads the provider's webhooks itself.
CREATE TABLE IF NOT EXISTS affitor_ledgers (
  queue text PRIMARY KEY,
  started_at integer,
  stripe_connected integer,              -- what the service says, if it was asked
  read_by_affitor integer                -- what a person has decided
);

-- How the app decides about the payments of a scope, for reconciliation.
CREATE TABLE IF NOT EXISTS affitor_ledger_policies (
  queue text NOT NULL,
  scope text NOT NULL,
  policy text NOT NULL,
  PRIMARY KEY (queue, scope)
);

-- Sales and refunds that were enqueued, by the ledger or by the app. They outlive the rows of river_job.
CREATE TABLE IF NOT EXISTS affitor_reports (
  queue text NOT NULL,
  transaction_id text NOT NULL,
  type text NOT NULL,                    -- sale or refund
  refund_id text NOT NULL DEFAULT '',
  cents integer,                          -- null for a full refund
  currency text,
  job_id integer NOT NULL,
  enqueued_at integer NOT NULL,
  outcome text NOT NULL DEFAULT 'pending', -- pending, recorded, already_recorded, not_attributed, dead or discarded
  uncertain integer NOT NULL DEFAULT 0,
  finished_at integer,
  PRIMARY KEY (queue, transaction_id, type, refund_id)
);
CREATE INDEX IF NOT EXISTS affitor_reports_enqueued ON affitor_reports (queue, enqueued_at);

-- Triggers 10 to 12 keep the reports.
CREATE TRIGGER IF NOT EXISTS affitor_report_inserted AFTER INSERT ON river_job
WHEN NEW.kind = 'affitor_event' AND NEW.unique_key IS NOT NULL
  AND json_extract(NEW.args, '$.event.type') IN ('sale', 'refund') AND json_extract(NEW.args, '$.event.transaction_id') IS NOT NULL BEGIN
  INSERT INTO affitor_reports
    (queue, transaction_id, type, refund_id, cents, currency, job_id, enqueued_at, outcome, uncertain, finished_at)
  VALUES (
    NEW.queue, json_extract(NEW.args, '$.event.transaction_id'), json_extract(NEW.args, '$.event.type'),
    coalesce(json_extract(NEW.args, '$.event.refund_id'), ''),
    coalesce(json_extract(NEW.args, '$.event.amount_cents'), json_extract(NEW.args, '$.event.refund_amount_cents')),
    json_extract(NEW.args, '$.event.currency'), NEW.id, unixepoch(NEW.created_at),
    'pending', 0, NULL
  )
  ON CONFLICT (queue, transaction_id, type, refund_id) DO UPDATE SET
    cents = excluded.cents, currency = coalesce(excluded.currency, currency), job_id = excluded.job_id,
    outcome = excluded.outcome, uncertain = excluded.uncertain, finished_at = excluded.finished_at;
END;
CREATE TRIGGER IF NOT EXISTS affitor_report_updated AFTER UPDATE OF state, metadata ON river_job
WHEN NEW.kind = 'affitor_event' AND NEW.unique_key IS NOT NULL
  AND json_extract(NEW.args, '$.event.type') IN ('sale', 'refund') AND json_extract(NEW.args, '$.event.transaction_id') IS NOT NULL
  AND (NEW.state IN ('completed', 'cancelled', 'discarded') OR OLD.state IN ('completed', 'cancelled', 'discarded'))
  AND (OLD.state <> NEW.state OR OLD.metadata <> NEW.metadata) BEGIN
  INSERT INTO affitor_reports
    (queue, transaction_id, type, refund_id, cents, currency, job_id, enqueued_at, outcome, uncertain, finished_at)
  VALUES (
    NEW.queue, json_extract(NEW.args, '$.event.transaction_id'), json_extract(NEW.args, '$.event.type'),
    coalesce(json_extract(NEW.args, '$.event.refund_id'), ''),
    coalesce(json_extract(NEW.args, '$.event.amount_cents'), json_extract(NEW.args, '$.event.refund_amount_cents')),
    json_extract(NEW.args, '$.event.currency'), NEW.id, unixepoch(NEW.created_at),
    CASE
      WHEN NEW.state = 'cancelled' THEN 'discarded'
      WHEN NEW.state = 'discarded' THEN 'dead'
      WHEN NEW.state <> 'completed' THEN 'pending'
      WHEN json_extract(NEW.metadata, '$.output.outcome') IN ('recorded', 'not_attributed')
        THEN json_extract(NEW.metadata, '$.output.outcome')
      ELSE 'already_recorded'
    END,
    NEW.state = 'completed' AND coalesce(json_extract(NEW.metadata, '$.output.uncertain'), 0) = 1
      OR NEW.state = 'discarded' AND coalesce(json_extract(NEW.metadata, '$.affitor_dead.reason'), '') = 'uncertain',
    CASE WHEN NEW.state IN ('completed', 'cancelled', 'discarded') THEN unixepoch() END
  )
  ON CONFLICT (queue, transaction_id, type, refund_id) DO UPDATE SET
    cents = excluded.cents, currency = coalesce(excluded.currency, currency), job_id = excluded.job_id,
    outcome = excluded.outcome, uncertain = excluded.uncertain, finished_at = excluded.finished_at;
END;
-- Deleting an event that is not delivered discards it.
CREATE TRIGGER IF NOT EXISTS affitor_report_deleted AFTER DELETE ON river_job
WHEN OLD.kind = 'affitor_event' AND OLD.unique_key IS NOT NULL
  AND json_extract(OLD.args, '$.event.type') IN ('sale', 'refund') AND json_extract(OLD.args, '$.event.transaction_id') IS NOT NULL
  AND OLD.state NOT IN ('completed', 'cancelled') BEGIN
  INSERT INTO affitor_reports
    (queue, transaction_id, type, refund_id, cents, currency, job_id, enqueued_at, outcome, uncertain, finished_at)
  VALUES (
    OLD.queue, json_extract(OLD.args, '$.event.transaction_id'), json_extract(OLD.args, '$.event.type'),
    coalesce(json_extract(OLD.args, '$.event.refund_id'), ''),
    coalesce(json_extract(OLD.args, '$.event.amount_cents'), json_extract(OLD.args, '$.event.refund_amount_cents')),
    json_extract(OLD.args, '$.event.currency'), OLD.id, unixepoch(OLD.created_at),
    'discarded', 0, unixepoch()
  )
  ON CONFLICT (queue, transaction_id, type, refund_id) DO UPDATE SET
    cents = excluded.cents, currency = coalesce(excluded.currency, currency), job_id = excluded.job_id,
    outcome = excluded.outcome, uncertain = excluded.uncertain, finished_at = excluded.finished_at;
END;
