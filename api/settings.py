"""Every setting; a wrong value stops the start with a sentence that names it."""

import re
from email.utils import parseaddr
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from domain.organisation import OrganisationProperties
from domain.quotas import GuestQuotas
from integrations.identity.oidc_client import OidcClient
from integrations.identity.provider_url import validate_provider_url
from integrations.mail.smtp_url import parse_smtp_url
from store.credentials.key_file import KeyFileUnusable, generate_keys, read_keys
from store.database_url import check_database_url

IDENTIFIER = r"^[a-z_][a-z0-9_]{0,39}$"
METRICS_TOKEN = re.compile(r"[\x21-\x7e]{32,200}")
EXTENSION_ORIGIN = re.compile(r"chrome-extension://[a-p]{32}")
KEY_FILE = "secret_keys"
PRIVATE_NETWORKS = "127.0.0.0/8,::1/128,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fc00::/7"  # RFC 1918, RFC 4193
CONSOLE = "console:"  # instead of the mail server's URL: mails are printed. No setting, `oncelink demo` alone does it
NO_MAIL_SERVER = (
    "There is no mail server: set ONCELINK_SMTP_URL and ONCELINK_MAIL_FROM. Until then nobody is mailed, and people "
    "sign in with what `oncelink sign-in EMAIL` prints on this machine."
)
OUR_EXTENSION = "chrome-extension://hleleccpogfleimfccdeggmnmilkpfcm"  # by the key in extension/manifest.json

GuestCheckKind = Literal["none", "proof_of_work", "mailed_code"]
SignInWay = Literal["mail", "oidc", "both"]


class WrongSetting(Exception):
    """A setting that cannot be used; the message names it and its rule."""


