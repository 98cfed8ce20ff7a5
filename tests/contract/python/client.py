"""A program over the client that openapi-python-client generates from openapi/openapi.json.

Usage: client.py CONTRACT DIRECTORY     (the directory in which the package `tinhnguyen` was generated)

Every module of the package is imported, every example of the contract goes through its models and comes out as it was, and a
request is made against a stand-in for the service.
"""

import importlib
import json
import pkgutil
import sys
from datetime import datetime
from pathlib import Path

contract, directory = sys.argv[1:]
sys.path.insert(0, directory)
import httpx
import tinhnguyen
from tinhnguyen import models
from tinhnguyen.api.results import list_results

modules = [found.name for found in pkgutil.walk_packages(tinhnguyen.__path__, "tinhnguyen.")]
for name in modules:
    importlib.import_module(name)


def same(value):
    """Instants are written in two ways."""
    if isinstance(value, dict):
        return {key: same(one) for key, one in value.items()}
    if isinstance(value, list):
        return [same(one) for one in value]
    if isinstance(value, str) and len(value) >= 20 and value[10] == "T":
        return datetime.fromisoformat(value)
    return value


document = json.loads(Path(contract).read_text(encoding="utf-8"))
tried = 0
for path, item in document["paths"].items():
    for method, operation in item.items():
        bodies = [operation.get("requestBody", {})] + list(operation["responses"].values())
        for media in (body.get("content", {}).get("application/json") for body in bodies):
            name = (media or {}).get("schema", {}).get("$ref", "").rpartition("/")[2]
            if not name or "properties" not in document["components"]["schemas"][name]:
                continue
            example = media["example"]
            again = getattr(models, name).from_dict(json.loads(json.dumps(example))).to_dict()
            assert same(again) == same(example), f"{method} {path} {name}:\n{example}\n{again}"
            tried += 1
assert tried > 150, f"only {tried} examples"

page = document["paths"]["/v1/results"]["get"]["responses"]["200"]["content"]["application/json"]["example"]


def service(request):
    assert request.url.path == "/v1/results" and request.url.params["limit"] == "2", request.url
    assert request.headers["authorization"] == "Bearer token", request.headers
    return httpx.Response(200, json=page)


client = tinhnguyen.AuthenticatedClient(
    base_url="http://127.0.0.1:8080", token="token", httpx_args={"transport": httpx.MockTransport(service)}
)
answer = list_results.sync(client=client, limit=2)
assert isinstance(answer, models.ResultPage) and answer.data[0].turns == page["data"][0]["turns"], answer
print(f"{len(modules)} modules, {tried} examples")
