-- Which links ever had a slug: a retry that comes under a slug which was renamed since is still recognised.
CREATE INDEX slugs_of_links ON {schema}.events ((data ->> 'slug'))
    WHERE type LIKE 'LinkCreated.%' OR type LIKE 'LinkUpdated.%';
