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
    pattern: str = ""
    """What an answer must look like, as of HTML; empty where anything may be said."""
    doubt: str = ""
    """Why a person must confirm or correct it; empty where nothing is in doubt."""
    alternatives: tuple[str, ...] = ()
    """What else it may be."""
    must_type: bool = False
    """No confirmation is taken: a person types it or leaves it out."""
    heard: str = ""
    """What was heard where it must be typed; it is shown, and never taken."""
    start_s: float | None = None
    end_s: float | None = None
    """Of the recording that it was heard in, in seconds."""
    recording: int | None = None
    """Which of the view's recordings that is."""
    place: str = ""
    """Heading under which it stands."""
    extra: bool = False
    """Shown on demand: nothing is there yet, and nothing need be."""


class Played(Frozen):
    """A recording that the page plays."""

    label: str
    blob: str
    media_type: str


class View(Frozen):
    noun: str
    """What one of the choices is called: `level`."""
    reasons: tuple[str, ...]
    """Offered where a change or a rejection needs one."""
    sections: tuple[Section, ...] = ()
    items_title: str = ""
    items: tuple[Item, ...] = ()
    recordings: tuple[Played, ...] = ()
    """That the items are tied to."""
    ranked: bool = True
    """Whether its codes tell how soon someone must act; others are listed after those that do."""
    approve: str = ""
    """What an approval is called on its button; empty where it is called by the choice."""
    without_model: str = "rules only"
    """How a suggestion is labelled that no model took part in."""

    def doubtful(self) -> frozenset[str]:
        """Return the keys of the items that a decision has to answer."""
        return frozenset(item.key for item in self.items if item.doubt)
