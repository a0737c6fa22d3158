-- Where keys are integers, a segment is a run of neighbouring keys: an index leads to its rows.
alter table migration_coverage.job_entity add column neighbours integer;
comment on column migration_coverage.job_entity.neighbours is 'so many keys beside each other make a segment, a power of two; null: the last bits of the hash of a key are its segment';
