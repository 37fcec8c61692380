"""The acuity scales that a hospital may choose from."""

from contracts.ed_triage import AcuityLevel, AcuityScale
from contracts.errors import ConfigurationError, ConfigurationFault

# Manchester's own convention; ESI and KTAS have none that is fixed, so they share it. The hues are chosen to stay
# apart under protanopia, deuteranopia and tritanopia, and the page never relies on them alone.
COLOURS = ("#8f001a", "#f08000", "#ffe14d", "#1f8a4c", "#123a8c")


def _scale(name: str, *displays: str) -> AcuityScale:
    levels = (AcuityLevel(code=str(n), display=d, colour=COLOURS[n - 1]) for n, d in enumerate(displays, 1))
    return AcuityScale(name=name, system=f"urn:wardflow:acuity:{name}", levels=tuple(levels))


SCALES = {
    # Emergency Severity Index, Implementation Handbook, AHRQ 2012 edition, chapter 2
    "esi": _scale("esi", "Resuscitation", "Emergent", "Urgent", "Less urgent", "Non-urgent"),
    # Korean Triage and Acuity Scale: Park et al., Clin Exp Emerg Med 2017;4(1), table 1
    "ktas": _scale("ktas", "Resuscitation", "Emergency", "Urgent", "Less urgent", "Non-urgent"),
    # Manchester Triage Group, Emergency Triage, 3rd edition, chapter 1
    "manchester": _scale("manchester", "Immediate", "Very urgent", "Urgent", "Standard", "Non-urgent"),
}


def scale_named(name: str) -> AcuityScale:
    """Return the scale. Raises ConfigurationError for a name that is none."""
    try:
        return SCALES[name]
    except KeyError:
        raise ConfigurationError(
            ConfigurationFault.SETTING, f"{name!r} is none of {', '.join(SCALES)}", setting="acuity_scale"
        ) from None