class Settings(BaseSettings):
    """Read from the environment, prefix `ONCELINK_`; see docs/operations.md."""

    model_config = SettingsConfigDict(
        env_prefix="ONCELINK_", extra="ignore", populate_by_name=True, hide_input_in_errors=True
    )

    # what may hold a secret has repr=False; see tests/api/test_settings.py
    database_url: str = Field(
        "", repr=False, description="The service's role; empty: the embedded PostgreSQL under DATA_DIR."
    )
    owner_database_url: str = Field("", repr=False, description="The owner's role, for migrations only.")
    data_dir: Path = Field(Path(".oncelink"), description="Where the embedded database and generated secrets are.")
    base_url: str = Field("http://127.0.0.1:8000", description="Where guests and people reach the service.")
    secret_keys: str = Field("", repr=False, description="Comma separated; the first makes codes, all open them.")
    db_schema: str = Field("oncelink", alias="ONCELINK_SCHEMA", pattern=IDENTIFIER, description="The schema.")
    pool_size: int = Field(10, ge=2, le=200, description="Database connections and request threads of one process.")
    log_format: Literal["console", "json"] = Field("console", description="How log lines are written.")
    smtp_url: str = Field("", repr=False, description="Where mail is handed over; empty: none is sent.")
    mail_from: str = Field("", description="The sender of mail.", validate_default=True)
    couriers: int = Field(1, ge=0, le=8, description="How many mails one process hands over at a time; 0: none.")
    unsafe: bool = Field(False, description="Start although the database could lose or change bookings.")
    session_idle_hours: int = Field(168, ge=1, le=720, description="After so long without use a session is over.")
    manage_link_days: int = Field(90, ge=1, le=3650, description="A guest's link to a meeting ends so long after it.")
    guest_rate_limit: int = Field(300, ge=0, description="Requests a minute of one client on guest routes; 0: off.")
    guest_booking_quota: int = Field(20, ge=0, description="Bookings a day of an address on a core link; 0: off.")
    guest_move_quota: int = Field(10, ge=0, description="Moves a day of one booking by its guest; 0: off.")
    guest_mail_quota: int = Field(40, ge=0, description="Mails a day to one address, caused by guests; 0: off.")
    guest_code_quota: int = Field(10, ge=0, description="Codes mailed a day to one address; 0: off.")
    guest_check: GuestCheckKind = Field("none", description="What guests show before a booking on a core link counts.")
    forwarded_allow_ips: str = Field(
        "127.0.0.1", alias="FORWARDED_ALLOW_IPS", description="Comma separated; proxies whose X-Forwarded-For is read."
    )
    max_connections: int = Field(800, ge=10, le=100_000, description="Connections of clients to one process at a time.")
    max_requests: int = Field(400, ge=10, le=100_000, description="Requests that one process answers at a time.")
    head_timeout: int = Field(10, ge=1, le=3600, description="Seconds for the head of a request to come.")
    body_timeout: int = Field(30, ge=1, le=3600, description="Seconds for the body of a request to come.")

    sign_in: SignInWay = Field("both", description="How people sign in: by mail, by the OpenID provider, or both.")
    oidc_issuer: str = Field("", description="The OpenID provider's issuer; empty: there is none.")
    oidc_client_id: str = Field("", description="The client that the provider knows us as.")
    oidc_client_secret: str = Field("", repr=False, description="Its secret; empty: a public client with PKCE alone.")
    oidc_provider_name: str = Field("single sign-on", description="What the sign-in button calls the provider.")
    oidc_join_domains: str = Field("", description="Comma separated; whose verified addresses join by themselves.")
    oidc_roles_claim: str = Field("", description="The claim with people's roles, such as roles; empty: none.")
    oidc_trust_email: bool = Field(False, description="Take an address whose email_verified is missing (Entra).")

    calendar_allowed_networks: str = Field(
        "", description="Comma separated, such as 10.1.0.0/16; inside networks that calendars may be read from."
    )
    access_log_days: int = Field(400, ge=1, le=36_500, description="How long the access log is kept.")
    metrics_token: str = Field("", repr=False, description="A key for /metrics and the details of /readyz.")
    metrics_networks: str = Field(
        PRIVATE_NETWORKS, description="Comma separated; the networks that need no token for /metrics and /readyz."
    )
    extension_origins: str = Field(
        OUR_EXTENSION, description="Comma separated; the Chrome extensions that may connect."
    )

    @field_validator("database_url", "owner_database_url")
    @classmethod
    def validate_database_url(cls, value: str) -> str:
        """Validate a URL that libpq can read. Raises ValueError."""
        if value:
            check_database_url(value)
        return value

    @field_validator("base_url")
    @classmethod
    def validate_base_url(cls, value: str) -> str:
        """Validate an absolute http or https URL without a password, and drop its trailing slash. Raises ValueError."""
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        if any(character in value for character in "@?#"):
            raise ValueError("must have no user, no password and nothing after ? or #: every link begins with it")
        return value.rstrip("/")

    @field_validator("smtp_url")
    @classmethod
    def validate_smtp_url(cls, value: str) -> str:
        """Validate a URL such as smtp://user:password@host:587 or smtps://host. Raises ValueError."""
        if value:
            parse_smtp_url(value)
        return value

    @field_validator("mail_from")
    @classmethod
    def validate_mail_from(cls, value: str, info: ValidationInfo) -> str:
        """Require a sender where an SMTP server is set. Raises ValueError."""
        if info.data.get("smtp_url") and not value:
            raise ValueError("must be set where SMTP_URL is")
        if value and "@" not in parseaddr(value)[1]:
            raise ValueError("must be an address such as Oncelink <booking@example.com>")
        return value

    @field_validator("secret_keys")
    @classmethod
    def validate_secret_keys(cls, value: str) -> str:
        """Require at least 32 characters in each key. Raises ValueError."""
        if any(len(key) < 32 for key in split_list(value)):
            raise ValueError("each key must have at least 32 characters")
        return value

    @field_validator("metrics_token")
    @classmethod
    def validate_metrics_token(cls, value: str) -> str:
        """Require at least 32 characters that a header can have. Raises ValueError."""
        if value and not METRICS_TOKEN.fullmatch(value):
            raise ValueError("must have at least 32 characters, visible ASCII without spaces")
        return value

    @field_validator("calendar_allowed_networks", "metrics_networks")
    @classmethod
    def validate_networks(cls, value: str) -> str:
        """Require CIDR notation. Raises ValueError."""
        for network in split_list(value):
            try:
                ip_network(network)
            except ValueError:
                raise ValueError("each must be a network such as 10.1.0.0/16 or fd00::/8") from None
        return value

    @field_validator("extension_origins")
    @classmethod
    def validate_extension_origins(cls, value: str) -> str:
        """Require origins of Chrome extensions. Raises ValueError."""
        if not all(EXTENSION_ORIGIN.fullmatch(origin) for origin in split_list(value)):
            raise ValueError("each must be chrome-extension:// and the 32 letters of an extension's id")
        return value

    @field_validator("oidc_issuer")
    @classmethod
    def validate_oidc_issuer(cls, value: str) -> str:
        """Validate the issuer's URL. Raises ValueError."""
        return validate_provider_url(value) if value else value

    @field_validator("oidc_client_id")
    @classmethod
    def validate_oidc_client_id(cls, value: str, info: ValidationInfo) -> str:
        """Require a client where there is a provider. Raises ValueError."""
        if info.data.get("oidc_issuer") and not value:
            raise ValueError("must be set where OIDC_ISSUER is")
        return value

    @model_validator(mode="after")
    def validate_sign_in(self) -> Self:
        """Require a provider where it is the only way in. Raises ValueError."""
        if self.sign_in == "oidc" and not self.oidc_issuer:
            raise ValueError("ONCELINK_SIGN_IN: oidc needs ONCELINK_OIDC_ISSUER")
        return self

    @field_validator("guest_check")
    @classmethod
    def validate_guest_check(cls, value: GuestCheckKind, info: ValidationInfo) -> GuestCheckKind:
        """Require a mail server where codes are mailed. Raises ValueError."""
        if value == "mailed_code" and not info.data.get("smtp_url"):
            raise ValueError("mailed_code needs a mail server: set ONCELINK_SMTP_URL and ONCELINK_MAIL_FROM")
        return value

    @field_validator("forwarded_allow_ips")
    @classmethod
    def validate_forwarded_allow_ips(cls, value: str) -> str:
        """Require `*`, addresses or networks. Raises ValueError."""
        for item in split_list(value):
            try:
                assert item == "*" or ip_network(item)
            except ValueError:
                raise ValueError("each must be an address or a network such as 172.16.0.0/12, or it is *") from None
        return value

    @property
    def proxies(self) -> list[str]:
        """The proxies whose headers are believed."""
        return split_list(self.forwarded_allow_ips)

    @property
    def guest_quotas(self) -> GuestQuotas:
        """The quotas of guests for a day."""
        return GuestQuotas(self.guest_booking_quota, self.guest_move_quota, self.guest_mail_quota)

    @property
    def organisation_defaults(self) -> OrganisationProperties:
        """The organisation before anybody described it: it has the name of the sender of mail."""
        name = parseaddr(self.mail_from)[0].strip()
        return OrganisationProperties(name=name) if name else OrganisationProperties()

    @property
    def is_https(self) -> bool:
        """Whether people reach the service by https."""
        return self.base_url.startswith("https://")

    @property
    def mail_method(self) -> Literal["smtp", "console", "none"]:
        """What happens to mails: they are handed over, printed, or not sent because there is no mail server."""
        if self.smtp_url == CONSOLE:
            return "console"
        return "smtp" if self.smtp_url else "none"

    @property
    def oidc_client(self) -> OidcClient | None:
        """How we are registered at the OpenID provider, or None without one."""
        if not self.oidc_issuer or self.sign_in == "mail":
            return None
        redirect_uri = f"{self.base_url}/sign-in/oidc/callback"
        return OidcClient(self.oidc_issuer, self.oidc_client_id, self.oidc_client_secret, redirect_uri)

    @property
    def join_domains(self) -> list[str]:
        """The domains whose people join by themselves when they sign in."""
        return split_list(self.oidc_join_domains)

    @property
    def operators_networks(self) -> list[IPv4Network | IPv6Network]:
        """The networks from which /metrics and the details of /readyz may be read without a token."""
        return [ip_network(network) for network in split_list(self.metrics_networks)]

    @property
    def calendar_networks(self) -> list[IPv4Network | IPv6Network]:
        """The inside networks that calendars may be read from."""
        return [ip_network(network) for network in split_list(self.calendar_allowed_networks)]

    @property
    def extensions(self) -> list[str]:
        """The origins of the extensions that may connect."""
        return split_list(self.extension_origins)

    @property
    def existing_keys(self) -> list[str]:
        """The secret keys that exist: as set, or in DATA_DIR; none is generated. Raises WrongSetting."""
        try:
            return split_list(self.secret_keys) or read_keys(self.data_dir / KEY_FILE)
        except KeyFileUnusable as error:
            raise WrongSetting(str(error)) from error

    @cached_property
    def keys(self) -> list[str]:
        """The secret keys: as set, or generated once into DATA_DIR. Raises WrongSetting."""
        try:
            return self.existing_keys or generate_keys(self.data_dir / KEY_FILE)
        except KeyFileUnusable as error:
            raise WrongSetting(str(error)) from error


def read_settings(**overrides: object) -> Settings:
    """Read this process's settings. Raises WrongSetting with a sentence that names the first wrong one."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])  # of the field, or its alias, which is the variable's
        variable = name if name.isupper() else f"ONCELINK_{name.upper()}"
        raise WrongSetting(f"{variable}: {first['msg'].removeprefix('Value error, ')}.") from None


def split_list(value: str) -> list[str]:
    """Split a comma-separated setting."""
    return [item.strip() for item in value.split(",") if item.strip()]
