"""A chart in memory, for the steps that write to it (see `integrations.fhir.client.FhirClient`)."""

from contracts.errors import FhirError, FhirFault
from integrations.fhir.client import Resource


class Chart:
    """Numbers versions. With `lies` it says that it has written, and has not; with `loses`, the other way round."""

    def __init__(self) -> None:
        self.kept: dict[str, Resource] = {}
        self.lies = self.loses = False

    def bundle(self, entries: list[Resource]) -> None:
        for entry in entries if not self.lies else ():
            body = entry["resource"]
            version = int(self.kept.get(body["id"], {"meta": {"versionId": "0"}})["meta"]["versionId"]) + 1
            self.kept[body["id"]] = body | {"meta": body.get("meta", {}) | {"versionId": str(version)}}
        if self.loses:
            raise FhirError(FhirFault.UNREACHABLE, "no answer", retryable=True)

    def find(self, _type: str, id_: str) -> Resource | None:
        return self.kept.get(id_)
