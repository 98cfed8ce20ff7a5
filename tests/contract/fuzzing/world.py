"""A service on a database of its own, and a small world in it: one or more of everything that has an id, in the states
from which each action starts. Made through the API alone; the bodies that were taken are remembered."""

import json
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
import zlib
from pathlib import Path

PASSWORD = "mat-khau-quan-tri-01"
CALLER_PASSWORD = "mat-khau-nguoi-thu-01"


def picture(shade: int) -> bytes:
    """A PNG of one grey pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head, pixel = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0), zlib.compress(bytes([0, shade]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


class Service:
    """The binary, on a fresh database. Ends with the `with` block."""

    def __init__(self, binary: Path, database_url: str, directory: Path):
        directory.mkdir(parents=True)
        (directory / "password").write_text(PASSWORD + "\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.base = f"http://127.0.0.1:{port}"
        self.log = directory / "log"
        with self.log.open("wb") as log:
            self.child = subprocess.Popen(
                [
                    *(binary, "serve", "--listen", f"127.0.0.1:{port}", "--data-dir", "data", "--log", "warn"),
                    *("--admin-password-file", "password", "--database-url", database_url),
                ],
                cwd=directory,
                env={},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def __enter__(self) -> "Service":
        started = time.monotonic()
        while True:
            try:
                with urllib.request.urlopen(self.base + "/readyz", timeout=5):
                    return self
            except OSError:
                if self.child.poll() is not None or time.monotonic() - started > 120:
                    self.child.kill()
                    raise SystemExit(f"the service does not start:\n{self.log.read_text()[-4000:]}") from None
                time.sleep(0.1)

    def __exit__(self, *_: object) -> None:
        self.child.terminate()
        try:
            self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class Api:
    """Somebody who calls the API. Remembers the body of every `POST` that was taken, by its path's template."""

    def __init__(self, base: str, username: str, password: str):
        self.base = base
        self.taken: dict[str, list] = {}
        self.token = log_in(base, username, password)

    def call(self, method: str, path: str, body: object = None, template: str | None = None):
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        if method == "POST":
            headers["if-match"] = "*"
        if isinstance(body, bytes):
            headers["content-type"], data = "image/png", body
        else:
            data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, headers, method=method)
        while True:
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    text = answer.read()
                break
            except urllib.error.HTTPError as refused:
                # A machine that is busy with other things: as the answer says, later.
                if refused.code != 503:
                    raise SystemExit(f"{method} {path}: {refused.code} {refused.read().decode()}") from None
                time.sleep(int(refused.headers["retry-after"]))
        if isinstance(body, dict):
            self.taken.setdefault(f"{method} {template or path}", []).append(body)
        return json.loads(text) if text else None

    def get(self, path: str):
        return self.call("GET", path)

    def post(self, path: str, body: object = None, template: str | None = None):
        return self.call("POST", path, body, template)


def log_in(base: str, username: str, password: str) -> str:
    form = urllib.parse.urlencode({"grant_type": "password", "username": username, "password": password}).encode()
    with urllib.request.urlopen(base + "/v1/auth/token", form, timeout=60) as answer:
        return json.loads(answer.read())["access_token"]


def new_administrator(api: Api, centre: str) -> tuple[str, list[str]]:
    """A new administrator's name, and the ids of the account and its grant."""
    name = f"nguoi-thu-{uuid.uuid4().hex[:12]}"
    user = api.post("/v1/users", {"username": name, "full_name": "Người Thử", "password": CALLER_PASSWORD})
    grant = api.post("/v1/grants", {"user_id": user["id"], "role": "administrator", "org_unit_id": centre})
    return name, [user["id"], grant["id"]]


