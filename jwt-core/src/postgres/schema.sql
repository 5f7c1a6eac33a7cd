-- The tables of login sessions and revocations. Running it again changes nothing.
-- Names and identifiers are bytes, because text can't hold every character of a claim.

-- If several processes run this at once, each in one transaction, one does it first. `IF NOT EXISTS` alone would fail.
DO $$ BEGIN PERFORM pg_advisory_xact_lock(hashtextextended('jwt_schema', 0)); END $$;

CREATE TABLE IF NOT EXISTS jwt_sessions (
    subject bytea NOT NULL,
    id bytea NOT NULL,
    -- How often the refresh token was exchanged, and how often before the last exchange.
    rotations bigint NOT NULL,
    rotations_before bigint NOT NULL,
    -- The `jti` of the refresh token that was exchanged last.
    exchanged bytea,
    -- The public key of the browser's device, if the session is bound to it.
    device_key text,
    -- Times are seconds since 1970.
    rotated_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    ends_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    -- Everything that doesn't change, in JSON.
    record text NOT NULL,
    PRIMARY KEY (subject, id)
);

CREATE INDEX IF NOT EXISTS jwt_sessions_expires_at ON jwt_sessions (expires_at);

CREATE TABLE IF NOT EXISTS jwt_revocations (
    kind smallint NOT NULL,
    issuer bytea NOT NULL,
    name bytea NOT NULL,
    -- Tokens that were issued in this second or earlier are refused.
    cutoff bigint NOT NULL,
    -- The second in which the last of these tokens has expired.
    until bigint NOT NULL,
    -- The transaction that wrote the row last.
    changed xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (kind, issuer, name)
);

CREATE INDEX IF NOT EXISTS jwt_revocations_until ON jwt_revocations (until);
CREATE INDEX IF NOT EXISTS jwt_revocations_changed ON jwt_revocations (changed);

-- Adds a session, and deletes the least recently used ones of its subject beyond `most`. Returns the deleted identifiers.
CREATE OR REPLACE FUNCTION jwt_create_session(
    the_subject bytea, the_id bytea, the_rotations bigint, the_exchanged bytea, created bigint, used bigint, ends bigint,
    expires bigint, rotated bigint, the_record text, most integer, the_device_key text
) RETURNS SETOF bytea LANGUAGE plpgsql AS $$
BEGIN
    -- One login of a subject at a time. Each statement below sees what the one before has committed.
    PERFORM pg_advisory_xact_lock(hashtextextended(encode(the_subject, 'hex'), 0));
    DELETE FROM jwt_sessions AS s WHERE s.subject = the_subject AND s.ends_at <= created;
    RETURN QUERY
        DELETE FROM jwt_sessions AS s
        WHERE s.subject = the_subject AND s.id IN (
            SELECT o.id FROM jwt_sessions AS o WHERE o.subject = the_subject AND o.id <> the_id
            ORDER BY o.last_used_at DESC, o.id DESC OFFSET greatest(most, 1) - 1
        )
        RETURNING s.id;
    INSERT INTO jwt_sessions AS s
        (subject, id, rotations, rotations_before, exchanged, rotated_at, last_used_at, ends_at, expires_at, record,
         device_key)
    VALUES (the_subject, the_id, the_rotations, the_rotations, the_exchanged, rotated, used, ends, expires, the_record,
        the_device_key)
    ON CONFLICT (subject, id) DO UPDATE SET
        rotations = the_rotations, rotations_before = the_rotations, exchanged = the_exchanged, rotated_at = rotated,
        last_used_at = used, ends_at = ends, expires_at = expires, record = the_record,
        device_key = the_device_key;
END
$$;
