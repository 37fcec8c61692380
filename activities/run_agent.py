"""Run a pathway's graph on a frozen chart."""

import asyncio
from dataclasses import dataclass

from temporalio import activity

from activities.boundary import boundary
from activities.heartbeats import beating
from activities.world import World
from agents.pathway import Ports, suggest
from contracts.cases import AgentRequest, AgentResult
from contracts.errors import Fallback, ModelError
from contracts.model_calls import ChatRequest, ModelCall
from integrations import traces
from integrations.inference import router
from integrations.inference.chat import ChatClient
from integrations.ledger import calls, switches
from integrations.ledger.attestation import Kind, Row
from integrations.ledger.audit import Action


class RecordedChat:
    """A model whose answers are in the ledger before they are used, and are read back instead of asked again.

    The record is the graph's checkpoint: after a crash the graph runs from its start and finds its answers.
    """

    def __init__(self, world: World, request: AgentRequest, client: ChatClient) -> None:
        self._world, self.client, self._asks = world, client, not request.rules_only
        self._case, self._version, self._pathway = request.ref.case_id, request.version, request.ref.pathway

    async def ask(self, request: ChatRequest) -> ModelCall:
        barred = await asyncio.to_thread(self._barred)
        if barred:
            raise ModelError(barred)
        recorded = await asyncio.to_thread(self._recorded, request.sha256())
        if recorded:
            return _stated(recorded)
        if not self._asks:
            raise ModelError(Fallback.UNREACHABLE)
        try:
            with traces.span("model", role=self.client.endpoint.name, step=request.step):
                call = await self.client.ask(request)
        except ModelError as fault:
            if fault.kind == Fallback.FORBIDDEN:
                await asyncio.to_thread(self._audit_refusal)
            raise
        call = _stated(call)
        await asyncio.to_thread(self._record, call)
        return call

    def _barred(self) -> Fallback | None:
        endpoint = self.client.endpoint
        with self._world.records.db.read() as tx:
            if switches.is_stopped(tx, endpoint.name, self._pathway):
                return Fallback.STOPPED
            return Fallback.OTHER_PATHWAY if router.tuned_elsewhere(tx, endpoint, self._pathway) else None

    def _recorded(self, request_hash: str) -> ModelCall | None:
        with self._world.records.db.read() as tx:
            blob = calls.find(tx, self._case, self._version, request_hash)
        return ModelCall.model_validate_json(self._world.records.blobs.get(blob)) if blob else None

    def _record(self, call: ModelCall) -> None:
        blob = self._world.records.blobs.put(call.canonical())
        with self._world.records.db.write() as tx:
            calls.record(tx, self._case, self._version, call.request.sha256(), blob)
            rows = (Row(Kind.CALL, (self._case, self._version, call.request.sha256())),)
            detail = f"{call.request.step} {call.model}"
            self._world.records.auditor.append(
                tx, Action.MODEL_CALL, call.endpoint, rows, case_id=self._case, detail=detail
            )

    def _audit_refusal(self) -> None:
        with self._world.records.db.write() as tx:
            endpoint = self.client.endpoint
            self._world.records.auditor.append(
                tx, Action.MODEL_REFUSED, endpoint.name, case_id=self._case, detail=f"phi={endpoint.phi}"
            )


def _stated(call: ModelCall) -> ModelCall:
    """Return the call as one that says where its model was measured: nowhere, if nobody kept it."""
    return call if call.measured_on is not None else call.model_copy(update={"measured_on": ()})


@activity.defn(name="run_agent")
@dataclass(frozen=True)
class RunAgent:
    """Idempotent: the snapshot is frozen, and a model's answers are read back from the record."""

    world: World

    async def __call__(self, request: AgentRequest) -> AgentResult:
        """Return the suggestion by reference and hash; without a model it is one by rules (I11).

        A run by rules alone asks no model, and uses what one has answered.
        """
        async with beating():
            with boundary():
                pathway, ref = self.world.pathways[request.ref.pathway], request.ref
                facts = await asyncio.to_thread(
                    self.world.facts, ref.pathway, ref.encounter_id, request.snapshot.snapshot_blob
                )
                suggestion = await suggest(pathway, facts, self.ports(request))
                chart = await asyncio.to_thread(self.world.records.chart, request.snapshot.snapshot_blob)
                suggestion = suggestion.model_copy(update={"earlier": chart.earlier})
                blob = await asyncio.to_thread(self.world.records.blobs.put, suggestion.canonical())
        return AgentResult(
            case_id=request.ref.case_id,
            version=request.version,
            snapshot_blob=request.snapshot.snapshot_blob,
            approvable=suggestion.approvable,
            revises=suggestion.revises,
            suggestion_blob=blob,
            suggestion_hash=suggestion.sha256(),
            choices=tuple(choice.code for choice in suggestion.choices),
            selected=suggestion.selected,
            made_by=suggestion.made_by,
            fallback=suggestion.fallback,
        )

    def ports(self, request: AgentRequest) -> Ports:
        """Return what the agent of this case may use: a model by role, the calculator and the reference."""
        world, served = self.world, self.world.models
        blocks = {role: role for role in served} | dict(world.ports.get(request.ref.pathway, {}))
        models = {role: RecordedChat(world, request, served[block]) for role, block in blocks.items()}
        return Ports(models, world.calculator, world.reference)
