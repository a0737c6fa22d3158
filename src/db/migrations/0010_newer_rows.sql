-- Rows that are newer than the sums of their segment are compared by their keys, where the other keys of the segment are on both sides.
alter table migration_coverage.segment_sums add column keys bytea, add column newer bytea;
comment on column migration_coverage.segment_sums.keys is 'XOR of the hashes of the keys, as the pass saw them, packed as the sums are; null: an earlier release read them, or they cannot be looked up';
comment on column migration_coverage.segment_sums.newer is 'the rows that are newer than the sums, 22 bytes each: hash of the key int8, what it adds to the XOR of the keys int8, page int4 and line int2 of the address; null: the sums are of the reading of the task itself, or the rows are too many';
