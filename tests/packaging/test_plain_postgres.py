"""Set up by hand on a plain PostgreSQL, by the very files that `docker compose up` uses: a link books once."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.waiting import find_free_port

ROOT = Path(__file__).resolve().parents[2]
DEBIAN = Path("/usr/lib/postgresql")
CLI = [sys.executable, "-c", "from api.cli.main import app; app()"]
ALWAYS = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
GUEST = {"name": "Grace Guest", "email": "grace@guest.example", "time_zone": "Europe/Berlin"}
# what the image's own entrypoint does with a file in docker-entrypoint-initdb.d
ENTRYPOINT = """#!/bin/sh
set -eu
[ "$1" = postgres ] && [ -n "$POSTGRES_PASSWORD" ]
exec psql -v ON_ERROR_STOP=1 --no-psqlrc --username postgres --no-password --dbname postgres -f "$INIT_SQL"
"""


def find_binaries() -> Path | None:
    """The programs of the oldest PostgreSQL from Debian that is new enough."""
    versions = sorted(int(folder.name) for folder in DEBIAN.glob("[0-9]*") if (folder / "bin" / "initdb").exists())
    return next((DEBIAN / str(major) / "bin" for major in versions if major >= 15), None)


@dataclass(frozen=True)
class PlainServer:
    """A server as Debian has it, with passwords over TCP, and what our files made in it."""

    folder: Path
    port: int

    def build_url(self, role: str) -> str:
        """How docker-compose.yml reaches it, but for the host."""
        address = f"127.0.0.1:{self.port}/oncelink"
        return f"postgresql://oncelink_{role}@{address}?passfile={self.folder}/secrets/{role}/pgpass"

    def build_environment(self, **extra: str) -> dict[str, str]:
        """What the service's processes get."""
        service_environment = {
            "ONCELINK_DATABASE_URL": self.build_url("service"),
            "ONCELINK_DATA_DIR": str(self.folder / "data"),
        }
        other_environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("ONCELINK_", "PG"))
        }
        return other_environment | service_environment | extra

    def run_oncelink(self, *arguments: str, **extra: str) -> str:
        """What a command that must succeed prints."""
        command, environment = [*CLI, *arguments], self.build_environment(**extra)
        result = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout


