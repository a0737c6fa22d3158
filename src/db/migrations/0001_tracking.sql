-- Everything the service knows lives in this one schema of the target database.

create table migration_coverage.plan (
  plan_id    bigint generated always as identity primary key,
  checksum   text not null constraint plan_checksum_unique unique,
  content    text not null,
  loaded_at  timestamptz not null default now(),
  checked_at timestamptz
);
comment on table migration_coverage.plan is 'each distinct plan file as it was written; checksum is its sha256';

create table migration_coverage.plan_fault (
  plan_id    bigint not null references migration_coverage.plan on delete cascade,
  ordinal    integer not null,
  severity   text not null constraint plan_fault_severity check (severity in ('critical', 'warning', 'info')),
  code       text not null,
  entity     text,
  path       text not null,
  line       integer,
  col        integer,
  message    text not null,
  suggestion text,
  primary key (plan_id, ordinal)
);
comment on table migration_coverage.plan_fault is 'what the last check of the plan against both databases found';

create table migration_coverage.job (
  job_id         uuid primary key,
  plan_id        bigint not null references migration_coverage.plan,
  status         text not null default 'queued'
                 constraint job_status check (status in ('queued', 'running', 'completed', 'failed', 'cancelled')),
  mode           text not null constraint job_mode check (mode in ('full', 'changed', 'sample')),
  priority       text not null constraint job_priority check (priority in ('critical', 'high', 'normal', 'low')),
  include_integrity_checks boolean not null,
  include_cross_entity     boolean not null,
  entities       text[] not null,
  verdict        text constraint job_verdict check (verdict in ('pass', 'warn', 'fail', 'unknown')),
  paused_reason  text,
  paused_at      timestamptz,
  reason_code    text constraint job_reason_code check (reason_code in ('SOURCE_UNAVAILABLE', 'TARGET_UNAVAILABLE',
                 'SCHEMA_CHANGED', 'NO_PRIVILEGE', 'ROW_SECURITY', 'TIMEOUT', 'RESOURCE', 'PLAN_INVALID', 'CANCELLED', 'INTERNAL')),
  reason         text,
  created_at     timestamptz not null default now(),
  started_at     timestamptz,
  finished_at    timestamptz,
  constraint job_finished check ((status in ('completed', 'failed', 'cancelled')) = (finished_at is not null)),
  constraint job_completed_has_verdict check (status <> 'completed' or verdict is not null),
  constraint job_failed_has_reason check (status <> 'failed' or (reason_code is not null and reason is not null))
);
create index job_created_at on migration_coverage.job (created_at desc, job_id);

create table migration_coverage.idempotency_key (
  idempotency_key text primary key,
  request_hash    text not null,
  job_id          uuid not null references migration_coverage.job on delete cascade,
  created_at      timestamptz not null default now()
);

create table migration_coverage.task (
  task_id       bigint generated always as identity primary key,
  job_id        uuid not null references migration_coverage.job on delete cascade,
  kind          text not null constraint task_kind check (kind in ('prepare', 'scan', 'settle', 'account', 'finish')),
  entity        text,
  side          text constraint task_side check (side in ('source', 'target')),
  chunk         integer,
  first_page    bigint,
  next_page     bigint,
  status        text not null default 'queued'
                constraint task_status check (status in ('queued', 'running', 'done', 'failed', 'cancelled')),
  fence         bigint not null default 0,
  worker        text,
  started_at    timestamptz,
  finished_at   timestamptz,
  error         text,
  outcome       jsonb,
  constraint task_identity unique nulls not distinct (job_id, kind, entity, side, chunk)
);
comment on column migration_coverage.task.fence is 'grows with each taking; a write that carries an older one is refused';
comment on column migration_coverage.task.next_page is 'first page that is not read; null: open ended';

create table migration_coverage.job_entity (
  job_id    uuid not null references migration_coverage.job on delete cascade,
  entity    text not null,
  domain    text not null,
  spec      jsonb,
  segments  integer not null default 1,
  blocked   text,
  primary key (job_id, entity),
  constraint job_entity_spec_or_blocked check (spec is not null or blocked is not null)
);
comment on column migration_coverage.job_entity.blocked is 'why the entity cannot be compared; the spec then only says which rows it claims, or is null';

create table migration_coverage.segment (
  task_id          bigint not null references migration_coverage.task on delete cascade,
  segment          integer not null,
  row_count        bigint not null constraint segment_rows check (row_count > 0),
  fingerprint_sum  numeric not null,
  primary key (task_id, segment)
);
comment on table migration_coverage.segment is 'partial sums of one chunk; they go when the entity is settled';

