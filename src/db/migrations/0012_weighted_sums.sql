-- Where many rows differ, the sums of a segment tell the key of its only difference.
alter table migration_coverage.segment_sums add column weighted bytea;
alter table migration_coverage.segment_sums alter column weighted set storage external;
comment on column migration_coverage.segment_sums.weighted is 'of each packed segment, in their order, an int4: the sum of the last bits of the fingerprints times the places of their keys; null: segments of this entity have no places, or an earlier release read them';
