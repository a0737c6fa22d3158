-- What happened in a job, in the order in which it was committed, for those who watch it.

create table migration_coverage.job_event (
  job_id     uuid not null references migration_coverage.job on delete cascade,
  event_id   integer not null,
  kind       text not null constraint job_event_kind check (kind in ('status', 'verdict')),
  entity     text,
  data       jsonb not null,
  created_at timestamptz not null default now(),
  primary key (job_id, event_id),
  constraint job_event_entity check ((kind = 'verdict') = (entity is not null))
);
comment on table migration_coverage.job_event is 'numbered from 1 in each job without a gap: numbers are given under the lock of the job''s row';
create unique index job_event_verdict on migration_coverage.job_event (job_id, entity) where kind = 'verdict';

-- Triggers, so that no way to end, pause or settle a job can forget its event.
create function migration_coverage.add_job_event(of_job uuid, of_kind text, of_entity text, of_data jsonb) returns void
language plpgsql set search_path = pg_catalog as $$
begin
  -- whoever waits here reads the numbers that the other committed
  perform from migration_coverage.job where job_id = of_job for no key update;
  insert into migration_coverage.job_event (job_id, event_id, kind, entity, data)
  select of_job, coalesce(max(event_id), 0) + 1, of_kind, of_entity, of_data from migration_coverage.job_event where job_id = of_job
  on conflict (job_id, entity) where kind = 'verdict' do nothing; -- a task that is repeated says it again
end $$;

create function migration_coverage.tell_job_status() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
  perform migration_coverage.add_job_event(new.job_id, 'status', null, jsonb_build_object(
    'status', new.status, 'verdict', new.verdict, 'pausedReason', new.paused_reason, 'reasonCode', new.reason_code, 'reason', new.reason));
  return null;
end $$;
create trigger job_created after insert on migration_coverage.job for each row execute function migration_coverage.tell_job_status();
create trigger job_changed after update on migration_coverage.job for each row
  when (old.status is distinct from new.status or old.paused_reason is distinct from new.paused_reason) execute function migration_coverage.tell_job_status();

create function migration_coverage.tell_verdict() returns trigger language plpgsql set search_path = pg_catalog as $$
begin
  perform migration_coverage.add_job_event(new.job_id, 'verdict', new.entity, jsonb_build_object(
    'entity', new.entity, 'domain', new.domain, 'verdict', new.verdict, 'scope', new.scope, 'verified', new.verified + new.merged));
  return null;
end $$;
create trigger entity_settled after insert on migration_coverage.entity_result for each row execute function migration_coverage.tell_verdict();
