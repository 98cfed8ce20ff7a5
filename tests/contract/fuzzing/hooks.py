"""What schemathesis is taught of this service: to log in, to ask for things that exist, and to leave its own way in alone.

Reads the world (world.py) from the file that FUZZ_WORLD names. What is changed in a request is drawn from the request
itself, so that the same seed asks the same questions.
"""

import json
import os
import re
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import schemathesis
from hypothesis import strategies as st
from schemathesis.core.failures import Failure
from schemathesis.core.parameters import ParameterLocation

import world

WORLD = json.loads(Path(os.environ["FUZZ_WORLD"]).read_text())
BASE = os.environ["FUZZ_SERVICE"]
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# Which kind of thing a parameter or a field names, where its name doesn't tell (`team_id`).
KINDS = {
    "activity": "activities",
    "file": "evidence-files",
    "lead_team": "teams",
    "locality": "localities",
    "parent": "org-units",
    "period": "reporting-periods",
    "series": "activity-series",
    "from": "org-units",
    "within": "org-units",
    "owner": "users",
    "actor": "users",
    "digital_group": "digital-groups",
    "org_unit": "org-units",
    "resource": "teams",
}
# How many ids of a kind are kept: those of the world, and the latest that the service told of.
KEPT = 60


# The one media type of the contract of which schemathesis has no sample.
PDF = b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n<</Type/Pages/Kids[]/Count 0>>\nendobj\n"
PDF += b"trailer\n<</Root 1 0 R>>\n%%EOF\n"
schemathesis.openapi.media_type("application/pdf", st.binary(max_size=200) | st.binary(max_size=200).map(PDF.__add__))


class Known:
    """The ids that exist, by kind."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.kinds: dict[str, list[str]] = {kind: list(ids) for kind, ids in WORLD["ids"].items()}
        self.all = {one for ids in self.kinds.values() for one in ids}
        self.all |= {one for pairs in WORLD["pairs"].values() for pair in pairs for one in pair}
        self.protected = set(WORLD["protected"])

    def learn(self, kind: str, one: str) -> None:
        with self.lock:
            ids = self.kinds.setdefault(kind, [])
            if one not in self.all and one not in self.protected:
                self.all.add(one)
                ids.append(one)
                if len(ids) > KEPT:
                    ids.pop(KEPT // 3)

    def one(self, kind: str | None, like: str) -> str:
        """An id of a kind, chosen by the generated one; that stays now and then: what isn't there is asked for too."""
        ids = self.kinds.get(kind or "", [])
        draw = zlib.crc32(like.encode())
        if not ids or like in self.all or draw % 8 == 0:
            return like
        return ids[(draw >> 3) % len(ids)]


KNOWN = Known()


def kind_of(field: str) -> str | None:
    """The kind of thing that a field's or parameter's name speaks of."""
    name = re.sub(r"_ids?$", "", field)
    return KINDS.get(name, name + "s") if name != field or name in ("from", "within") else None


def collection(path: str) -> str:
    """`teams` of `/v1/teams/{id}/ready`, `org-units/reorganisations` of `/v1/org-units/reorganisations/{id}`."""
    return path.split("/{", 1)[0].removeprefix("/v1/")


def with_real_ids(value: object, field: str = "") -> object:
    if isinstance(value, dict):
        return {name: with_real_ids(member, name) for name, member in value.items()}
    if isinstance(value, list):
        return [with_real_ids(item, field) for item in value]
    if type(value) is str and UUID.fullmatch(value):
        return KNOWN.one(kind_of(field), value)
    if field == "url" and isinstance(value, str) and re.match("https?://", value, re.IGNORECASE):
        # Webhooks are really sent, and nobody else's computer shall hear of this test.
        return f"https://nhan.invalid/{zlib.crc32(value.encode())}"
    return value


