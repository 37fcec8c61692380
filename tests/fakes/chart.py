"""Charts in memory: for the steps that write, and one as strict as a hospital's server (see `FhirClient`)."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import httpx

from contracts.errors import FhirError, FhirFault
from integrations.fhir.client import FhirClient, Resource

BASE = "http://chart.test/fhir"


class Chart:
    """Numbers versions. With `lies` it says that it has written, and has not; with `loses`, the other way round.

    Without `counts` a search has no total.
    """

    def __init__(self) -> None:
        self.kept: dict[str, Resource] = {}
        self.lies = self.loses = False
        self.counts = True

    def bundle(self, entries: list[Resource]) -> None:
        for entry in entries if not self.lies else ():
            body = entry["resource"]
            version = int(self.kept.get(body["id"], {"meta": {"versionId": "0"}})["meta"]["versionId"]) + 1
            self.kept[body["id"]] = body | {"meta": body.get("meta", {}) | {"versionId": str(version)}}
        if self.loses:
            raise FhirError(FhirFault.UNREACHABLE, "no answer", retryable=True)

    def read(self, type_: str, id_: str, _most_bytes: int | None = None) -> Resource:
        found = self.find(type_, id_)
        if found is None:
            raise FhirError(FhirFault.MISSING, "GET answered 404")
        return found

    def pages(self, query: str) -> Iterator[list[Resource]]:
        """Yield one page; of a query only its type counts, and its tag."""
        type_, _, parameters = query.partition("?")
        of_type = [body for body in self.kept.values() if body["resourceType"] == type_]
        tag = parameters.partition("_tag=")[2].partition("&")[0].partition("|")[2]
        yield [body for body in of_type if not tag or tag in [t["code"] for t in body["meta"].get("tag", ())]]

    def search(self, query: str) -> list[Resource]:
        return [body for page in self.pages(query) for body in page]

    def count(self, query: str) -> int | None:
        return len(self.search(query)) if self.counts else None

    def find(self, _type: str, id_: str) -> Resource | None:
        return self.kept.get(id_)


class StrictServer:
    """A FHIR server over httpx's own transport, as strict as the one of the integrator's review.

    Metadata is for all, everything else for who has the token. `refused` are types that it lets nobody search, each
    with its status and words; `subscriptions` is what it does with one: `active`, `requested` (and so it stays), or
    `refused`. With `rolls_back` false, the entries of a transaction stand each for itself; with `writes` false, every
    write is forbidden. `silent` types time out.
    """

    def __init__(self, token: str = "t0ken") -> None:
        self.token = token
        self.refused: dict[str, tuple[int, str]] = {
            "Binary": (400, "Cannot search on Binary resource type"),
            "Media": (403, "Forbidden"),
        }
        self.silent: set[str] = set()
        self.subscriptions = "active"
        self.rolls_back, self.writes, self.checks_versions = True, True, True
        self.kept: dict[tuple[str, str], Resource] = {}
        self.asked: list[str] = []
        self._made = 0

    def client(self, token: str = "t0ken") -> FhirClient:
        return FhirClient(BASE, token, transport=httpx.MockTransport(self))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/fhir").strip("/")
        self.asked.append(f"{request.method} {path}")
        type_, _, id_ = path.partition("/")
        if path == "metadata":
            return httpx.Response(200, json={"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return _outcome(401, "Unauthorized")
        if type_ in self.silent:
            raise httpx.ReadTimeout("silent", request=request)
        if request.method == "GET":
            return self._read(type_, id_) if id_ else self._search(type_, parse_qs(request.url.query.decode()))
        if not self.writes:
            return _outcome(403, "Forbidden")
        if request.method == "DELETE":
            return httpx.Response(204 if self.kept.pop((type_, id_), None) else 404)
        body = json.loads(request.content)
        return self._transaction(body["entry"]) if not path else self._put(body)

    def changed(self, type_: str, id_: str, **content: Any) -> Resource:
        """Have the hospital write a resource."""
        body = {"resourceType": type_, "id": id_, **content}
        return self._keep(body)

    def _keep(self, body: Resource) -> Resource:
        self._made += 1
        before = self.kept.get((body["resourceType"], body["id"]))
        version = int(before["meta"]["versionId"]) + 1 if before else 1
        meta = {"versionId": str(version), "lastUpdated": f"2026-01-05T08:30:00.{self._made:03}Z"}
        self.kept[body["resourceType"], body["id"]] = body | {"meta": meta}
        return self.kept[body["resourceType"], body["id"]]

    def _read(self, type_: str, id_: str) -> httpx.Response:
        if type_ == "Subscription" and self.subscriptions == "refused":
            return _outcome(403, "No subscriptions for this client")
        found = self.kept.get((type_, id_))
        return httpx.Response(200, json=found) if found else _outcome(404, "Not found")

    def _search(self, type_: str, query: dict[str, list[str]]) -> httpx.Response:
        if type_ in self.refused:
            return _outcome(*self.refused[type_])
        found = [r for (kind, _), r in self.kept.items() if kind == type_]
        if "identifier" in query:
            wanted = query["identifier"][0].partition("|")[2]
            found = [r for r in found if any(i["value"] == wanted for i in r.get("identifier", ()))]
        if query.get("_lastUpdated", [""])[0].startswith("ge2999"):
            found = []
        return httpx.Response(200, json={"resourceType": "Bundle", "entry": [{"resource": r} for r in found]})

    def _put(self, body: Resource) -> httpx.Response:
        if body["resourceType"] == "Subscription":
            if self.subscriptions == "refused":
                return _outcome(400, "Invalid id")
            body = body | {"status": self.subscriptions}
        return httpx.Response(200, json=self._keep(body))

    def _transaction(self, entries: list[Resource]) -> httpx.Response:
        before, answers = dict(self.kept), list[Resource]()
        for entry in entries:
            body, request = entry["resource"], entry["request"]
            fails = "ifMatch" in request and self.checks_versions and (body["resourceType"], body["id"]) not in before
            if fails and self.rolls_back:
                self.kept = before
                return _outcome(412, "If-Match")
            if fails:
                answers.append({"response": {"status": "404"}})
                continue
            kept = self._keep({"id": f"server-{self._made}", **body})
            location = f"{BASE}/{kept['resourceType']}/{kept['id']}/_history/1"
            answers.append({"response": {"status": "201", "location": location}})
        return httpx.Response(200, json={"resourceType": "Bundle", "entry": answers})


def _outcome(status: int, words: str) -> httpx.Response:
    issue = {"severity": "error", "code": "invalid", "diagnostics": words}
    return httpx.Response(status, json={"resourceType": "OperationOutcome", "issue": [issue]})
