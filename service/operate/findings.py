"""What `wardflow doctor` found of one part: how bad it is, and what mends it."""

from enum import StrEnum

from contracts.frozen import Frozen


class Verdict(StrEnum):
    OK = "OK"
    WARN = "WARN"
    FAIL = "FAIL"


class Finding(Frozen):
    part: str
    verdict: Verdict
    told: str
    fix: str = ""

    def lines(self, width: int) -> str:
        """Return the finding as text, its part in a column of that width, and what mends it on a line of its own."""
        indent = " " * (5 + width + 1)
        mend = f"\n{indent}mend: {self.fix}" if self.fix and self.fix != self.told else ""
        return f"{self.verdict:5}{self.part:{width}} {self.told}{mend}"
