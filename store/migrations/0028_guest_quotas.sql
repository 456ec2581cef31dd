-- Quotas of guests: what one address did is counted from the log and the personal details, in the transaction of the append. Nothing else is
-- stored, so nothing is left to count once the details of an address are erased.

-- where mail to the address in a row of personal details arrives: what follows a plus sign is the same mailbox (RFC 5233); null without an address
CREATE FUNCTION {schema}.mailbox_of(data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    regexp_replace({schema}.address_of(data), '^([^"+@]+)\+[^@]*@', '\1@');
CREATE INDEX personal_details_of_mailbox ON {schema}.personal_details ({schema}.mailbox_of(data));
ALTER INDEX {schema}.personal_details_of_mailbox ALTER COLUMN 1 SET STATISTICS 0;  -- as in 0013

-- The append of what a guest does on a core link, within the quotas of the address in the details that are given or are named by their id.
-- p_quota  object: now, bookings (of the address on the link), link, mails (to the address), details (id); a quota of 0 is none
CREATE FUNCTION {schema}.append_within_quota(
    p_quota jsonb,
    p_events jsonb, p_reads jsonb, p_hosts jsonb, p_claims jsonb, p_reservations jsonb, p_details jsonb
) RETURNS bigint[]
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    mailbox text;
    used_up text;
    wait interval;
BEGIN
    SELECT {schema}.mailbox_of(data) INTO mailbox
    FROM (
        SELECT d -> 'data' AS data FROM jsonb_array_elements(p_details) d
        UNION ALL SELECT data FROM {schema}.personal_details WHERE id = (p_quota ->> 'details')::uuid
    ) given
    WHERE {schema}.mailbox_of(data) IS NOT NULL
    LIMIT 1;
    IF mailbox IS NOT NULL THEN
        -- Whoever acts with the same address waits here, before every other lock: so two of them cannot both be the last one within the quota,
        -- and nobody who holds another lock waits for this one.
        PERFORM pg_advisory_xact_lock(hashtextextended({cell} || '.quota.' || mailbox, 0));
        -- a statement of its own: it sees what committed while this one waited
        WITH acts AS MATERIALIZED (
            SELECT act.type, act.data ->> 'link_id' AS link, (act.data ->> 'occurred_at')::timestamptz AS at
            FROM {schema}.personal_details d
            JOIN {schema}.events issued ON issued.stream_id = d.stream_id AND issued.version = 1
            JOIN {schema}.events act ON act.stream_id = d.stream_id
            WHERE {schema}.mailbox_of(d.data) = mailbox
            AND issued.type LIKE 'DirectIssued.%'
            AND act.type LIKE ANY (ARRAY['MeetingBooked.%', 'Rescheduled.%', 'MeetingCancelled.%'])
            AND act.data -> 'actor' ->> 'kind' = 'guest'
            AND (act.data ->> 'occurred_at')::timestamptz > (p_quota ->> 'now')::timestamptz - interval '24 hours'
        ), latest AS (
            SELECT 'bookings' AS quota, at, row_number() OVER (ORDER BY at DESC) AS rank
            FROM acts WHERE type LIKE 'MeetingBooked.%' AND link = p_quota ->> 'link'
            UNION ALL
            SELECT 'mails', at, row_number() OVER (ORDER BY at DESC) FROM acts
        )
        SELECT quota, at + interval '24 hours' - (p_quota ->> 'now')::timestamptz INTO used_up, wait
        FROM latest
        WHERE rank = (p_quota ->> quota)::int
        ORDER BY at DESC
        LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION USING ERRCODE = 'OL005', MESSAGE = used_up, DETAIL = extract(epoch FROM wait);
        END IF;
    END IF;
    RETURN {schema}.append(p_events, p_reads, p_hosts, p_claims, p_reservations, p_details);
END $$;
