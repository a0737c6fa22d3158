-- A run that reads only the rows that are newer keeps the sums of the reading before, and tells which of them may not hold any more.
alter table migration_coverage.segment_sums add column touched bytea;
comment on column migration_coverage.segment_sums.touched is
  'segments whose rows may be others than those of the sums, 8 bytes each: number int4, rows now int4; null: the sums are of the reading of the task itself';
