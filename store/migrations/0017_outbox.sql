-- Telling people: since when that is owed, and who is busy with what.

-- What happened before is owed to nobody: an upgrade must not send old news.
CREATE TABLE {schema}.outbox_beginning (
    id       boolean PRIMARY KEY DEFAULT true CHECK (id),
    began_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
INSERT INTO {schema}.outbox_beginning DEFAULT VALUES;

-- A lease, so that a courier holds no transaction while it talks to a server: one at a time for each recipient of a
-- booking, so that they are told in order. It ends by itself when its courier dies. `handing_over` says that the other
-- side may have it from now on, whatever the courier will still be able to say.
CREATE TABLE {schema}.outbox_leases (
    booking_id   uuid NOT NULL,
    channel      text NOT NULL,
    recipient    text NOT NULL,
    owed_id      uuid NOT NULL,
    courier      uuid NOT NULL,
    taken_until  timestamptz NOT NULL,
    handing_over boolean NOT NULL DEFAULT false,
    PRIMARY KEY (booking_id, channel, recipient)
);
