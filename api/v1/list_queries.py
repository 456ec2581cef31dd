"""The query parameters of each list, once for the API, its CSV, as-of and the pages."""

from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from fastapi import Query
from pydantic import BaseModel, ConfigDict

from api.field_types import Instant
from api.http.pagination import Cursor, Limit, Search
from domain.refusals import Invalid
from projections.links import LinkFilters
from projections.meeting_log import MeetingFilters
from projections.single_use_links import SingleUseFilters

Bound = TypeVar("Bound")


LinkKind = Literal["standard", "managed"]
LinkStatus = Literal["active", "disabled", "expired", "deleted"]
LinkSort = Literal["created_at", "-created_at", "updated_at", "-updated_at", "name", "-name"]
SingleUseStatus = Literal["active", "booked", "expired", "revoked", "disabled", "deleted"]
SingleUseSort = Literal["issued_at", "-issued_at"]
MeetingSort = Literal["booked_at", "-booked_at", "starts_at", "-starts_at"]


class SearchQuery(BaseModel):
    """A list that is only searched and paged: people, meeting types."""

    model_config = ConfigDict(frozen=True)

    q: Search = None
    limit: Limit = 50
    cursor: Cursor = None


class TeamQuery(SearchQuery):
    """The list of teams."""

    member_id: UUID | None = None


class ManagedLinkQuery(SearchQuery):
    """The list of managed links; deleted ones only when their status is asked for."""

    status: LinkStatus | None = None
    team_id: UUID | None = None


class LinkQuery(BaseModel):
    """The list of links."""

    model_config = ConfigDict(frozen=True)

    view: Annotated[Literal["mine", "library", "all"], Query(description="`all` for managers and auditors.")] = "mine"
    kind: LinkKind | None = None
    status: LinkStatus | None = None
    team_id: UUID | None = None
    q: Search = None
    sort: LinkSort = "-created_at"
    limit: Limit = 50
    cursor: Cursor = None

    def to_filters(self, viewer: UUID) -> LinkFilters:
        """The filters of the read model, as this person sees the view."""
        return LinkFilters(
            view=self.view, viewer=viewer, kind=self.kind, status=self.status, q=self.q, team_id=self.team_id
        )


class SingleUseQuery(BaseModel):
    """The list of single-use links."""

    model_config = ConfigDict(frozen=True)

    view: Annotated[Literal["mine", "all"], Query(description="`mine`: issued by oneself; `all`: all one may see.")] = (
        "all"
    )
    link_id: UUID | None = None
    status: SingleUseStatus | None = None
    issued_by: UUID | None = None
    expires_before: Instant | None = None
    q: Search = None
    sort: SingleUseSort = "-issued_at"
    limit: Limit = 50
    cursor: Cursor = None

    def to_filters(self, viewer: UUID, visible_to: UUID | None = None) -> SingleUseFilters:
        """The filters of the read model, for a viewer, limited to what `visible_to` sees; None sees everything.

        Raises Invalid.
        """
        issuer_id = viewer if self.view == "mine" else self.issued_by
        if self.issued_by not in (None, issuer_id):
            raise Invalid("issued_by", "`view=mine` lists what the caller issued.")
        return SingleUseFilters(self.link_id, self.status, issuer_id, self.q, visible_to, self.expires_before)


class MeetingOrder(BaseModel):
    """How the meeting log is sorted and paged."""

    model_config = ConfigDict(frozen=True)

    sort: MeetingSort = "-booked_at"
    limit: Limit = 50
    cursor: Cursor = None


class MeetingSelection(BaseModel, Generic[Bound]):
    """What is listed of the meeting log. The bounds of times are instants or, on the page, days."""

    model_config = ConfigDict(frozen=True)

    link_type: Literal["standard", "managed", "single_use"] | None = None
    hide_single_use: bool = False
    status: Literal["scheduled", "rescheduled", "cancelled", "no_show", "not_booked"] | None = None
    host_id: UUID | None = None
    link_id: UUID | None = None
    meeting_type_id: UUID | None = None
    team_id: UUID | None = None
    q: Search = None
    booked_from: Bound | None = None
    booked_to: Bound | None = None
    starts_from: Bound | None = None
    starts_to: Bound | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The value of each filter, by its name."""
        return self.model_dump(include=set(MeetingSelection.model_fields))


class MeetingLogQuery(MeetingSelection[Instant], MeetingOrder):
    """The meeting log; `…_to` is exclusive."""

    def to_filters(self, visible_to: UUID | None) -> MeetingFilters:
        """The filters of the read model, limited to what this person sees; None sees everything."""
        return MeetingFilters(**self.values, visible_to=visible_to)


class FollowedMeetingLogQuery(MeetingLogQuery):
    """The meeting log, or what of it changed after a position."""

    changed_after_position: Annotated[int | None, Query(ge=0, le=10**18 - 1)] = None

    def require_no_filter(self) -> None:
        """Require that nothing but `limit` stands beside `changed_after_position`. Raises Invalid."""
        others = self.model_fields_set - {"changed_after_position", "limit"}
        if others:
            raise Invalid(min(others), "Send nothing but `limit` with `changed_after_position`.")
