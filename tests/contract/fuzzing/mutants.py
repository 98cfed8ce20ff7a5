"""A service that breaks its contract on purpose, in one way at a time: a proxy before the true one. What the checks don't
notice here they wouldn't notice there."""

import http.client
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

# Headers of one connection, which a proxy writes anew.
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date"}


@dataclass
class Exchange:
    """What was asked, and what is answered."""

    method: str
    path: str
    asked: dict[str, str]
    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""

    def json(self) -> object:
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def header(self, name: str, value: str | None) -> None:
        """Sets a header of the answer, or leaves it out."""
        self.headers = [(n, v) for n, v in self.headers if n.lower() != name.lower()]
        if value is not None:
            self.headers.append((name, value))

    def becomes(self, status: int, body: object, kind: str = "application/json") -> None:
        self.status, self.body = status, json.dumps(body).encode()
        self.header("content-type", kind)


@dataclass
class Mutant:
    """One way to break the contract."""

    what: str
    # Which operations are asked, and which of schemathesis' failures must come of it.
    operations: list[str]
    caught_as: set[str]
    after: Callable[[Exchange], None] = lambda _: None
    before: Callable[[Exchange], None] = lambda _: None


def on_team(change: Callable[[dict], object]) -> Callable[[Exchange], None]:
    def after(exchange: Exchange) -> None:
        team = exchange.json()
        if exchange.status == 200 and isinstance(team, dict) and "version" in team:
            change(team)
            exchange.body = json.dumps(team).encode()

    return after


def on_status(status: int, change: Callable[[Exchange], None]) -> Callable[[Exchange], None]:
    def after(exchange: Exchange) -> None:
        if exchange.status == status:
            change(exchange)

    return after


class Remembered:
    """The last team that was answered: what a broken service would give to anybody."""

    def __init__(self, which: Callable[[Exchange], bool]):
        self.which = which
        self.team: dict | None = None

    def __call__(self, exchange: Exchange) -> None:
        answer = exchange.json()
        if exchange.status in (200, 201) and isinstance(answer, dict) and "version" in answer:
            self.team = answer
        elif self.team and self.which(exchange):
            exchange.becomes(201 if exchange.method == "POST" else 200, self.team)


def take_any_version(exchange: Exchange) -> None:
    exchange.asked.setdefault("If-Match", "*")


def refuse_the_sound(exchange: Exchange) -> None:
    fault = {"pointer": "/name", "code": "too_long", "message": "Quá dài", "limit": 3}
    problem = {
        **{"type": "/problems/validation_failed", "title": "Nội dung không hợp lệ", "status": 422, "detail": "…"},
        **{"instance": exchange.path, "code": "too_long", "request_id": "x", "errors": [fault]},
    }
    exchange.becomes(422, problem, "application/problem+json")


GET, MAKE, CHANGE = ["get_team"], ["create_team"], ["patch_team"]
SCHEMA = {"JsonSchemaError"}


def plain_json(exchange: Exchange) -> None:
    exchange.header("content-type", "application/json")


def answers(status: int) -> Callable[[Exchange], None]:
    return lambda exchange: setattr(exchange, "status", status)


MUTANTS = [
    Mutant("a field is missing in an answer", GET, SCHEMA, on_team(lambda team: team.pop("name"))),
    Mutant("a number is sent as text", GET, SCHEMA, on_team(lambda team: team.update(version=str(team["version"])))),
    Mutant("a word that no enum has", GET, SCHEMA, on_team(lambda team: team.update(status="asleep"))),
    Mutant("an instant without its zone", GET, SCHEMA, on_team(lambda team: team.update(created_at="2024-07-01 08:30"))),
    Mutant("problems are plain JSON", GET, {"UndefinedContentType"}, on_status(400, plain_json)),
    Mutant("a status that is not declared", GET, {"UndefinedStatusCode"}, on_status(400, answers(410))),
    Mutant("an error of the service's own", GET, {"ServerError"}, on_status(400, answers(500))),
    Mutant("a promised header is left out", GET, {"MissingHeaders"}, lambda e: e.header("x-request-id", None)),
    Mutant("405 says not what is allowed", GET, {"UnsupportedMethodResponse"}, on_status(405, lambda e: e.header("allow", None))),
    Mutant("unsound data are taken", MAKE, {"AcceptedNegativeData"}, Remembered(lambda e: e.status == 422)),
    Mutant("sound data are refused", MAKE, {"RefusedByTheSchema"}, on_status(201, refuse_the_sound)),
    Mutant("nobody is asked who they are", GET, {"IgnoredAuth"}, Remembered(lambda e: e.status == 401)),
    Mutant("If-Match may be left out", CHANGE, {"MissingHeaderNotRejected"}, before=take_any_version),
]


class Proxy:
    """Stands before the service at `base`; ends with the `with` block."""

    def __init__(self, base: str, mutant: Mutant):
        there = urlsplit(base).netloc

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                length = int(self.headers.get("content-length") or 0)
                asked = {n: v for n, v in self.headers.items() if n.lower() not in HOP and n.lower() != "accept-encoding"}
                exchange = Exchange(self.command, self.path, asked)
                body = self.rfile.read(length)
                mutant.before(exchange)
                connection = http.client.HTTPConnection(there, timeout=60)
                connection.putrequest(exchange.method, exchange.path, skip_host=True, skip_accept_encoding=True)
                for name, value in exchange.asked.items():
                    connection.putheader(name, value.encode("latin-1"))
                connection.putheader("content-length", str(length))
                connection.endheaders(body)
                answer = connection.getresponse()
                exchange.status, exchange.body = answer.status, answer.read()
                exchange.headers = [(n, v) for n, v in answer.getheaders() if n.lower() not in HOP]
                connection.close()
                mutant.after(exchange)
                self.send_response_only(exchange.status)
                for name, value in exchange.headers:
                    self.send_header(name, value)
                self.send_header("content-length", str(len(exchange.body)))
                self.end_headers()
                if exchange.method != "HEAD":
                    self.wfile.write(exchange.body)
                self.wfile.flush()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> "Proxy":
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
