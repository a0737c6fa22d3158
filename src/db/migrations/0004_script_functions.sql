-- What a migration script in any language calls to report itself. Rights: usage on this schema and execute on the functions, nothing else.

create function migration_coverage.script_checksum(content text) returns text
  language sql immutable strict parallel safe
  set search_path = pg_catalog, pg_temp
as $$
  select encode(sha256(convert_to(regexp_replace(regexp_replace(regexp_replace(
    ltrim(content, chr(65279)), '\r\n?', chr(10), 'g'), '[ \t]+(?=\n|$)', '', 'g'), '\n+$', ''), 'UTF8')), 'hex')
$$;
comment on function migration_coverage.script_checksum is
  'sha256 of a script, in hexadecimal; blind to line ends, a byte order mark, blanks at the end of lines and empty lines at the end';

create function migration_coverage.script_start(script text, checksum text default null, message text default null, run_id uuid default null) returns uuid
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  started uuid := coalesce(run_id, gen_random_uuid());
  known migration_coverage.script_run;
begin
  if script is null or script = '' or length(script) > 500 then
    raise exception 'script must have 1 to 500 characters' using errcode = 'invalid_parameter_value';
  end if;
  if checksum !~ '^[\x21-\x7e]{1,200}$' then
    raise exception 'checksum must be 1 to 200 printable ASCII characters without blanks' using errcode = 'invalid_parameter_value';
  end if;
  if length(message) > 2000 then
    raise exception 'message must have at most 2000 characters' using errcode = 'invalid_parameter_value';
  end if;
  insert into migration_coverage.script_run (run_id, script, status, checksum, message, started_at, updated_at)
  values (started, script, 'running', checksum, message, clock_timestamp(), clock_timestamp())
  on conflict do nothing;
  select run.* into known from migration_coverage.script_run run where run.run_id = started;
  if known.script <> script or known.checksum is distinct from checksum then
    raise exception 'run % exists already, for script "%"', started, known.script
      using errcode = 'unique_violation', hint = 'Pass another run_id, or none.';
  end if;
  return started;
end
$$;
comment on function migration_coverage.script_start is 'begins a run; the same run_id may be sent again; returns the id of the run';

create function migration_coverage.script_report(run_id uuid, status text, processed bigint, succeeded bigint, failed bigint, message text) returns void
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  run migration_coverage.script_run;
  next migration_coverage.script_run;
begin
  select r.* into run from migration_coverage.script_run r where r.run_id = run_id for update;
  if not found then
    raise exception 'there is no run %', run_id using errcode = 'no_data_found', hint = 'migration_coverage.script_start begins one.';
  end if;
  if length(message) > 2000 then
    raise exception 'message must have at most 2000 characters' using errcode = 'invalid_parameter_value';
  end if;
  next := run;
  next.status := coalesce(status, run.status);
  next.records_processed := coalesce(processed, run.records_processed);
  next.records_succeeded := coalesce(succeeded, run.records_succeeded);
  next.records_failed := coalesce(failed, run.records_failed);
  next.message := coalesce(message, run.message);
  if run.status <> 'running' then
    -- a finished run is final; the very same end may be reported again
    if status is not null and next is not distinct from run then return; end if;
    raise exception 'run % is % and final', run_id, run.status using errcode = 'object_not_in_prerequisite_state', hint = 'Start a new run.';
  end if;
  if next.records_processed < run.records_processed or next.records_succeeded < run.records_succeeded or next.records_failed < run.records_failed then
    raise exception 'counts of a run are totals since its start and never fall: run % has %, % and % already', run_id,
      run.records_processed, run.records_succeeded, run.records_failed using errcode = 'invalid_parameter_value';
  end if;
  if next.records_succeeded + next.records_failed > next.records_processed then
    raise exception 'succeeded (%) + failed (%) may not exceed processed (%)', next.records_succeeded, next.records_failed, next.records_processed
      using errcode = 'invalid_parameter_value';
  end if;
  update migration_coverage.script_run r
     set status = next.status, records_processed = next.records_processed, records_succeeded = next.records_succeeded,
         records_failed = next.records_failed, message = next.message, updated_at = clock_timestamp(),
         finished_at = case when next.status = 'running' then null else clock_timestamp() end
   where r.run_id = run_id;
end
$$;
comment on function migration_coverage.script_report is 'what the four functions below have in common; null leaves a value as it is';

create function migration_coverage.script_progress(run_id uuid, processed bigint default null, succeeded bigint default null, failed bigint default null, message text default null)
  returns void language sql security definer set search_path = pg_catalog, pg_temp
as $$ select migration_coverage.script_report(run_id, null, processed, succeeded, failed, message) $$;
comment on function migration_coverage.script_progress is 'totals since the start of the run; null leaves a value as it is';

create function migration_coverage.script_finish(run_id uuid, processed bigint default null, succeeded bigint default null, failed bigint default null, message text default null)
  returns void language sql security definer set search_path = pg_catalog, pg_temp
as $$ select migration_coverage.script_report(run_id, 'completed', processed, succeeded, failed, message) $$;
comment on function migration_coverage.script_finish is 'ends a run that completed';

create function migration_coverage.script_fail(run_id uuid, message text default null, processed bigint default null, succeeded bigint default null, failed bigint default null)
  returns void language sql security definer set search_path = pg_catalog, pg_temp
as $$ select migration_coverage.script_report(run_id, 'failed', processed, succeeded, failed, message) $$;
comment on function migration_coverage.script_fail is 'ends a run that failed, with the reason';

create function migration_coverage.script_roll_back(run_id uuid, message text default null)
  returns void language sql security definer set search_path = pg_catalog, pg_temp
as $$ select migration_coverage.script_report(run_id, 'rolled_back', null, null, null, message) $$;
comment on function migration_coverage.script_roll_back is 'ends a run whose changes were taken back';

revoke execute on function
  migration_coverage.script_start(text, text, text, uuid),
  migration_coverage.script_report(uuid, text, bigint, bigint, bigint, text),
  migration_coverage.script_progress(uuid, bigint, bigint, bigint, text),
  migration_coverage.script_finish(uuid, bigint, bigint, bigint, text),
  migration_coverage.script_fail(uuid, text, bigint, bigint, bigint),
  migration_coverage.script_roll_back(uuid, text) from public;
