-- The end of a task in one call, so that its job is locked for as long as the server takes and not for round trips: whoever asks step by step holds the lock over each of them.

create function migration_coverage.finish_task(of_job uuid, of_task bigint, of_fence bigint, ending jsonb) returns bigint[]
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  ended migration_coverage.task;
  added bigint[];
begin
  -- the job first, then the task, as everyone does who locks both
  perform from migration_coverage.job where job_id = of_job and status in ('queued', 'running') for no key update;
  if found then
    update migration_coverage.task
    set status = 'done', finished_at = now(), error = null, outcome = ending -> 'outcome', next_page = coalesce((ending ->> 'nextPage')::bigint, next_page)
    where task_id = of_task and fence = of_fence and status = 'running'
    returning * into ended;
  end if;
  if not found then
    raise exception 'task % is not held any more', of_task using errcode = 'MC001', hint = 'It was given to another worker, or its job is over; what this one found is dropped.';
  end if;

  update migration_coverage.job set paused_reason = null, paused_at = null
  where job_id = of_job and paused_reason like any (select side || ' database is %' from jsonb_array_elements_text(ending -> 'reached') side);

  with made as (
    insert into migration_coverage.task (job_id, kind, entity, side, chunk, first_page, next_page)
    select of_job, ended.kind, ended.entity, ended.side, place + (
        select coalesce(max(chunk), 0) from migration_coverage.task where job_id = of_job and kind = ended.kind and entity is not distinct from ended.entity and side is not distinct from ended.side),
      (part ->> 'first')::bigint, (part ->> 'next')::bigint
    from jsonb_array_elements(ending -> 'rest') with ordinality as rest (part, place)
    returning task_id)
  select coalesce(array_agg(task_id order by task_id), '{}') into added from made;

  with made as (
    insert into migration_coverage.task (job_id, kind, entity)
    select of_job, ending #>> '{whenLast,kind}', ending #>> '{whenLast,entity}'
    where ending #>> '{whenLast,kind}' is not null and not exists (
      select from migration_coverage.task
      where job_id = of_job and status <> 'done' and kind in (select jsonb_array_elements_text(ending #> '{whenLast,after}'))
        and (ending #>> '{whenLast,entity}' is null or entity = ending #>> '{whenLast,entity}'))
    on conflict on constraint task_identity do nothing
    returning task_id)
  select added || coalesce(array_agg(task_id), '{}') into added from made;

  update migration_coverage.job set status = 'completed', verdict = ending ->> 'verdict', finished_at = now(), paused_reason = null, paused_at = null
  where job_id = of_job and ending ->> 'verdict' is not null;
  return added;
end $$;
comment on function migration_coverage.finish_task is
  'ends a held task {outcome, reached: sides, nextPage, rest: page ranges for tasks of their own, whenLast: {after: kinds, kind, entity}, verdict: of the job, which is over with it} and gives the ids of the tasks that follow; MC001 when it is not held';