def make(base: str) -> dict:
    """Makes the world. Gives ids by kind, bodies by operation, and what must be left alone."""
    api = Api(base, "admin", PASSWORD)
    ids: dict[str, list[str]] = {}
    # Ids below something: `/v1/teams/{id}/members/{member_id}` exists for few pairs only.
    pairs: dict[str, list[list[str]]] = {}

    def note(kind: str, *things: dict) -> None:
        ids.setdefault(kind, []).extend(thing["id"] for thing in things)

    def pair(template: str, above: dict, below: dict) -> None:
        pairs.setdefault(template, []).append([above["id"], below["id"]])

    campaign = api.get("/v1/campaigns")["data"][0]
    indicators = api.get("/v1/indicators")["data"]
    centre = api.get("/v1/org-units?kind=central")["data"][0]
    provinces = api.get("/v1/org-units?kind=province&limit=6")["data"]
    wards = api.get("/v1/localities?kind=commune&as_of=2024-07-01&limit=8")["data"]
    province = api.get("/v1/localities?kind=province&as_of=2024-07-01&limit=2")["data"]
    note("campaigns", campaign)
    note("indicators", *indicators)
    note("org-units", centre, *provinces)
    note("localities", *wards, *province)

    caller, protected = new_administrator(api, centre["id"])
    administrator = api.get("/v1/users?username=admin")["data"][0]
    protected.append(administrator["id"])
    protected.extend(grant["id"] for grant in api.get(f"/v1/grants?user_id={administrator['id']}")["data"])
    protected.append(centre["id"])

    weeks = []
    for number in range(3):
        first = 8 * number + 1
        weeks.append(
            api.post(
                "/v1/reporting-periods",
                {
                    **{"campaign_id": campaign["id"], "code": f"2024-T7-{number}", "name": f"Bản tin {number}"},
                    **{"starts_on": f"2024-07-{first:02}", "ends_on": f"2024-07-{first + 6:02}"},
                    "due_on": f"2024-07-{first + 7:02}",
                },
            )
        )
    note("reporting-periods", *weeks)

    for number, unit in enumerate(provinces[:4]):
        own = unit["id"]
        ward = wards[number]["id"]
        below = {"code": f"XA-{number}", "name": f"Đoàn xã {number}", "kind": "commune", "parent_id": own}
        commune = api.post("/v1/org-units", {**below, "valid_from": "2024-01-01"})
        note("org-units", commune)
        rename = {"kind": "rename", "from": [commune["id"]], "into": [{"name": f"Đoàn xã mới {number}"}]}
        note(
            "org-units/reorganisations",
            api.post("/v1/org-units/reorganisations", {"effective_on": f"2024-07-1{number}", "changes": [rename]}),
        )
        for target, value in ((own, 1000), (commune["id"], 40)):
            for indicator in indicators[:1]:
                path = f"/v1/indicators/{indicator['id']}/targets/{target}"
                api.call("PUT", path, {"value": value}, "/v1/indicators/{id}/targets/{org_unit_id}")
                pairs.setdefault("/v1/indicators/{id}/targets/{org_unit_id}", []).append([indicator["id"], target])

        user = api.post("/v1/users", {"username": f"can-bo-{number}", "full_name": "Cán Bộ", "password": PASSWORD})
        note("users", user)
        note("grants", api.post("/v1/grants", {"user_id": user["id"], "role": "viewer", "org_unit_id": own}))
        note(
            "invitations",
            api.post(
                "/v1/invitations",
                {
                    **{"email": f"can-bo-{number}@example.org", "full_name": "Nguyễn Văn Mẫu"},
                    "grants": [{"role": "verifier", "org_unit_id": own}],
                },
            ),
        )
        client = api.post("/v1/clients", {"name": f"Cổng {number}", "org_unit_id": own, "scopes": ["teams:read"]})
        note("clients", client)
        pair("/v1/clients/{id}/secrets/{secret_id}", client, client["secrets"][0])
        hook = {"url": "https://nhan.invalid/tinhnguyen", "event_types": ["team.changed"], "org_unit_id": own}
        note("webhooks", api.post("/v1/webhooks", hook))
        extension = {"period_id": weeks[0]["id"], "org_unit_id": own, "due_on": "2024-07-20", "reason": "Bão số 2"}
        note("reporting-extensions", api.post("/v1/reporting-extensions", extension))
        group = {"org_unit_id": own, "locality_id": ward, "name": f"Tổ số {number}", "members_count": 7}
        contact = {"full_name": "Trần Thị Hoa", "phone": f"0987 654 32{number}", "email": None}
        note("digital-groups", api.post("/v1/digital-groups", {**group, "lead_contact": contact}))

        def volunteer(name: str) -> dict:
            made = api.post(
                "/v1/volunteers",
                {
                    **{"full_name": name, "birth_date": "2003-04-05", "sex": "female", "occupation": "student"},
                    **{"org_unit_id": own, "skills": [{"topic": "cyber_safety", "level": "good"}], "can_teach": True},
                    "consent": {"given_at": "2024-05-20T02:30:00Z", "purposes": ["tham gia chiến dịch"]},
                },
            )
            note("volunteers", made)
            return made

        def team(*actions: str) -> dict:
            made = api.post(
                "/v1/teams",
                {
                    **{"campaign_id": campaign["id"], "org_unit_id": own, "kind": "digital_summer"},
                    **{"name": "Đội hình Mùa hè số", "modes": ["in_place"], "locality_ids": [ward]},
                    **{"starts_on": "2024-06-01", "ends_on": "2024-08-31"},
                },
            )
            note("teams", made)
            lead = {"user_id": user["id"], "role": "team_leader", "org_unit_id": own, "team_id": made["id"]}
            note("grants", api.post("/v1/grants", lead))
            for action in actions:
                api.post(f"/v1/teams/{made['id']}/{action}")
            # Afterwards: the summer is long over, and a team whose members have all left can't be made ready.
            for role in ("leader", "member"):
                body = {"volunteer_id": volunteer("Lê Thị Cúc")["id"], "role": role, "joined_on": "2024-06-01"}
                member = api.post(f"/v1/teams/{made['id']}/members", body, "/v1/teams/{id}/members")
                pair("/v1/teams/{id}/members/{member_id}", made, member)
            return made

        volunteer("Phạm Văn Dũng")
        team(), team("ready")
        deployed = team("ready", "deploy")
        other = team("ready", "deploy")
        for at_work in (deployed, other):
            path = f"/v1/teams/{at_work['id']}"
            body = {"period_id": weeks[2]["id"], "reason": "Đội nghỉ để dự thi"}
            pair(
                "/v1/teams/{id}/nil-reports/{nil_report_id}",
                at_work,
                api.post(path + "/nil-reports", body, "/v1/teams/{id}/nil-reports"),
            )
            link = api.post(path + "/calendar-links")
            pair("/v1/teams/{id}/calendar-links/{link_id}", at_work, link)
            held = {
                **{"campaign_id": campaign["id"], "lead_team_id": at_work["id"], "team_ids": [at_work["id"]]},
                **{"locality_id": ward, "kind": "training_class", "topics": ["cyber_safety", "office_software"]},
                **{"title": "Lớp kỹ năng số cho người dân", "mode": "in_person"},
            }
            evenings = {"starts_at": "2024-07-01T12:00:00Z", "ends_at": "2024-07-01T14:00:00Z"}
            series = {**held, **evenings, "recurrence": "FREQ=DAILY;COUNT=3"}
            note("activity-series", api.post("/v1/activity-series", series))
            for day in ("01", "02"):
                hours = {"starts_at": f"2024-07-{day}T01:00:00Z", "ends_at": f"2024-07-{day}T04:00:00Z"}
                activity = api.post("/v1/activities", {**held, **hours})
                note("activities", activity)
                tally = {
                    **{"id": str(uuid.uuid4()), "team_id": at_work["id"], "topic": "cyber_safety"},
                    **{"audience": "residents", "turns": 3, "occurred_at": f"2024-07-{day}T02:00:00Z"},
                }
                path = f"/v1/activities/{activity['id']}/tallies"
                api.post(path, {"tallies": [tally]}, "/v1/activities/{id}/tallies")
                for reported_on, actions in (("03", ()), ("04", ("submit",)), ("05", ("submit", "verify"))):
                    result = api.post(
                        "/v1/results",
                        {
                            **{"activity_id": activity["id"], "team_id": at_work["id"]},
                            "reported_on": f"2024-07-{reported_on}",
                            "lines": [{"topic": "cyber_safety", "audience": "residents", "turns": 40}],
                        },
                    )
                    note("results", result)
                    for action in actions:
                        # Whoever submitted doesn't verify; this one is verified by the caller.
                        if action == "submit":
                            api.post(f"/v1/results/{result['id']}/{action}")
        for shade in range(2):
            note("evidence-files", api.post("/v1/evidence-files", picture(40 * number + shade)))

    note("duplicate-candidates", *api.get("/v1/duplicate-candidates?limit=20")["data"])
    other = Api(base, caller, CALLER_PASSWORD)
    for result in api.get("/v1/results?status=submitted&limit=5")["data"]:
        other.post(f"/v1/results/{result['id']}/verify")
    return {"ids": ids, "pairs": pairs, "taken": api.taken, "protected": protected, "caller": caller, "centre": centre["id"]}
