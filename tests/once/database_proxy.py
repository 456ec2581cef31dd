"""A proxy in front of PostgreSQL that knows requests, counts them, and breaks a chosen one at a chosen instant."""

import socket
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from io import BufferedReader
from pathlib import Path
from threading import Event, Lock, Thread

from store.embedded.server import Server

PORT = 5432
ENDS_A_REQUEST = (b"S", b"Q")  # Sync and Query: what the service then waits for an answer to
CARRIES_OUT = (b"E", b"Q")  # Execute and Query; a request without them only prepares a statement
READY = b"Z"
PATIENCE = 15.0


class Wire:
    """One connection of the service: two sockets, and a thread for each direction."""

    def __init__(self, proxy: "Proxy", client: socket.socket, server: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server
        self.statements: dict[bytes, str] = {}
        self.keeps_answer = False
        self.pause = 0.0
        self.answered = Event()
        self.when_answered: Callable[[], object] = self.cut
        self.threads = [Thread(target=pump, daemon=True) for pump in (self.from_client, self.from_server)]

    def start(self) -> None:
        """Begins to pass messages on."""
        for thread in self.threads:
            thread.start()

    def from_client(self) -> None:
        """Passes requests on, each whole, unless an action is waiting for it."""
        with suppress(OSError), self.client.makefile("rb") as stream:
            self.server.sendall(startup_message(stream))
            request, statement, carries_out = b"", "", False
            while message := typed_message(stream):
                request += message
                statement = self.statement_of(message) or statement
                carries_out |= message[:1] in CARRIES_OUT
                if message[:1] in ENDS_A_REQUEST:
                    self.proxy.meet(self, statement, request, carries_out)
                    request, statement, carries_out = b"", "", False
        if not self.keeps_answer:
            self.cut()

    def from_server(self) -> None:
        """Passes answers on, late or not at all where an action says so."""
        with suppress(OSError), self.server.makefile("rb") as stream:
            while message := typed_message(stream):
                if not self.keeps_answer:
                    self.pass_on(message)
                elif message[:1] == READY:
                    self.answered.set()
                    self.when_answered()
                    break
        self.cut()

    def pass_on(self, message: bytes) -> None:
        """Gives the service a message, after the pause that was asked for."""
        pause, self.pause = self.pause, 0.0
        time.sleep(pause)
        self.client.sendall(message)

    def statement_of(self, message: bytes) -> str | None:
        """The SQL that a message stands for: its own, or that of the prepared statement it names."""
        kind, body = message[:1], message[5:]
        if kind == b"Q":
            return text(body.split(b"\0")[0])
        if kind == b"P":
            name, statement, *_ = body.split(b"\0")
            self.statements[name] = text(statement)
            return self.statements[name]
        if kind == b"B":
            return self.statements.get(body.split(b"\0")[1])
        return None

    def forward(self, request: bytes) -> None:
        """Gives PostgreSQL a request."""
        self.server.sendall(request)

    def cut(self) -> None:
        """Ends both connections at once."""
        for end in (self.client, self.server):
            hang_up(end)


Action = Callable[[Wire, bytes], object]


class Proxy:
    """Listens on a Unix socket of its own, and connects to the server's."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.requests: list[str] = []
        self.plans: list[tuple[str, Action]] = []
        self.wires: list[Wire] = []
        self.lock = Lock()
        self.listener: socket.socket | None = None

    def url(self, role: str, database: str) -> str:
        """How a role reaches a database through this proxy."""
        return Server(self.folder, PORT, self.server.superuser).url(role, database)

    def open(self) -> None:
        """Lets connections in."""
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.folder / f".s.PGSQL.{PORT}"))
        self.listener.listen(100)
        Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def shut(self, last: Wire | None = None) -> None:
        """Refuses new connections until it is opened again, and cuts every one there is, this one last.

        The service would try again on another one, if it noticed that this one is cut while others are not.
        """
        with self.lock:
            listener, self.listener = self.listener, None
            wires, self.wires = self.wires, []
        if listener is not None:
            (self.folder / f".s.PGSQL.{PORT}").unlink()
            hang_up(listener)
        for wire in sorted(wires, key=lambda wire: wire is last):
            wire.cut()

    def accept(self, listener: socket.socket) -> None:
        """Takes connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.connect(listener, client)

    def connect(self, listener: socket.socket, client: socket.socket) -> None:
        """Joins a connection of the service with one to the server."""
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self.server.socket_directory / f".s.PGSQL.{self.server.port}"))
        except OSError:  # it is away
            server.close()
            client.close()
            return
        wire = Wire(self, client, server)
        with self.lock:
            if self.listener is listener:
                self.wires.append(wire)
                wire.start()
                return
        wire.cut()

    def at(self, part: str, action: Action) -> None:
        """Plans what happens, once, to the next request whose statement has this part."""
        with self.lock:
            self.plans.append((part, action))

    def meet(self, wire: Wire, statement: str, request: bytes, carries_out: bool) -> None:
        """A request has come: counts it, and does what was planned for it, or passes it on."""
        with self.lock:
            self.requests.append(statement)
            plan = next((plan for plan in self.plans if carries_out and plan[0] in statement), None)
            if plan is not None:
                self.plans.remove(plan)
        action = plan[1] if plan is not None else Wire.forward
        action(wire, request)


