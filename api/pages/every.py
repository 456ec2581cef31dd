"""Every page's routes."""

from api.pages import (
    history,
    link_actions,
    links,
    meeting,
    meeting_log,
    meeting_types,
    own_settings,
    people,
    read_models,
    sign_in,
    static,
    time_travel,
    usage,
)

ROUTERS = (
    static.router,
    sign_in.router,
    links.router,
    link_actions.router,
    meeting_log.router,
    meeting.router,
    history.router,
    time_travel.router,
    people.router,
    meeting_types.router,
    read_models.router,
    usage.router,
    own_settings.router,
)
