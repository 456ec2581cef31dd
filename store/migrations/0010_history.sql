-- What the history is asked by, each in the order of the log: the name of an event, who caused it, when it was recorded.

CREATE INDEX events_by_name ON {schema}.events (split_part(type, '.', 1), position);
CREATE INDEX events_by_actor ON {schema}.events (coalesce(data #>> '{{actor,id}}', data #>> '{{actor,kind}}'), position);
CREATE INDEX events_by_system ON {schema}.events (position) WHERE data #>> '{{actor,kind}}' = 'system';
-- recorded_at nearly follows position: the few places where it does not are found without reading what lies between.
-- An expression, so that the primary key is no alternative for the planner, who does not know that they go together.
CREATE INDEX events_recorded ON {schema}.events USING brin ((position + 0), recorded_at)
    WITH (pages_per_range = 32, autosummarize = on);
