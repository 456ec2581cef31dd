-- Where the read models are: one row names the live table of each, one row says how far all of them have followed.

CREATE TABLE {schema}.read_models (
    name       text PRIMARY KEY,
    version    int NOT NULL,
    live_table text NOT NULL,
    built_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TABLE {schema}.follower (
    id       boolean PRIMARY KEY DEFAULT true CHECK (id),
    position bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO {schema}.follower (position) VALUES (0);

-- streams whose fold failed: named and visible, while the others go on
CREATE TABLE {schema}.dead_letters (
    read_model text NOT NULL,
    stream_id  uuid NOT NULL,
    position   bigint NOT NULL,
    error      text NOT NULL,
    failed_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (read_model, stream_id)
);