def real_path(case: schemathesis.Case) -> dict:
    """The path's parameters, those that are sound replaced by such that exist."""
    given = dict(case.path_parameters)
    sound = [name for name, value in given.items() if type(value) is str and UUID.fullmatch(value)]
    template = next((t for t in WORLD["pairs"] if case.path.startswith(t)), None)
    if template and len(sound) == len(given) == 2:
        first, second = given.values()
        draw = zlib.crc32(second.encode())
        if second not in KNOWN.all and draw % 8:
            pairs = WORLD["pairs"][template]
            return dict(zip(given, pairs[(draw >> 3) % len(pairs)], strict=True))
    for name in sound:
        given[name] = KNOWN.one(collection(case.path) if name == "id" else kind_of(name), given[name])
        if given[name] in KNOWN.protected and case.method != "GET":
            given[name] = KNOWN.one(collection(case.path), given[name])
    return given


@schemathesis.hook
def before_call(context, case, kwargs):
    phase = case.meta.phase.name.value if case.meta else None
    positive = case.meta is None or case.meta.generation.mode.is_positive
    if case.path_parameters:
        case.path_parameters = real_path(case)
    if case.query:
        query = {name: with_real_ids(value, name) for name, value in case.query.items() if name != "id"}
        if isinstance(case.query.get("id"), str):
            query["id"] = KNOWN.one(collection(case.path), case.query["id"])
        if phase == "stateful" and positive:
            # What was only rehearsed isn't there afterwards: the checks of this phase expect that it is.
            query.pop("dry_run", None)
        if query != case.query:
            case.query = query
    tag = case.headers.get("If-Match")
    if case.method != "PUT" and type(tag) is str and tag and zlib.crc32(tag.encode()) % 8:
        case.headers["If-Match"] = "*"
    if isinstance(case.body, (dict, list)):
        body = with_real_ids(case.body)
        taken = WORLD["taken"].get(f"{case.method} {case.path}")
        if taken and positive and isinstance(body, dict) and phase in ("fuzzing", "stateful"):
            # Rules across fields refuse nearly everything that is drawn blindly: some fields are taken from a body that
            # was accepted, so that what is behind the rules is reached too.
            draw = zlib.crc32(json.dumps(body, sort_keys=True, default=str).encode())
            whole = taken[draw % len(taken)]
            kept = {name: value for number, (name, value) in enumerate(whole.items()) if draw >> (number % 24 + 4) & 3}
            body = {**{name: value for name, value in body.items() if draw % 3 or name in whole}, **kept}
        if body != case.body:
            case.body = body


@schemathesis.hook
def after_call(context, case, response):
    if not 200 <= response.status_code < 300 or case.query.get("dry_run") not in (None, False, "false"):
        return
    try:
        answer = response.json()
    except ValueError:
        return
    if case.path.count("{") or not isinstance(answer, dict):
        return
    for item in [answer, *(answer.get("data") or [])][:20]:
        if isinstance(item, dict) and isinstance(item.get("id"), str):
            KNOWN.learn(collection(case.path), item["id"])


class Caller:
    """A token of an administrator. Tokens are good for 15 minutes, and are fetched anew every five."""

    def get(self, case, context):
        return world.log_in(BASE, WORLD["caller"], world.CALLER_PASSWORD)

    def set(self, case, token, context):
        case.headers["Authorization"] = f"Bearer {token}"


class Passerby(Caller):
    """For what one does with one's own account, each time a new one: it may lock itself out, guess its password wrong
    too often, or switch a second factor on."""

    def get(self, case, context):
        api = world.Api(BASE, WORLD["caller"], world.CALLER_PASSWORD)
        name, ids = world.new_administrator(api, WORLD["centre"])
        for one in ids:
            KNOWN.protected.add(one)
        return world.log_in(BASE, name, world.CALLER_PASSWORD)


schemathesis.auth().apply_to(path_regex="^/v1/me")(Passerby)
schemathesis.auth().skip_for(path_regex="^/v1/me")(Caller)

