-- Checks beyond the equality of rows are tasks of their own.
alter table migration_coverage.task drop constraint task_kind,
  add constraint task_kind check (kind in ('prepare', 'scan', 'settle', 'integrity', 'account', 'finish'));
