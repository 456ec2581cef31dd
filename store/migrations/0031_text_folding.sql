-- The form in which text is searched and sorted: equal however it was typed. Composed or not, in full width or capitals; without accents, points and
-- what cannot be seen; ß as ss, ø as o, digits of other scripts as ours. Postgres' own unaccent is not immutable, so no index can hold it.
CREATE FUNCTION {schema}.fold_text(text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN $1 ~ '^[ -~]*$' THEN lower($1) ELSE
        normalize(
            translate(
                replace(replace(replace(replace(
                    lower(regexp_replace(
                        normalize($1, NFKD),
                        '[\u00ad\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061c\u0640\u064b-\u065f\u0670\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f\ufeff]',
                        '', 'g'
                    )),
                    'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th'),
                'ıøłđħŧðς٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९',
                'ioldhtdσ012345678901234567890123456789'
            ),
            NFC
        )
    END;

CREATE OR REPLACE FUNCTION {schema}.words(text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    to_tsvector('pg_catalog.simple', regexp_replace({schema}.fold_text($1), '[^[:alnum:]]+', ' ', 'g'));

-- what guests and recipients gave is no read model: its words are made anew here, where they are not ASCII
UPDATE {schema}.personal_details
SET words = {schema}.words(concat_ws(
    ' ', data -> 'guest' ->> 'name', data -> 'guest' ->> 'email',
    data -> 'recipient' ->> 'name', data -> 'recipient' ->> 'email', data ->> 'label'
))
WHERE words::text ~ '[^ -~]';
