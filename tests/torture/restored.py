"""A PostgreSQL with an archive, and the very commands of docs/operations.md that back it up and bring it back."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from api.server import DATABASE, OWNER_ROLE, prepare
from store.embedded.account import Account, account_for
from store.embedded.binaries import binaries_for
from store.schema import SERVICE_ROLE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations.md"
COMMAND = '#!/bin/sh\nexec "{python}" -c "from api.cli.main import app; app()" "$@"\n'


def block(title: str) -> str:
    """The commands that docs/operations.md gives under a title of the section Restore."""
    section = PAGE.read_text().split("\n## Restore\n")[1].split("\n## ")[0]
    found = re.search(rf"\*\*{re.escape(title)}\*\*.*?```sh\n(.*?)```", section, re.S)
    assert found, title
    return found[1]


@dataclass(frozen=True)
class Cluster:
    """A cluster that archives its WAL, run as an unprivileged user, and what the runbook's commands are told of it."""

    folder: Path
    account: Account
    programs: Path
    port: int

    @property
    def variables(self) -> dict[str, str]:
        """The variables of the runbook."""
        return {
            "PATH": f"{self.folder / 'bin'}:{self.programs}:{os.environ['PATH']}",
            "PGDATA": str(self.folder / "data"),
            "PGHOST": str(self.folder),
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "BACKUP": str(self.folder / "backup"),
            "ARCHIVE": str(self.folder / "archive"),
            "ONCELINK_DATABASE_URL": self.url(SERVICE_ROLE, DATABASE),
            "ONCELINK_DATA_DIR": str(self.folder / "secrets"),
        }

    def url(self, role: str = "postgres", database: str = "postgres") -> str:
        """How a role reaches a database."""
        return f"postgresql://{role}@/{database}?host={self.folder}&port={self.port}"

    def postgres(self, script: str, **more: str) -> str:
        """What commands say that run as the user of the cluster."""
        return self.run(script, more, **({} if self.account.is_ourselves else self.privileges))

    @property
    def privileges(self) -> dict[str, Any]:
        """How root becomes that user."""
        return {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}

    def oncelink(self, script: str, expect: int = 0, **more: str) -> str:
        """What commands of the service say, run from the checkout."""
        return self.run(script, more, expect, cwd=ROOT)

    def run(self, script: str, more: dict[str, str], expect: int = 0, **options: Any) -> str:
        """What a shell says that runs this and stops at the first failure."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "ONCELINK_"))}
        done = subprocess.run(
            ["sh", "-euc", script],
            env=kept | self.variables | more,
            capture_output=True,
            text=True,
            timeout=120,
            **{"cwd": "/", **options},
        )
        assert done.returncode == expect, done.stdout + done.stderr
        return done.stdout

    def start(self) -> None:
        """Starts the server, which may first recover."""
        where = f"-c port={self.port} -c listen_addresses= -c unix_socket_directories={self.folder}"
        archive = "-c archive_mode=on -c 'archive_command=test ! -f $ARCHIVE/%f && cp %p $ARCHIVE/%f'".replace(
            "$ARCHIVE", str(self.folder / "archive")
        )
        self.postgres(
            f'pg_ctl start --silent --wait --log "$PGDATA/../log" --options "{where} {archive}" >/dev/null 2>&1'
        )

    def stop(self, mode: str = "fast") -> None:
        """Stops the server."""
        self.postgres(f"pg_ctl stop --silent --wait --mode={mode}")

    def wait_until_recovered(self) -> None:
        """Returns when recovery is over and the server writes."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute("SET statement_timeout = '60s'")
            while connection.execute("SELECT pg_is_in_recovery() AND pg_sleep(0.05) IS NOT NULL").fetchone() == (True,):
                pass


@contextmanager
def archiving(folder: Path) -> Iterator[Cluster]:
    """The cluster, running, with the service's roles and schema in it."""
    account = account_for(folder / "data")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    cluster = Cluster(folder, account, binaries_for(account), port)
    for name in ("archive", "backup", "bin", "secrets"):
        (folder / name).mkdir()
    command = folder / "bin" / "oncelink"
    command.write_text(COMMAND.format(python=sys.executable))
    command.chmod(0o755)
    for path in (folder, folder / "archive", folder / "backup"):
        os.chown(path, account.uid, account.gid)
    cluster.postgres('initdb --pgdata "$PGDATA" --username postgres --auth trust --no-sync --encoding UTF8 --locale C')
    cluster.start()
    try:
        prepare(cluster.url(), cluster.url(OWNER_ROLE, DATABASE), "oncelink")
        yield cluster
    finally:
        cluster.stop("immediate")


def copied(cluster: Cluster, to: str) -> None:
    """Copies the files of a stopped cluster, or puts a copy back."""
    source, target = ("data", to) if not (cluster.folder / to).exists() else (to, "data")
    shutil.rmtree(cluster.folder / target, ignore_errors=True)
    cluster.postgres(f"cp -a {cluster.folder / source} {cluster.folder / target}")