# Faults of form: what the document says itself, so that what it allows can't have them.
FORM = {
    *("malformed_json", "invalid_parameter", "unknown_parameter", "unsupported_media_type", "validation_failed"),
    *("unknown_field", "required", "wrong_type", "not_allowed_value", "out_of_range", "too_long", "too_short"),
    *("too_many", "too_few", "bad_format", "not_unique", "nul_character", "duplicate_key", "if_match_required"),
}
# The same codes, where they tell of a rule that JSON Schema can't state: of what code at what place, and which rule.
RULES = [
    (r"(bad_format|not_allowed_value|required|too_many|too_few) /recurrence", "the grammar of RFC 5545, and what comes of it"),
    (r"not_allowed_value /(starts_at|exdates/\d+)", "a day of the recurrence"),
    (r"wrong_type /time_zone", "a name of IANA's database"),
    (r"not_allowed_value /strand", "one of the campaign's own strands"),
    (r"not_unique /(capability|skills|strands|outputs|lines|targets|weights)/\d+.*", "one of each day, topic, code, unit"),
    (r"out_of_range /(due_on|joined_on|birth_date)", "a day before or after another one"),
    (r"not_allowed_value /(grants/\d+/)?team_id", "only together with the role `team_leader`"),
    (r"too_(many|few) /lines", "none together with `from_tallies`, some without"),
    (r"out_of_range /from_tallies", "the sum of what was tallied"),
    (r"required /(reason|total|targets/\d+/version)", "wanted when something is there already"),
    (r"out_of_range /weights", "their sum"),
    (r"\w+ /changes/\d+.*", "what each kind of reorganisation takes, and of which units"),
    (r"(bad_format|not_allowed_value) /url", "an address that the operator lets webhooks reach"),
    (r"(too_many|not_allowed_value) /duplicate_result_id", "one of the two, and only of a duplicate"),
    (r"(required|too_many) /evidence/\d+/(url|file_id)", "one of the two"),
    (r"too_many /campaign_id", "how many periods come of a campaign's days"),
    (r"required ", "what a team lacks to be ready"),
    (r"not_allowed_value parent_id", "none but the unit of whose children is asked"),
    (r"not_allowed_value (indicator_id|group_by|difficulty|team_kind|topic|audience|as_of|series)", "what the indicator adds up, and till when"),
]


class RefusedByTheSchema(Failure):
    """Data that the document allows was refused for its form."""

    __slots__ = ("faults",)

    def __init__(self, operation: str, faults: list[str]):
        title = "Refused for its form, which the document allows"
        super().__init__(operation=operation, title=title, message="\n".join(faults[:20]))
        self.faults = faults

    @property
    def _unique_key(self) -> str:
        return re.sub(r"\d+", "n", self.faults[0])


def faults_of_form(method: str, problem: object) -> Iterator[str]:
    if isinstance(problem, dict):
        for fault in problem.get("errors") or [problem]:
            # A rule for one result is the same for one of many.
            at = re.sub(r"^/(results|operations)/\d+(/body)?(?=/)", "", fault.get("pointer", fault.get("parameter", "")))
            told = f"{fault.get('code')} {at}"
            if fault.get("code") == "if_match_required" and method == "PUT":
                continue  # It is there already.
            if fault.get("code") in FORM and not any(re.fullmatch(rule, told) for rule, _ in RULES):
                yield told


# What takes many at once, and tells of each by itself: the whole is 200.
EACH_BY_ITSELF = {"create_results", "verify_results", "create_tallies", "sync_operations"}


class UnsoundTaken(Failure):
    """One of many was unsound, and none was rejected."""


@schemathesis.check
def unsound_items_are_rejected(ctx, response, case):
    """What `negative_data_rejection`, told to take 200 from these, would else pass over."""
    if case.operation.definition.raw.get("operationId") not in EACH_BY_ITSELF or response.status_code != 200:
        return
    meta = case.meta
    if meta is None or not meta.is_negative_at(ParameterLocation.BODY):
        return
    if not response.json()["rejected"]:
        raise UnsoundTaken(operation=case.operation.label, title="An unsound item is not rejected", message=response.text)


@schemathesis.check
def refused_by_the_schema(ctx, response, case):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code not in (400, 412, 415, 422, 428):
        return
    try:
        faults = list(faults_of_form(case.method, response.json()))
    except ValueError:
        return
    if faults:
        raise RefusedByTheSchema(case.operation.label, faults)
