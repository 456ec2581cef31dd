"""The organisation: /v1/organisation."""

from fastapi import APIRouter, Response

from api.http.dependencies import CurrentCaller, CurrentServices, IfMatch, build_etag_header
from api.http.problem_details import describe_problems
from api.http.responses import announce_change
from api.http.strict_json import StrictRoute
from api.services import Services
from api.v1.organisation.models import Organisation, OrganisationChanges

router = APIRouter(prefix="/v1/organisation", tags=["Organisation"], route_class=StrictRoute)


@router.get("", response_model=Organisation, responses=describe_problems(401, 503))
def get_organisation(services: CurrentServices, caller: CurrentCaller, response: Response) -> Organisation:
    """The organisation: its name, contact and policies, always current.

    Everybody who is signed in may read it. Before an admin changes it, it has the name of the sender of mail and
    `version` 0.
    """
    return load_organisation(services, response)


@router.patch("", response_model=Organisation, responses=describe_problems(401, 403, 412, 413, 422, 503))
def change_organisation(
    services: CurrentServices,
    caller: CurrentCaller,
    version: IfMatch,
    body: OrganisationChanges,
    response: Response,
) -> Organisation:
    """Changes the organisation (admin).

    A field that is absent stays as it is; `null` clears `support_contact`, `privacy_url`, `imprint_url` and
    `retention_months`. The guest pages show the contact and both addresses. With `retention_months`, what guests and
    recipients gave is erased so long after their meeting ended, also of meetings from before the change.
    """
    position = services.organisation.update_organisation(caller.context, body.get_sent_fields(), version)
    announce_change(response, services, position)
    return load_organisation(services, response)


def load_organisation(services: Services, response: Response) -> Organisation:
    """Load the organisation from the log, and set the `ETag` header to its version."""
    organisation = services.organisation.load_organisation()
    response.headers.update(build_etag_header(organisation.version))
    return Organisation(**dict(organisation.properties), version=organisation.version)
