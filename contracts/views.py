"""What a pathway shows of a suggestion on its page, beside the chart, the rules and the choices that all have."""

from contracts.frozen import Frozen


class Listing(Frozen):
    """Something to look up on demand: a program, and what was said of its run."""

    program: str
    told: str


class Line(Frozen):
    text: str
    value: str = ""
    """What matters of it."""
    told: str = ""
    source: str = ""
    more: str = ""
    """What opens on demand, in a few words; empty where nothing does."""
    listings: tuple[Listing, ...] = ()
    ending: str = ""
    """Below the listings."""


class Section(Frozen):
    key: str
    """Short name, unique on the page."""
    title: str
    lines: tuple[Line, ...]


class Item(Frozen):
    """Words that a person may correct before they are kept."""

    key: str
    label: str
    text: str
    doubt: str = ""
    """Why a person must confirm or correct it; empty where nothing is in doubt."""
    alternatives: tuple[str, ...] = ()
    """What else it may be."""
    start_s: float | None = None
    end_s: float | None = None
    """Of the recording that it was heard in, in seconds."""


class View(Frozen):
    noun: str
    """What one of the choices is called: `level`."""
    reasons: tuple[str, ...]
    """Offered where a change or a rejection needs one."""
    sections: tuple[Section, ...] = ()
    items_title: str = ""
    items: tuple[Item, ...] = ()
    recording: str = ""
    """Blob of the audio that the items are tied to."""
    media_type: str = ""

    def doubtful(self) -> frozenset[str]:
        """Return the keys of the items that a decision has to answer."""
        return frozenset(item.key for item in self.items if item.doubt)
