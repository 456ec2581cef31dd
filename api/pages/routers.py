"""All routers of the pages, in the order in which FastAPI matches a path."""

from api.pages import sign_in, usage
from api.pages.admin import (
    all_keys,
    invitations,
    limit_trial,
    mail,
    meeting_types,
    organisation,
    people,
    read_models,
    webhooks,
)
from api.pages.history import access_log, event_log, proofs, timeline
from api.pages.links import bulk as link_bulk
from api.pages.links import create as create_link
from api.pages.links import detail as link_detail
from api.pages.links import disable_and_delete, free_time_list, share, single_use_link, single_use_list, why
from api.pages.links import edit as edit_link
from api.pages.links import lists as link_lists
from api.pages.links.recipients import pages as recipients
from api.pages.management import create as create_managed_link
from api.pages.management import disable_and_delete as switch_managed_link
from api.pages.management import edit as edit_managed_link
from api.pages.management import lists as management_lists
from api.pages.meetings import detail as meeting_detail
from api.pages.meetings import handover, handover_bulk, meeting_log, no_show, reassign, replacement, reschedule
from api.pages.rendering import static_files
from api.pages.settings import calendars, extension_pairing, keys, settings
from api.pages.single_sign_on import sign_in as single_sign_on
from api.pages.single_sign_on import sign_out as single_sign_out
from api.pages.start import landing, onboarding, welcome
from api.pages.teams import calendar as team_calendar
from api.pages.teams import edit as edit_team
from api.pages.teams import lists as team_lists
from api.pages.teams import recount as team_recount

ROUTERS = (
    static_files.router,
    single_sign_on.router,
    single_sign_out.router,
    sign_in.router,
    landing.router,
    welcome.router,
    onboarding.router,
    link_bulk.router,
    link_lists.router,
    create_link.router,
    edit_link.router,
    free_time_list.router,
    share.router,
    single_use_link.router,
    single_use_list.router,
    recipients.router,
    why.router,
    link_detail.router,
    edit_team.router,
    team_calendar.router,
    team_recount.router,
    team_lists.router,
    create_managed_link.router,
    handover.router,
    handover_bulk.router,
    management_lists.router,
    edit_managed_link.router,
    switch_managed_link.router,
    disable_and_delete.router,
    meeting_log.router,
    no_show.router,
    reassign.router,
    reschedule.router,
    replacement.router,
    meeting_detail.router,
    usage.router,
    event_log.router,
    access_log.router,
    proofs.router,
    timeline.router,
    limit_trial.router,
    all_keys.router,
    people.router,
    invitations.router,
    meeting_types.router,
    organisation.router,
    webhooks.router,
    mail.router,
    read_models.router,
    settings.router,
    keys.router,
    calendars.router,
    extension_pairing.router,
    extension_pairing.exchange_router,
)
