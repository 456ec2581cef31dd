-- Which steps of the first day somebody has done. Not events: whoever has looked around is nobody's business in ten years.
CREATE TABLE {schema}.onboarding_steps (
    person_id uuid NOT NULL,
    step      text NOT NULL,
    done_at   timestamptz NOT NULL,
    PRIMARY KEY (person_id, step)
);

-- Who was here before has had the first day.
INSERT INTO {schema}.onboarding_steps (person_id, step, done_at)
SELECT stream_id, 'finished', statement_timestamp() FROM {schema}.events WHERE type = 'PersonAdded.v1' AND version = 1;
