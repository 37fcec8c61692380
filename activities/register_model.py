"""Keep what a round has made, better or refused."""

from dataclasses import dataclass

from temporalio import activity

from activities.boundary import boundary
from activities.workbench import Workbench, code_sha256
from contracts.rounds import RegisterRequest, RoundResult
from contracts.tuning import RegisteredModel
from integrations import clock
from integrations.ledger import registry
from tuning import folders


@activity.defn(name="register_model")
@dataclass(frozen=True)
class RegisterModel:
    """Idempotent: a model's name is made of its weights."""

    bench: Workbench

    def __call__(self, request: RegisterRequest) -> RoundResult:
        """Return the line of the climb."""
        asked, plan, fitted, judged = request.round, request.round.plan, request.fitted, request.judged
        with boundary():
            files = fitted.report.file_sha256
            base = self.bench.model(plan.base)
            model = RegisteredModel(
                name=fitted.name,
                pathway=plan.pathway,
                kind=plan.kind,
                parent=asked.champion,
                base_sha256=base.base_sha256,
                adapter_sha256=folders.combined(
                    {name: value for name, value in files.items() if name.startswith("adapter/")}
                ),
                tokenizer_sha256=base.tokenizer_sha256,
                template_sha256=base.template_sha256,
                data_sha256=request.curated.data_sha256,
                rows_blob=request.curated.rows_blob,
                code_sha256=code_sha256(plan.pathway),
                settings=fitted.report.settings,
                folder=fitted.folder,
                file_sha256=files,
                evaluation=judged.evaluation,
                outcome=judged.outcome,
                reason=judged.reason,
                made_at=clock.now(),
            )
            with self.bench.records.db.write() as tx:
                registry.register(tx, self.bench.records.auditor, model)
            return RoundResult(
                number=asked.number, name=fitted.name, rows=request.curated.rows, refused=request.curated.refused,
                started_from=asked.champion, seconds=fitted.report.seconds, judged=judged,
            )  # fmt: skip
