"""What a role's model may cost in a day: counted in the ledger, so that all processes share it."""

from dataclasses import dataclass

from contracts.errors import Fallback, ModelError
from contracts.model_calls import ModelCall
from integrations.ledger import spending
from integrations.ledger.audit import Action, Auditor
from integrations.ledger.database import Database

CHARS_PER_TOKEN = 3  # where a server does not tell: fewer than a token of any text has


@dataclass(frozen=True)
class Budget:
    """Calls under way are not counted yet: so many may go beyond it."""

    db: Database
    auditor: Auditor
    role: str
    cost_1000_tokens: float
    a_day: float | None
    """In the same currency; None: without end."""

    def admit(self) -> None:
        """Refuse a call when the day's budget is spent; audited once a day. Raises ModelError(SPENT), LedgerError."""
        if self.a_day is None:
            return
        with self.db.read() as tx:
            spent = spending.today(tx, self.role)
        if spent.cost < self.a_day:
            return
        if not spent.told:
            with self.db.write() as tx:
                spent = spending.today(tx, self.role)
                if not spent.told:
                    spending.note(tx, self.role, spent.model_copy(update={"told": True}))
                    detail = f"budget of the day is spent: {spent.cost:.4g} of {self.a_day:g}"
                    self.auditor.append(tx, Action.MODEL_REFUSED, self.role, detail=detail)
        raise ModelError(Fallback.SPENT, f"{spent.cost:.4g} of {self.a_day:g} a day")

    def add(self, call: ModelCall) -> None:
        """Count what a call cost. Raises LedgerError."""
        tokens = tokens_of(call)
        with self.db.write() as tx:
            spent = spending.today(tx, self.role)
            cost = spent.cost + tokens * self.cost_1000_tokens / 1000
            spending.note(tx, self.role, spent.model_copy(update={"tokens": spent.tokens + tokens, "cost": cost}))


def tokens_of(call: ModelCall) -> int:
    """Return the tokens of prompt and answer: the server's count, else no fewer than there can have been."""
    if call.prompt_tokens is not None and call.completion_tokens is not None:
        return call.prompt_tokens + call.completion_tokens
    chars = sum(len(message.content) for message in call.request.messages) + len(call.content)
    return -(-chars // CHARS_PER_TOKEN)
