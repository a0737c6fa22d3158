-- One packed value for each chunk in place of a row for each segment: they are written and read whole.
drop table migration_coverage.segment;

create table migration_coverage.segment_sums (
  task_id  bigint primary key references migration_coverage.task on delete cascade,
  packed   bytea not null,
  audit    bytea
);
-- fingerprints do not compress
alter table migration_coverage.segment_sums alter column packed set storage external, alter column audit set storage external;
comment on table migration_coverage.segment_sums is 'partial sums of one chunk, 16 bytes a segment: number int4, rows int4, sum modulo 2^64 int8; they stay until the entity is compared again';
comment on column migration_coverage.segment_sums.audit is 'of some segments the same with other seeds; null: none of this chunk';

-- Where much differed the time before, the hashes of all rows are kept instead of sums, until the entity is settled.
alter table migration_coverage.job_entity add column streamed boolean not null default false;
create table migration_coverage.streamed_rows (
  task_id  bigint not null references migration_coverage.task on delete cascade,
  block    integer not null,
  packed   bytea not null,
  primary key (task_id, block)
);
alter table migration_coverage.streamed_rows alter column packed set storage external;
comment on table migration_coverage.streamed_rows is 'rows of one chunk, 22 bytes a row: hash of the key int8, of the row int8, page int4 and line int2 of its address; a key is in the same block on both sides';
