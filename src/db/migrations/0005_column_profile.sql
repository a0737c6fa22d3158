-- What each column of an entity holds, source against target, from the pass that compared its rows.
create table migration_coverage.column_profile (
  job_id            uuid not null references migration_coverage.job on delete cascade,
  entity            text not null,
  column_name       text not null,
  side              text not null constraint column_profile_side check (side in ('source', 'target')),
  mapped            boolean not null,
  row_count         bigint not null,
  non_null          bigint not null,
  distinct_at_least integer not null,
  top_rows          bigint,
  top_value         text,
  primary key (job_id, entity, column_name, side),
  constraint column_profile_counts check (non_null between 0 and row_count and distinct_at_least between 0 and least(64, non_null) and top_rows between 0 and non_null)
);
comment on column migration_coverage.column_profile.column_name is 'the target column; the source side is what the plan maps to it';
comment on column migration_coverage.column_profile.mapped is 'false: a column of the target that the plan neither maps nor ignores';
comment on column migration_coverage.column_profile.distinct_at_least is 'a lower bound from a bitmap of 64 bits';
comment on column migration_coverage.column_profile.top_rows is 'a lower bound: rows that hold the value that a sample found most frequent; null when it found none';
comment on column migration_coverage.column_profile.top_value is 'the beginning of that value; null where it is masked, or nobody knows whether it should be';
