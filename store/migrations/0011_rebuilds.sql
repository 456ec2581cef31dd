-- Which read models are being built again, and how far that is. Whether it still goes on, the lock says that its session holds.

CREATE TABLE {schema}.rebuilds (
    read_model text PRIMARY KEY,
    version    int NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    moved_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    done       bigint NOT NULL DEFAULT 0,            -- events folded
    total      bigint NOT NULL DEFAULT 0,
    share      double precision NOT NULL DEFAULT 0,  -- of the work, indexes included
    error      text                                  -- why it ended; null as long as it goes on, and when it was killed
);
