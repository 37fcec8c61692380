"""One disagreement between the records."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """`rule` as numbered in the design (I1 to I22), `case` the case, encounter or resource that it is about."""

    rule: str
    case: str
    text: str

    def __str__(self) -> str:
        return f"{self.rule} {self.case}: {self.text}"
