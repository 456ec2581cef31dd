"""Every setting, in one place; a wrong value stops the start with a sentence naming it."""

import os
import re
import secrets
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

IDENTIFIER = r"^[a-z_][a-z0-9_]{0,39}$"
EXTENSION_ORIGIN = re.compile(r"chrome-extension://[a-p]{32}")
KEY_FILE = "secret_keys"
OUR_EXTENSION = "chrome-extension://hleleccpogfleimfccdeggmnmilkpfcm"  # by the key in extension/manifest.json


class WrongSetting(Exception):
    """A setting that cannot be used; the message names it and its rule."""


class Settings(BaseSettings):
    """Read from the environment, prefix `ONCELINK_`; see docs/operations.md."""

    model_config = SettingsConfigDict(env_prefix="ONCELINK_", extra="ignore", populate_by_name=True)

    database_url: str = Field("", description="The service's role; empty: the embedded PostgreSQL under DATA_DIR.")
    owner_database_url: str = Field("", description="The owner's role, for migrations only.")
    data_dir: Path = Field(Path(".oncelink"), description="Where the embedded database and generated secrets are.")
    base_url: str = Field("http://127.0.0.1:8000", description="Where guests and people reach the service.")
    secret_keys: str = Field("", description="Comma separated; the first makes codes, all open them.")
    db_schema: str = Field("oncelink", alias="ONCELINK_SCHEMA", pattern=IDENTIFIER, description="The schema.")
    pool_size: int = Field(10, ge=2, le=200, description="Database connections and request threads of one process.")
    log_format: Literal["console", "json"] = Field("console", description="How log lines are written.")
    smtp_url: str = Field("", description="Where mail is handed over; empty: mail is printed on the console.")
    mail_from: str = Field("", description="The sender of mail.", validate_default=True)
    couriers: int = Field(1, ge=0, le=8, description="How many mails one process hands over at a time; 0: none.")
    unsafe: bool = Field(False, description="Start although the database could lose or change bookings.")
    guest_rate_limit: int = Field(0, ge=0, description="Requests a minute and address on guest routes; 0: off.")

    calendar_allowed_networks: str = Field(
        "", description="Comma separated, such as 10.1.0.0/16; inside networks that calendars may be read from."
    )
    extension_origins: str = Field(
        OUR_EXTENSION, description="Comma separated; the Chrome extensions that may connect."
    )

    @field_validator("base_url")
    @classmethod
    def without_slash(cls, value: str) -> str:
        """An absolute http or https address without a path at its end."""
        if not value.startswith(("http://", "https://")):
            raise ValueError("must begin with http:// or https://")
        return value.rstrip("/")

    @field_validator("smtp_url")
    @classmethod
    def smtp(cls, value: str) -> str:
        """An address such as smtp://user:password@host:587 or smtps://host."""
        if value and not (value.startswith(("smtp://", "smtps://")) and urlsplit(value).hostname):
            raise ValueError("must begin with smtp:// or smtps:// and name a server")
        return value

    @field_validator("mail_from")
    @classmethod
    def sender(cls, value: str, info: ValidationInfo) -> str:
        """Mail that is sent has a sender."""
        if info.data.get("smtp_url") and not value:
            raise ValueError("must be set where SMTP_URL is")
        return value

    @field_validator("secret_keys")
    @classmethod
    def long_enough(cls, value: str) -> str:
        """Each key has at least 32 characters."""
        if any(len(key) < 32 for key in split_keys(value)):
            raise ValueError("each key must have at least 32 characters")
        return value

    @field_validator("calendar_allowed_networks")
    @classmethod
    def of_networks(cls, value: str) -> str:
        """Each is a network in CIDR notation."""
        for one in split_keys(value):
            try:
                ip_network(one)
            except ValueError:
                raise ValueError("each must be a network such as 10.1.0.0/16 or fd00::/8") from None
        return value

    @field_validator("extension_origins")
    @classmethod
    def of_extensions(cls, value: str) -> str:
        """Each is the origin of one extension."""
        if not all(EXTENSION_ORIGIN.fullmatch(one) for one in split_keys(value)):
            raise ValueError("each must be chrome-extension:// and the 32 letters of an extension's id")
        return value

    @property
    def calendar_networks(self) -> list[IPv4Network | IPv6Network]:
        """The inside networks that calendars may be read from."""
        return [ip_network(one) for one in split_keys(self.calendar_allowed_networks)]

    @property
    def extensions(self) -> list[str]:
        """The origins of the extensions that may connect."""
        return split_keys(self.extension_origins)

    @property
    def found_keys(self) -> list[str]:
        """The secret keys that are there: as set, or in DATA_DIR; none is generated. Raises WrongSetting."""
        return split_keys(self.secret_keys) or keys_in(self.data_dir / KEY_FILE)

    @cached_property
    def keys(self) -> list[str]:
        """The secret keys: as set, or generated once into DATA_DIR. Raises WrongSetting."""
        return self.found_keys or generated_keys(self.data_dir / KEY_FILE)


def read_settings(**overrides: object) -> Settings:
    """The settings of this process. Raises WrongSetting with a sentence that names the first wrong one."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).upper().removeprefix("ONCELINK_")
        raise WrongSetting(f"ONCELINK_{name}: {first['msg'].removeprefix('Value error, ')}.") from None


def split_keys(value: str) -> list[str]:
    """The keys of a comma-separated setting."""
    return [key.strip() for key in value.split(",") if key.strip()]


def keys_in(path: Path) -> list[str]:
    """The keys in a file; none where there is no file. Raises WrongSetting."""
    try:
        keys = split_keys(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise WrongSetting(f"ONCELINK_DATA_DIR: {path} cannot be read ({error.strerror}).") from error
    if not keys:
        raise WrongSetting(f"{path} has no key in it; restore it from a backup: without it no link opens.")
    return keys


def generated_keys(path: Path) -> list[str]:
    """The random key of a new file of mode 0600, or what somebody else has just put there. Raises WrongSetting."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return keys_in(path)
    except OSError as error:
        raise WrongSetting(f"ONCELINK_DATA_DIR: {path.parent} cannot be written ({error.strerror}).") from error
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return keys_in(path)