@pytest.fixture(scope="module")
def cluster() -> Iterator[PlainServer]:
    """A running, empty server that only the Unix socket's superuser can enter without a password."""
    programs = find_binaries()
    if programs is None:
        pytest.skip(f"there is no PostgreSQL from Debian in {DEBIAN} (apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="oncelink-plain-", dir="/tmp"))
    server = PlainServer(folder, find_free_port())
    postgres = build_user_options(folder)
    access = ["--auth-local=trust", "--auth-host=scram-sha-256", "--username=postgres"]
    subprocess.run(
        [str(programs / "initdb"), "-D", str(folder / "cluster"), "--no-sync", *access], check=True, **postgres
    )
    options = f"-c port={server.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder}"
    control = [str(programs / "pg_ctl"), "-D", str(folder / "cluster"), "--silent", "--wait"]
    subprocess.run([*control, "--log", str(folder / "log"), "--options", options, "start"], check=True, **postgres)
    try:
        yield server
    finally:
        subprocess.run([*control, "--mode=immediate", "stop"], check=True, **postgres)
        shutil.rmtree(folder)


def build_user_options(folder: Path) -> dict[str, Any]:
    """Build the options by which root runs PostgreSQL's programs as another user, who gets this folder."""
    quiet = {"stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL, "cwd": "/"}
    if os.geteuid() != 0:
        return quiet
    users = {entry.pw_name: entry for entry in pwd.getpwall()}
    user = users.get("postgres") or users["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return quiet | {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def plain_server(cluster: PlainServer) -> PlainServer:
    """The server, set up: docker/database.sh makes the passwords, docker/init.sql the roles and the database."""
    entrypoint = cluster.folder / "bin" / "docker-entrypoint.sh"
    entrypoint.parent.mkdir()
    entrypoint.write_text(ENTRYPOINT)
    entrypoint.chmod(0o755)
    environment = cluster.build_environment(
        PATH=f"{entrypoint.parent}:{os.environ['PATH']}",
        PGHOST=str(cluster.folder),
        PGPORT=str(cluster.port),
        SECRETS=str(cluster.folder / "secrets"),
        SECRETS_READER=str(os.geteuid()),
        INIT_SQL=str(ROOT / "docker" / "init.sql"),
    )
    subprocess.run([str(ROOT / "docker" / "database.sh"), "postgres"], check=True, env=environment, cwd="/")
    cluster.run_oncelink("migrate", ONCELINK_OWNER_DATABASE_URL=cluster.build_url("owner"))
    return cluster


@pytest.fixture
def service(plain_server: PlainServer) -> Iterator[httpx2.Client]:
    """`oncelink serve` on it."""
    port = find_free_port()
    with (plain_server.folder / "serve.log").open("w") as log:
        command = [*CLI, "serve", "--port", str(port)]
        process = subprocess.Popen(
            command, cwd=plain_server.folder, env=plain_server.build_environment(), stdout=log, stderr=log
        )
    with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
        try:
            wait_until_ready(client, process, plain_server.folder / "serve.log")
            yield client
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


def wait_until_ready(client: httpx2.Client, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Returns when the service is ready."""
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        try:
            if client.get("/readyz").status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.05)


def read_created(response: httpx2.Response) -> Any:
    """What a POST that must create made."""
    assert response.status_code == 201, response.text
    return response.json()


def test_doctor_finds_nothing_to_do(plain_server: PlainServer) -> None:
    assert [check for check in json.loads(plain_server.run_oncelink("doctor", "--json")) if not check["ok"]] == []


def test_migrating_again_does_nothing(plain_server: PlainServer) -> None:
    output = plain_server.run_oncelink("migrate", "--json", ONCELINK_OWNER_DATABASE_URL=plain_server.build_url("owner"))
    assert json.loads(output)["migrations"] == []


def test_the_service_cannot_change_the_log_and_strangers_cannot_connect(plain_server: PlainServer) -> None:
    refused_statements = ("UPDATE oncelink.events SET type = ''", "DELETE FROM oncelink.events", "DROP SCHEMA oncelink")
    with psycopg.connect(plain_server.build_url("service"), autocommit=True) as connection:
        for statement in refused_statements:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    with psycopg.connect(
        f"postgresql://postgres@/oncelink?host={plain_server.folder}&port={plain_server.port}"
    ) as connection:
        connection.execute("CREATE ROLE stranger LOGIN")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(f"postgresql://stranger@/oncelink?host={plain_server.folder}&port={plain_server.port}")


def test_without_the_password_nobody_signs_in(plain_server: PlainServer) -> None:
    for role in ("owner", "service"):
        with pytest.raises(psycopg.OperationalError, match="no password supplied"):
            psycopg.connect(plain_server.build_url(role).split("?")[0] + "?passfile=/dev/null")


def test_a_second_start_of_the_container_keeps_the_passwords(plain_server: PlainServer, tmp_path: Path) -> None:
    stub = tmp_path / "docker-entrypoint.sh"
    stub.write_text('#!/bin/sh\necho "$OWNER_PASSWORD $SERVICE_PASSWORD $(umask)"\n')
    stub.chmod(0o755)
    files = [plain_server.folder / "secrets" / role / "pgpass" for role in ("owner", "service")]
    environment = plain_server.build_environment(
        PATH=f"{tmp_path}:{os.environ['PATH']}",
        SECRETS=str(plain_server.folder / "secrets"),
        SECRETS_READER=str(os.geteuid()),
    )
    run = [str(ROOT / "docker" / "database.sh"), "postgres"]
    result = subprocess.run(run, check=True, env=environment, umask=0o022, capture_output=True, text=True)
    *output_lines, mask = result.stdout.split()
    assert output_lines == [file.read_text().strip().rsplit(":", 1)[1] for file in files]
    assert all(len(password) == 48 for password in output_lines)
    assert len(set(output_lines)) == 2
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)
    assert mask == "0022", "the image's entrypoint makes folders that its own user must enter"


def test_a_single_use_link_books_once(plain_server: PlainServer, service: httpx2.Client) -> None:
    plain_server.run_oncelink("person", "add", "ada@nexora.example", "--role", "admin")
    key = json.loads(plain_server.run_oncelink("api-key", "ada@nexora.example", "--json"))["api_key"]
    service.headers["Authorization"] = f"Bearer {key}"
    assert service.patch("/v1/me", json={"weekly_hours": ALWAYS}).status_code == 200
    kind = read_created(service.post("/v1/meeting-types", json={"name": "Intro", "duration_minutes": 30}))
    link = read_created(service.post("/v1/links", json={"name": "Intro call", "meeting_type_id": kind["id"]}))
    [single] = read_created(service.post(f"/v1/links/{link['id']}/single-use", json={}))["items"]
    del service.headers["Authorization"]
    day = (datetime.now(UTC) + timedelta(days=1)).date()
    path = f"/v1/book/{single['code']}"
    slots = service.get(f"{path}/slots?from={day}&to={day}&time_zone=UTC").json()["slots"]
    booking = read_created(service.post(path, json={"start": slots[0]["start"], "guest": GUEST}))
    assert booking["booking"]["start"] == slots[0]["start"]
    second_response = service.post(path, json={"start": slots[1]["start"], "guest": GUEST})
    assert (second_response.status_code, second_response.json()["code"]) == (410, "link_used")
