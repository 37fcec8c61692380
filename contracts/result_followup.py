"""Follow-up of laboratory results: options of the pathway."""

from contracts.frozen import Frozen


class ResultFollowupOptions(Frozen):
    """The pathway's own block of the configuration."""

    strong_from: float = 0.6
    """Probability of the selected answer from which support is called strong; our judgement: it is more
    likely than all others together."""
    moderate_from: float = 0.4
    """The same of moderate support; our judgement: more than each of three answers has by chance."""
    unremarkable_words: tuple[str, ...] = ()
    """A hospital's own words, beside those of `agents.result_followup.flags`, for a result in which nothing was
    found; a whole value or flag, whatever its case."""
    critical_flags: tuple[str, ...] = ()
    """A hospital's own codes of flags by which its laboratory calls a result critical."""