def lose_answer(wire: Wire, request: bytes) -> None:
    """The request is carried out; the connection is cut before its answer."""
    wire.keeps_answer = True
    wire.forward(request)


def drop_request(wire: Wire, _: bytes) -> None:
    """The connection is cut before the request reaches the server."""
    wire.cut()


def hold_answer(seconds: float) -> Action:
    """The request is carried out; its answer comes late."""

    def action(wire: Wire, request: bytes) -> None:
        wire.pause = seconds
        wire.forward(request)

    return action


def after(call: Callable[[], object]) -> Action:
    """Something else happens first; then the request is passed on."""

    def action(wire: Wire, request: bytes) -> None:
        call()
        wire.forward(request)

    return action


def lose_answer_and_shut(wire: Wire, request: bytes) -> None:
    """The request is carried out; then everything is cut, and new connections are refused."""
    wire.when_answered = partial(wire.proxy.shut, last=wire)
    lose_answer(wire, request)


def drop_request_and_shut(wire: Wire, _: bytes) -> None:
    """Everything is cut before the request reaches the server, and new connections are refused."""
    wire.proxy.shut(last=wire)


class Delayed:
    """Cuts the service off from its request, which is carried out later: right before the next one with this part."""

    def __init__(self, until: str) -> None:
        self.until = until
        self.request = b""
        self.wire: Wire | None = None

    def __call__(self, wire: Wire, request: bytes) -> None:
        wire.keeps_answer = True
        self.wire, self.request = wire, request
        wire.proxy.at(self.until, after(self.carry_out))
        hang_up(wire.client)

    def carry_out(self) -> None:
        """The request arrives at the server, and is carried out before this returns."""
        assert self.wire is not None
        self.wire.forward(self.request)
        assert self.wire.answered.wait(PATIENCE)


def startup_message(stream: BufferedReader) -> bytes:
    """The first message of a connection, the only one without a type."""
    size = stream.read(4)
    return size + stream.read(struct.unpack("!i", size)[0] - 4)


def typed_message(stream: BufferedReader) -> bytes:
    """The next message, whole; nothing at the end of the stream."""
    head = stream.read(5)
    if len(head) < 5:
        return b""
    return head + stream.read(struct.unpack("!i", head[1:])[0] - 4)


def text(statement: bytes) -> str:
    """A statement as text on one line."""
    return " ".join(statement.decode().split())


def hang_up(end: socket.socket) -> None:
    """Ends a connection for both directions, also when another thread is reading from it."""
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def proxying(server: Server) -> Iterator[Proxy]:
    """A proxy in front of a server, open; everything is cut at the end."""
    with tempfile.TemporaryDirectory(prefix="once-") as folder:
        proxy = Proxy(server, Path(folder))
        proxy.open()
        try:
            yield proxy
        finally:
            proxy.shut()
