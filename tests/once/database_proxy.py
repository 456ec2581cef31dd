"""A proxy for PostgreSQL's protocol that counts requests and breaks a chosen one at a chosen instant."""

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
END_OF_REQUEST = (b"S", b"Q")  # Sync and Query: what the service then waits for an answer to
EXECUTING_MESSAGES = (b"E", b"Q")  # Execute and Query; a request without them only prepares a statement
READY = b"Z"
TIMEOUT_SECONDS = 15.0


class ProxiedConnection:
    """One connection of the service: two sockets, and a thread for each direction."""

    def __init__(self, proxy: "DatabaseProxy", client: socket.socket, server: socket.socket) -> None:
        self.proxy = proxy
        self.client = client
        self.server = server
        self.statements: dict[bytes, str] = {}
        self.withholds_response = False
        self.delay_seconds = 0.0
        self.response_received = Event()
        self.on_response: Callable[[], object] = self.disconnect
        self.threads = [
            Thread(target=target, daemon=True) for target in (self.forward_requests, self.forward_responses)
        ]

    def start(self) -> None:
        """Begins to pass messages on."""
        for thread in self.threads:
            thread.start()

    def forward_requests(self) -> None:
        """Forward complete requests, unless an action is planned for one."""
        with suppress(OSError), self.client.makefile("rb") as stream:
            self.server.sendall(read_startup_message(stream))
            request, statement, executes = b"", "", False
            while message := read_message(stream):
                request += message
                statement = self.find_statement(message) or statement
                executes |= message[:1] in EXECUTING_MESSAGES
                if message[:1] in END_OF_REQUEST:
                    self.proxy.handle_request(self, statement, request, executes)
                    request, statement, executes = b"", "", False
        if not self.withholds_response:
            self.disconnect()

    def forward_responses(self) -> None:
        """Forward responses: at once, delayed, or not at all."""
        with suppress(OSError), self.server.makefile("rb") as stream:
            while message := read_message(stream):
                if not self.withholds_response:
                    self.send_to_client(message)
                elif message[:1] == READY:
                    self.response_received.set()
                    self.on_response()
                    break
        self.disconnect()

    def send_to_client(self, message: bytes) -> None:
        """Send a message to the service, after the planned delay."""
        delay_seconds, self.delay_seconds = self.delay_seconds, 0.0
        time.sleep(delay_seconds)
        self.client.sendall(message)

    def find_statement(self, message: bytes) -> str | None:
        """Find the SQL of a message: its own, or that of the prepared statement that it names."""
        kind, body = message[:1], message[5:]
        if kind == b"Q":
            return format_statement(body.split(b"\0")[0])
        if kind == b"P":
            name, statement, *_ = body.split(b"\0")
            self.statements[name] = format_statement(statement)
            return self.statements[name]
        if kind == b"B":
            return self.statements.get(body.split(b"\0")[1])
        return None

    def send_to_server(self, request: bytes) -> None:
        """Send a request to PostgreSQL."""
        self.server.sendall(request)

    def disconnect(self) -> None:
        """Close both sockets."""
        for endpoint in (self.client, self.server):
            close_socket(endpoint)


Action = Callable[[ProxiedConnection, bytes], object]


class DatabaseProxy:
    """Listens on its own Unix socket and connects to the server's."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.requests: list[str] = []
        self.planned_actions: list[tuple[str, Action]] = []
        self.connections: list[ProxiedConnection] = []
        self.lock = Lock()
        self.listener: socket.socket | None = None

    def build_url(self, role: str, database: str) -> str:
        """How a role reaches a database through this proxy."""
        return Server(self.folder, PORT, self.server.superuser).build_url(role, database)

    def start_listening(self) -> None:
        """Accept connections."""
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.folder / f".s.PGSQL.{PORT}"))
        self.listener.listen(100)
        Thread(target=self.accept_connections, args=(self.listener,), daemon=True).start()

    def stop_listening(self, last: ProxiedConnection | None = None) -> None:
        """Refuse new connections until the proxy listens again, and close all existing ones, `last` at the end.

        The service would retry on another connection if it noticed that `last` is closed while others are open.
        """
        with self.lock:
            listener, self.listener = self.listener, None
            connections, self.connections = self.connections, []
        if listener is not None:
            (self.folder / f".s.PGSQL.{PORT}").unlink()
            close_socket(listener)
        for connection in sorted(connections, key=lambda connection: connection is last):
            connection.disconnect()

    def accept_connections(self, listener: socket.socket) -> None:
        """Accept connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.connect_client(listener, client)

    def connect_client(self, listener: socket.socket, client: socket.socket) -> None:
        """Connect a client of the proxy with the server."""
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(str(self.server.socket_directory / f".s.PGSQL.{self.server.port}"))
        except OSError:  # it is away
            server.close()
            client.close()
            return
        connection = ProxiedConnection(self, client, server)
        with self.lock:
            if self.listener is listener:
                self.connections.append(connection)
                connection.start()
                return
        connection.disconnect()

    def plan_action(self, statement_part: str, action: Action) -> None:
        """Plan an action for the next request whose statement contains `statement_part`. It runs once."""
        with self.lock:
            self.planned_actions.append((statement_part, action))

    def handle_request(self, connection: ProxiedConnection, statement: str, request: bytes, executes: bool) -> None:
        """Count a request, and run the action planned for it or forward it."""
        with self.lock:
            self.requests.append(statement)
            planned = next((planned for planned in self.planned_actions if executes and planned[0] in statement), None)
            if planned is not None:
                self.planned_actions.remove(planned)
        action = planned[1] if planned is not None else ProxiedConnection.send_to_server
        action(connection, request)


