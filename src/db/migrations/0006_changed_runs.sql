-- A run that compares only what may have changed rests on the sums of the run before: these stay until the next run of the entity, and a pass may rest on them.
comment on table migration_coverage.segment is 'partial sums of one chunk; they stay until the entity is compared again';
alter table migration_coverage.entity_result drop constraint pass_is_examined,
  add constraint pass_is_examined check (verdict <> 'pass' or (source_rows_examined > 0 and basis in ('full', 'changed') and scope > 0));
