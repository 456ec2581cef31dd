-- Which links and managed links ever had a team: a team that one of them still has is not deleted.
CREATE INDEX teams_of_links ON {schema}.events ((data ->> 'team_id'))
    WHERE (type ^@ 'LinkCreated.' OR type ^@ 'LinkUpdated.' OR type ^@ 'ManagedLinkCreated.' OR type ^@ 'ManagedLinkUpdated.')
    AND data ->> 'team_id' IS NOT NULL;
