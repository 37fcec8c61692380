"""What a tuner may set of an adapter's training."""

from pydantic import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from contracts.frozen import Frozen
from contracts.tuning import FitJob, FitKind


class Settings(Frozen):
    """The defaults are chosen for their cost (docs/fit.md); their quality on real decisions is not measured yet."""

    epochs: PositiveInt = 5
    batch: PositiveInt = 8
    lr: PositiveFloat = 5e-4
    """Highest of its one cycle: a short rise, then down to 0."""
    warm: NonNegativeFloat = 0.05
    """Share of the steps in which it rises."""
    layers: PositiveInt = 12
    """How many of the uppermost layers change; what the lower ones make of a prompt is computed once."""
    rank: PositiveInt = 16
    alpha: PositiveFloat = 32.0
    dropout: NonNegativeFloat = 0.0
    clip: PositiveFloat = 1.0
    """Largest norm of a gradient."""
    seed: int = 1


class OnPolicySettings(Settings):
    epochs: PositiveInt = 2
    lr: PositiveFloat = 2e-4
    samples: NonNegativeInt = 8
    """Choices drawn for a row in each step; 0: the expectation over all choices, which is their limit."""
    kl: NonNegativeFloat = 0.1
    """Price of each nat by which the policy leaves its parent."""


def of(job: FitJob) -> Settings:
    """Return all settings of a job. Raises ValidationError for one that is unknown or out of its range."""
    return (OnPolicySettings if job.kind == FitKind.ON_POLICY else Settings).model_validate(job.settings)