-- One row per entity and job: the accounting, with its laws. It is published (a snapshot) when the job completes.
create table migration_coverage.entity_result (
  job_id             uuid not null references migration_coverage.job on delete cascade,
  entity             text not null,
  domain             text not null,
  verdict            text not null constraint entity_result_verdict check (verdict in ('pass', 'warn', 'fail', 'unknown')),
  source_total       bigint,
  excluded           bigint,
  scope              bigint,
  verified           bigint,
  accepted           bigint,
  differs            bigint,
  merged             bigint,
  explained          bigint,
  source_pending     bigint,
  missing            bigint,
  source_unverified  bigint,
  target_total       bigint,
  matched            bigint,
  duplicate          bigint,
  generated          bigint,
  target_pending     bigint,
  extra              bigint,
  target_unverified  bigint,
  source_rows_examined bigint not null,
  target_rows_examined bigint not null,
  reasons            jsonb not null default '[]',
  causes             jsonb not null default '[]',
  basis              text not null constraint entity_result_basis check (basis in ('full', 'changed', 'sample', 'none')),
  note               text,
  source_snapshot_at timestamptz,
  target_snapshot_at timestamptz,
  duration_ms        bigint not null,
  settled_at         timestamptz not null default now(),
  published_at       timestamptz,
  primary key (job_id, entity),
  constraint law_source_total check (source_total = excluded + scope),
  constraint law_scope check (scope = verified + accepted + differs + merged + explained + source_pending + missing + source_unverified),
  constraint law_target_total check (target_total = matched + duplicate + generated + target_pending + extra + target_unverified),
  constraint law_across check (matched = verified + accepted + differs),
  constraint counts_not_negative check (least(source_total, excluded, scope, verified, accepted, differs, merged, explained,
    source_pending, missing, source_unverified, target_total, matched, duplicate, generated, target_pending, extra,
    target_unverified, source_rows_examined, target_rows_examined, duration_ms) >= 0),
  constraint pass_is_examined check (verdict <> 'pass' or (source_rows_examined > 0 and basis = 'full' and scope > 0))
);
comment on table migration_coverage.entity_result is 'null is "could not be counted", never 0';
comment on column migration_coverage.entity_result.reasons is '[{class, side, reason, rows}]: rows by declared reason (excluded, explained, generated, accepted)';
comment on column migration_coverage.entity_result.causes is '[{class, side, cause, rows}]: rows by cause (missing, extra, differs, unverified, pending)';
create index entity_result_published on migration_coverage.entity_result (entity, published_at desc) where published_at is not null;

create table migration_coverage.column_result (
  job_id      uuid not null references migration_coverage.job on delete cascade,
  entity      text not null,
  side        text not null constraint column_result_side check (side in ('source', 'target')),
  column_name text not null,
  coverage    text not null constraint column_result_coverage check (coverage in ('compared', 'read', 'ignored', 'uncovered')),
  reason      text,
  differs     bigint,
  primary key (job_id, entity, side, column_name)
);

create table migration_coverage.table_result (
  job_id          uuid not null references migration_coverage.job on delete cascade,
  side            text not null constraint table_result_side check (side in ('source', 'target')),
  schema_name     text not null,
  table_name      text not null,
  coverage        text not null constraint table_result_coverage check (coverage in ('covered', 'ignored', 'uncovered')),
  reason          text,
  entities        text[] not null,
  total_rows      bigint,
  claimed_once    bigint,
  claimed_several bigint,
  unclaimed       bigint,
  ignored_rows    bigint,
  claim_overlaps  jsonb not null default '[]',
  error           text,
  verdict         text not null constraint table_result_verdict check (verdict in ('pass', 'warn', 'fail', 'unknown')),
  published_at    timestamptz,
  primary key (job_id, side, schema_name, table_name),
  constraint law_table check (total_rows = claimed_once + claimed_several + unclaimed + ignored_rows)
);

create table migration_coverage.check_result (
  job_id        uuid not null references migration_coverage.job on delete cascade,
  entity        text not null default '',
  name          text not null,
  subject       text not null default '',
  category      text not null constraint check_result_category check (category in ('accounting', 'integrity', 'cross_entity', 'plan', 'engine')),
  severity      text not null constraint check_result_severity check (severity in ('critical', 'warning', 'info')),
  verdict       text not null constraint check_result_verdict check (verdict in ('pass', 'warn', 'fail', 'unknown')),
  message       text not null,
  rows_examined bigint,
  rows_failed   bigint,
  duration_ms   bigint,
  evidence      jsonb not null default '{}',
  observed_at   timestamptz not null default now(),
  primary key (job_id, entity, name, subject)
);

create table migration_coverage.difference (
  difference_id bigint generated always as identity primary key,
  job_id        uuid not null references migration_coverage.job on delete cascade,
  entity        text not null,
  side          text not null constraint difference_side check (side in ('source', 'target', 'both')),
  class         text not null constraint difference_class check (class in ('accepted', 'differs', 'explained', 'pending', 'missing',
                'unverified', 'duplicate', 'generated', 'extra', 'excluded', 'merged')),
  cause         text,
  reason        text,
  row_key       jsonb not null,
  columns       jsonb not null default '[]'
);
comment on column migration_coverage.difference.row_key is 'leg → canonical legacy key as text; for rows without one the raw target key';
comment on column migration_coverage.difference.columns is '[{column, source, target}] of the columns that differ; masked where the plan says pii';
create index difference_page on migration_coverage.difference (job_id, difference_id);
create index difference_entity on migration_coverage.difference (job_id, entity, class, difference_id);

create table migration_coverage.script_run (
  run_id            uuid primary key,
  script            text not null,
  status            text not null constraint script_run_status check (status in ('running', 'completed', 'failed', 'rolled_back')),
  records_processed bigint not null default 0,
  records_succeeded bigint not null default 0,
  records_failed    bigint not null default 0,
  checksum          text,
  message           text,
  started_at        timestamptz not null default now(),
  updated_at        timestamptz not null default now(),
  finished_at       timestamptz,
  constraint script_run_counts check (least(records_processed, records_succeeded, records_failed) >= 0
    and records_succeeded + records_failed <= records_processed),
  constraint script_run_finished check ((status = 'running') = (finished_at is null))
);
create index script_run_latest on migration_coverage.script_run (script, started_at desc, run_id);

create table migration_coverage.worker (
  worker       text primary key,
  started_at   timestamptz not null default now(),
  seen_at      timestamptz not null default now()
);
comment on table migration_coverage.worker is 'heartbeat of each worker process, for /health';
