-- What a search looks for: every word of the text, as a prefix; nothing at all ('') when the text has no word in it.
CREATE FUNCTION {schema}.word_prefixes(text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN (
    SELECT coalesce(string_agg(quote_literal(word) || ':*', ' & '), '')::tsquery
    FROM unnest(tsvector_to_array({schema}.words($1))) AS word
);
