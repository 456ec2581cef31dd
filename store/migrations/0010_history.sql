-- What the history is asked by, each in the order of the log: the name of an event, who caused it, when it was recorded.

CREATE INDEX events_by_name ON {schema}.events (split_part(type, '.', 1), position);
CREATE INDEX events_by_actor ON {schema}.events (coalesce(data #>> '{{actor,id}}', data #>> '{{actor,kind}}'), position);
CREATE INDEX events_by_system ON {schema}.events (position) WHERE data #>> '{{actor,kind}}' = 'system';
-- from an instant to a position, in both directions
CREATE INDEX events_recorded ON {schema}.events (recorded_at, position);
