"""Follow-up of laboratory results: options of the pathway."""

from contracts.frozen import Frozen
from contracts.time_zones import DEFAULT, TimeZone


class ResultFollowupOptions(Frozen):
    """The pathway's own block of the configuration."""

    strong_from: float = 0.6
    """Probability of the selected answer from which support is called strong; our judgement: it is more
    likely than all others together."""
    moderate_from: float = 0.4
    """The same of moderate support; our judgement: more than each of three answers has by chance."""
    time_zone: TimeZone = DEFAULT
    """IANA name of the hospital's zone, in which ages change and times without a zone are read; by default that of
    `[hospital]`."""
    unremarkable_words: tuple[str, ...] = ()
    """A hospital's own words, beside those of `agents.result_followup.flags`, for a result in which nothing was
    found; a whole value or flag, whatever its case."""
    critical_flags: tuple[str, ...] = ()
    """A hospital's own codes of flags by which its laboratory calls a result critical."""
