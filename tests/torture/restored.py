"""A PostgreSQL with a WAL archive, and the very commands of docs/operations.md that back it up and restore it."""

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

from api.server import DATABASE, OWNER_ROLE, prepare_database
from store.embedded.account import Account, choose_account
from store.embedded.binaries import prepare_binaries
from store.schema import SERVICE_ROLE

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "operations.md"
COMMAND = '#!/bin/sh\nexec "{python}" -c "from api.cli.main import app; app()" "$@"\n'


def read_commands(title: str) -> str:
    """Read the commands that docs/operations.md gives under a title of the section Restore."""
    section = PAGE.read_text().split("\n## Restore\n")[1].split("\n## ")[0]
    match = re.search(rf"\*\*{re.escape(title)}\*\*.*?```sh\n(.*?)```", section, re.S)
    assert match, title
    return match[1]


@dataclass(frozen=True)
class ArchivingCluster:
    """A cluster that archives its WAL, run as an unprivileged user, and the variables of the runbook's commands."""

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
            "ONCELINK_DATABASE_URL": self.build_url(SERVICE_ROLE, DATABASE),
            "ONCELINK_DATA_DIR": str(self.folder / "secrets"),
        }

    def build_url(self, role: str = "postgres", database: str = "postgres") -> str:
        """Build the URL with which a role connects to a database."""
        return f"postgresql://{role}@/{database}?host={self.folder}&port={self.port}"

    def run_as_postgres(self, script: str, **variables: str) -> str:
        """Run a script as the user of the cluster. Return its output."""
        return self.run_script(script, variables, **({} if self.account.is_ourselves else self.privileges))

    @property
    def privileges(self) -> dict[str, Any]:
        """The options of subprocess.run with which root becomes that user."""
        return {"user": self.account.uid, "group": self.account.gid, "extra_groups": []}

    def run_oncelink(self, script: str, expect: int = 0, **variables: str) -> str:
        """Run commands of the service from the checkout. Return their output."""
        return self.run_script(script, variables, expect, cwd=ROOT)

    def run_script(self, script: str, variables: dict[str, str], expect: int = 0, **options: Any) -> str:
        """Run a shell script that stops at the first failure. Return its output."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "ONCELINK_"))}
        process = subprocess.run(
            ["sh", "-euc", script],
            env=environment | self.variables | variables,
            capture_output=True,
            text=True,
            timeout=120,
            **{"cwd": "/", **options},
        )
        assert process.returncode == expect, process.stdout + process.stderr
        return process.stdout

    def start_server(self) -> None:
        """Start the server, which may first recover."""
        options = f"-c port={self.port} -c listen_addresses= -c unix_socket_directories={self.folder}"
        archive = "-c archive_mode=on -c 'archive_command=test ! -f $ARCHIVE/%f && cp %p $ARCHIVE/%f'".replace(
            "$ARCHIVE", str(self.folder / "archive")
        )
        self.run_as_postgres(
            f'pg_ctl start --silent --wait --log "$PGDATA/../log" --options "{options} {archive}" >/dev/null 2>&1'
        )

    def stop_server(self, mode: str = "fast") -> None:
        """Stop the server."""
        self.run_as_postgres(f"pg_ctl stop --silent --wait --mode={mode}")

    def wait_until_recovered(self) -> None:
        """Wait until recovery is over and the server accepts writes."""
        with psycopg.connect(self.build_url(), autocommit=True) as connection:
            connection.execute("SET statement_timeout = '60s'")
            while connection.execute("SELECT pg_is_in_recovery() AND pg_sleep(0.05) IS NOT NULL").fetchone() == (True,):
                pass


@contextmanager
def run_archiving_cluster(folder: Path) -> Iterator[ArchivingCluster]:
    """Run the cluster, with the service's roles and schema in it."""
    account = choose_account(folder / "data")
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = int(listener.getsockname()[1])
    cluster = ArchivingCluster(folder, account, prepare_binaries(account), port)
    for name in ("archive", "backup", "bin", "secrets"):
        (folder / name).mkdir()
    command = folder / "bin" / "oncelink"
    command.write_text(COMMAND.format(python=sys.executable))
    command.chmod(0o755)
    for path in (folder, folder / "archive", folder / "backup"):
        os.chown(path, account.uid, account.gid)
    cluster.run_as_postgres(
        'initdb --pgdata "$PGDATA" --username postgres --auth trust --no-sync --encoding UTF8 --locale C'
    )
    cluster.start_server()
    try:
        prepare_database(cluster.build_url(), cluster.build_url(OWNER_ROLE, DATABASE), "oncelink")
        yield cluster
    finally:
        cluster.stop_server("immediate")


def copy_data(cluster: ArchivingCluster, copy_name: str) -> None:
    """Copy the files of a stopped cluster, or put a copy back."""
    source, target = ("data", copy_name) if not (cluster.folder / copy_name).exists() else (copy_name, "data")
    shutil.rmtree(cluster.folder / target, ignore_errors=True)
    cluster.run_as_postgres(f"cp -a {cluster.folder / source} {cluster.folder / target}")
