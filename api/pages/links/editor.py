"""The outline of the edit pages of links and managed links: form, preview of what saving affects, comparison."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Generic, TypeVar

from fastapi import Request, Response

from api.http.dependencies import Caller
from api.pages.links.change_summary import Change, ValueFormatter, list_changes
from api.pages.links.edit_comparison import AnyLink, EditConflict, load_properties_at, render_conflict_page
from api.pages.links.form import BaseLinkForm, format_local_time
from api.pages.links.form_choices import (
    Choices,
    add_suggestion,
    check_slug,
    find_meeting_type_choices,
    find_team_choices,
)
from api.pages.rendering.forms import InvalidForm, collect_field_errors
from api.pages.rendering.templates import redirect_to, render_page
from api.services import Services
from domain.refusals import Refusal, VersionConflict

F = TypeVar("F", bound=BaseLinkForm)


@dataclass(frozen=True)
class EditPreview:
    """What saving a form would change and affect, or why it cannot be saved yet."""

    changes: list[Change] = field(default_factory=list)
    effects: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    stale: bool = False


@dataclass(frozen=True)
class LinkEditor(ABC, Generic[AnyLink, F]):
    """One request to the edit page of a link or a managed link; subclasses say what differs.

    `FIELDS` are the labels of the properties, `FORM` is the form of all of them and `TEMPLATE` renders it.
    """

    FIELDS: ClassVar[Mapping[str, str]]
    FORM: ClassVar[type[BaseLinkForm]]
    TEMPLATE: ClassVar[str]

    request: Request
    services: Services
    viewer: Caller
    link: AnyLink

    @property
    @abstractmethod
    def path(self) -> str:
        """The path of the page of what is edited."""

    @abstractmethod
    def list_own_values(self) -> dict[str, Any]:
        """Return the form's values of the properties that only this kind of link has."""

    @abstractmethod
    def find_people(self, form: F) -> Choices:
        """Return whom the form offers."""

    @abstractmethod
    def describe_effects(
        self, before: Mapping[str, Any], after: Mapping[str, Any], formatter: ValueFormatter
    ) -> Iterator[str]:
        """Yield a sentence for each effect of a change."""

    @abstractmethod
    def describe_saving(self) -> str:
        """Return the message after saving, as of before it."""

    @abstractmethod
    def update(self, changes: Mapping[str, Any], version: int | None) -> int | None:
        """Send the command. Returns the position, or None if nothing changed. Raises its refusals."""

    def build_context(self) -> dict[str, Any]:
        """Return what the template needs beyond what every edit page has."""
        return {}

    @property
    def zone(self) -> str:
        """The viewer's time zone."""
        return self.viewer.person.properties.time_zone

    def show(self, form: F) -> Response:
        """Show the form with the current values, or with the submitted ones and what saving would affect."""
        if form.version is None:
            return self.render_form(self.build_form(form), EditPreview())
        return self.render_form(form, self.build_preview(form))

    def save(self, form: F) -> Response:
        """Save the form; show a comparison if somebody else changed the same thing since."""
        message = self.describe_saving()
        try:
            position = self.update(self.parse_changes(form), form.version)
        except VersionConflict:
            fresh_link = self.services.links.load_aggregate(type(self.link), self.link.id)
            return replace(self, link=fresh_link).compare(form)
        except (InvalidForm, Refusal) as error:
            return self.render_form(form, EditPreview(errors=collect_field_errors(error)), 422)
        if position is None:
            return redirect_to(self.path, "Nothing was changed.")
        self.services.announce_append()
        return redirect_to(self.path, message, position)

    def build_form(self, query: F) -> BaseLinkForm:
        """Build the form with the current values; its two searches are kept."""
        properties = self.link.properties
        return self.FORM(
            name=properties.name,
            slug=properties.slug,
            meeting_type_id=properties.meeting_type_id,
            team_id=properties.team_id,
            expires_at=format_local_time(properties.expires_at, self.zone),
            single_use_only=properties.single_use_only,
            default_lifetime_days=str(properties.default_lifetime_days or ""),
            version=self.link.version,
            who=query.who,
            what=query.what,
            **self.list_own_values(),
        )

    def parse_changes(self, form: F) -> dict[str, Any]:
        """Return the change of every property. Raises InvalidForm."""
        earlier_expiry = load_properties_at(self.services, self.link, form.version)["expires_at"]
        return form.to_changes(self.zone, earlier_expiry, self.link.properties.expires_at)

    def build_preview(self, form: F) -> EditPreview:
        """Build the preview of saving a form."""
        try:
            changes = self.parse_changes(form)
        except InvalidForm as error:
            return EditPreview(errors=error.errors)
        before, after = dict(self.link.properties), dict(self.link.properties.apply_changes(changes))
        formatter = ValueFormatter.from_properties(self.services, self.zone, before, after)
        return EditPreview(
            list_changes(self.FIELDS, before, after, formatter),
            list(self.describe_effects(before, after, formatter)),
            stale=form.version != self.link.version,
        )

    def render_form(self, form: Any, preview: EditPreview, status: int = 200) -> Response:
        """Render the page with the form."""
        is_new_slug = form.slug != self.link.properties.slug
        return render_page(
            self.request,
            self.TEMPLATE,
            status,
            thing=self.link,
            path=self.path,
            form=form,
            preview=preview,
            errors=add_suggestion(self.services, preview.errors, form.slug),
            types=find_meeting_type_choices(self.services, form.what, form.meeting_type_id),
            people=self.find_people(form),
            teams=find_team_choices(self.services, form.team_id),
            slug_check=check_slug(self.services, form.slug, form.name, self.link.id) if is_new_slug else None,
            **self.build_context(),
        )

    def compare(self, form: F) -> Response:
        """Render the comparison of both edits; redirect to what is edited if they are the same."""
        before, theirs = load_properties_at(self.services, self.link, form.version), dict(self.link.properties)
        mine = dict(self.link.properties.apply_changes(self.parse_changes(form)))
        comparison = EditConflict(self.FIELDS, before, theirs, mine).compare_edits(self.services, self.zone)
        if not comparison.differences:
            return redirect_to(self.path, "Somebody has just saved the very same.")
        return render_conflict_page(
            self.request, self.services, comparison, self.link, form.version, self.path, self.zone
        )