def drop_response(connection: ProxiedConnection, request: bytes) -> None:
    """Let PostgreSQL execute the request, and close the connection before its response."""
    connection.withholds_response = True
    connection.send_to_server(request)


def drop_request(connection: ProxiedConnection, _: bytes) -> None:
    """Close the connection before the request reaches the server."""
    connection.disconnect()


def delay_response(seconds: float) -> Action:
    """Build an action: PostgreSQL executes the request; its response is delayed."""

    def apply_action(connection: ProxiedConnection, request: bytes) -> None:
        connection.delay_seconds = seconds
        connection.send_to_server(request)

    return apply_action


def run_before(call: Callable[[], object]) -> Action:
    """Build an action: run `call`, then forward the request."""

    def apply_action(connection: ProxiedConnection, request: bytes) -> None:
        call()
        connection.send_to_server(request)

    return apply_action


def drop_response_and_stop(connection: ProxiedConnection, request: bytes) -> None:
    """Let PostgreSQL execute the request, then close all connections and refuse new ones."""
    connection.on_response = partial(connection.proxy.stop_listening, last=connection)
    drop_response(connection, request)


def drop_request_and_stop(connection: ProxiedConnection, _: bytes) -> None:
    """Close all connections before the request reaches the server, and refuse new ones."""
    connection.proxy.stop_listening(last=connection)


class DelayedRequest:
    """Disconnects the service from its request, which runs right before the next request that contains `until`."""

    def __init__(self, until: str) -> None:
        self.until = until
        self.request = b""
        self.connection: ProxiedConnection | None = None

    def __call__(self, connection: ProxiedConnection, request: bytes) -> None:
        connection.withholds_response = True
        self.connection, self.request = connection, request
        connection.proxy.plan_action(self.until, run_before(self.execute_request))
        close_socket(connection.client)

    def execute_request(self) -> None:
        """Send the request and wait until PostgreSQL has executed it."""
        assert self.connection is not None
        self.connection.send_to_server(self.request)
        assert self.connection.response_received.wait(TIMEOUT_SECONDS)


def read_startup_message(stream: BufferedReader) -> bytes:
    """Read the first message of a connection, the only one without a type."""
    size = stream.read(4)
    return size + stream.read(struct.unpack("!i", size)[0] - 4)


def read_message(stream: BufferedReader) -> bytes:
    """Read the next complete message; empty at the end of the stream."""
    head = stream.read(5)
    if len(head) < 5:
        return b""
    return head + stream.read(struct.unpack("!i", head[1:])[0] - 4)


def format_statement(statement: bytes) -> str:
    """Format a statement on one line."""
    return " ".join(statement.decode().split())


def close_socket(endpoint: socket.socket) -> None:
    """Close a socket in both directions, also while another thread reads from it."""
    with suppress(OSError):
        endpoint.shutdown(socket.SHUT_RDWR)
    endpoint.close()


@contextmanager
def run_proxy(server: Server) -> Iterator[DatabaseProxy]:
    """Run a proxy in front of a server. All connections are closed at the end."""
    with tempfile.TemporaryDirectory(prefix="once-") as folder:
        proxy = DatabaseProxy(server, Path(folder))
        proxy.start_listening()
        try:
            yield proxy
        finally:
            proxy.stop_listening()
