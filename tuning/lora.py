"""Trains an adapter on decisions, goes on from a checkpoint, and leaves weights that a server can load."""

import math
import random
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import torch  # pyright: ignore[reportMissingImports]

from contracts.errors import TuningError, TuningFault
from contracts.tuning import FitJob, FitKind, FitReport
from integrations import files
from tuning import folders, replay
from tuning.lora_settings import OnPolicySettings, Settings
from tuning.policy import DEVICE, Policy

CHECKPOINT_EVERY = 10  # steps
BUCKET = 8  # batches that are sorted by length together
RELOADED, MERGED = 1e-5, 1e-4  # largest difference of a logit that saving and merging may make
COMPARED = 16  # rows on which that is looked at
Tell = Callable[[dict[str, float]], None]


class Fit:
    """One job: its rows in memory, its checkpoint and result in its folder."""

    def __init__(self, job: FitJob, asked: Settings, base_sha256: str, tell: Tell) -> None:
        self._job, self._base_sha256, self._tell, self._out = job, base_sha256, tell, Path(job.out)
        self._checkpoint = self._out / "checkpoint.pt"
        self._former_s = self._former_cpu_s = 0.0
        self._started = time.monotonic()
        torch.manual_seed(asked.seed)
        self._policy = Policy(Path(job.base))
        if job.start:
            self._policy.load_adapter(Path(job.start))
            self._asked = _as_started(asked, self._policy.adapter_shape())
        else:
            self._policy.add_adapter(asked.layers, asked.rank, asked.alpha, asked.dropout)
            self._asked = asked
        self._prompts = [self._policy.prompt(row.request) for row in job.rows]
        self._targets = torch.tensor([row.target for row in job.rows], device=DEVICE)
        self._rewards = torch.tensor([row.reward for row in job.rows], device=DEVICE)
        weights = torch.tensor([row.weight for row in job.rows], device=DEVICE)
        self._weights = weights / weights.mean()
        self._trained = [part for part in self._policy.model.parameters() if part.requires_grad]
        self._optimizer = torch.optim.AdamW(self._trained, lr=asked.lr, weight_decay=0.0)
        self._per_epoch = math.ceil(len(job.rows) / asked.batch)
        self._steps = self._per_epoch * asked.epochs
        self._schedule = torch.optim.lr_scheduler.LambdaLR(self._optimizer, self._share_of_lr)

    def run(self) -> FitReport:
        """Train to the end and return the report. Raises TuningError."""
        if self._job.calls:
            replay.check(self._policy, self._job.calls, on_policy=self._job.kind == FitKind.ON_POLICY)
        self._states = self._policy.frozen_states(self._prompts, self._preparing)
        if self._job.kind == FitKind.ON_POLICY:
            self._parent = self._policy.choice_logits(self._prompts, self._preparing).log_softmax(-1).to(DEVICE)
        resumed_from, losses = self._resume()
        done, began = resumed_from, time.monotonic()
        self._policy.model.train()
        for epoch in range(done // self._per_epoch, self._asked.epochs):
            for at, batch in enumerate(self._batches(epoch)):
                if epoch * self._per_epoch + at < done:
                    continue
                losses[epoch] += self._step(batch) * len(batch) / len(self._prompts)
                done += 1
                if done % CHECKPOINT_EVERY == 0 or done == self._steps:
                    self._save_checkpoint(done, losses)
                eta_s = (time.monotonic() - began) / (done - resumed_from) * (self._steps - done)
                shown = losses[epoch] * self._per_epoch / (at + 1)
                self._tell({"step": done, "of": self._steps, "epoch": epoch + 1, "loss": shown, "eta_s": eta_s})
        self._policy.model.eval()
        self._save()
        return FitReport(
            kind=self._job.kind,
            rows=len(self._prompts),
            steps=self._steps,
            resumed_from=resumed_from,
            seconds=self._former_s + time.monotonic() - self._started,
            cpu_seconds=self._former_cpu_s + time.process_time(),
            peak_memory_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            settings=self._asked.model_dump(),
            losses=tuple(losses),
            artefact=self._job.out,
            file_sha256=folders.file_sha256(self._out, within=("adapter", "merged")),
        )

    def _preparing(self, done: int) -> None:
        self._tell({"step": 0, "of": self._steps, "prepared": done})

    def _share_of_lr(self, step: int) -> float:
        rise = max(1, round(self._asked.warm * self._steps))
        return min((step + 1) / rise, 1 - step / self._steps)

    def _batches(self, epoch: int) -> list[list[int]]:
        """Return rows in an order that depends on seed and epoch alone; those of a batch are about equally long."""
        order, rng = list(range(len(self._prompts))), random.Random(f"{self._asked.seed} {epoch}")
        rng.shuffle(order)
        batches: list[list[int]] = []
        for bucket in _parts(order, BUCKET * self._asked.batch):
            batches += _parts(sorted(bucket, key=lambda at: len(self._prompts[at].ids)), self._asked.batch)
        rng.shuffle(batches)
        return batches

    def _step(self, batch: list[int]) -> float:
        """Take one step and return the loss before it, a row."""
        prompts, states = [self._prompts[at] for at in batch], [self._states[at] for at in batch]
        told = self._policy.logits(prompts, states).log_softmax(-1)
        if self._job.kind == FitKind.MODEL:
            losses = shown = -(self._targets[batch] * told).sum(-1)
        else:
            losses, shown = self._on_policy(batch, told)
        weights = self._weights[batch]
        self._optimizer.zero_grad()
        (losses * weights).mean().backward()
        torch.nn.utils.clip_grad_norm_(self._trained, self._asked.clip)
        self._optimizer.step()
        self._schedule.step()
        shown_mean = float((shown.detach() * weights).mean())
        if not math.isfinite(shown_mean):
            raise TuningError(TuningFault.DIVERGED, "the loss is no number: a lower lr may help")
        return shown_mean

    def _on_policy(self, batch: list[int], told: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what gives the policy's gradient, and the price that it lowers, row by row.

        The choice is closed, so the policy's expected reward is known exactly: the baseline of the draws has no
        variance of its own.
        """
        assert isinstance(self._asked, OnPolicySettings)
        policy, rewards = told.exp(), self._rewards[batch]
        expected = (policy * rewards).sum(-1)
        divergence = (policy * (told - self._parent[batch])).sum(-1)
        price = self._asked.kl * divergence
        if not self._asked.samples:
            return price - expected, price - expected
        drawn = torch.multinomial(policy.detach(), self._asked.samples, replacement=True)
        advantage = rewards.gather(-1, drawn) - expected.detach().unsqueeze(-1)
        return price - (told.gather(-1, drawn) * advantage).mean(-1), price - expected

    def _resume(self) -> tuple[int, list[float]]:
        if not self._checkpoint.exists():
            return 0, [0.0] * self._asked.epochs
        kept = torch.load(self._checkpoint, map_location=DEVICE)
        with torch.no_grad():
            for part, value in zip(self._trained, kept["trained"], strict=True):
                part.copy_(value)
        self._optimizer.load_state_dict(kept["optimizer"])
        self._schedule.load_state_dict(kept["schedule"])
        torch.set_rng_state(kept["rng"].cpu())
        torch.cuda.set_rng_state_all([state.cpu() for state in kept["cuda_rng"]])
        self._former_s, self._former_cpu_s = kept["seconds"], kept["cpu_seconds"]
        return kept["done"], kept["losses"]

    def _save_checkpoint(self, done: int, losses: list[float]) -> None:
        partial = self._checkpoint.with_suffix(".partial")
        with partial.open("wb") as file:
            torch.save(
                {
                    "trained": [part.detach() for part in self._trained],
                    "optimizer": self._optimizer.state_dict(),
                    "schedule": self._schedule.state_dict(),
                    "rng": torch.get_rng_state(),
                    "cuda_rng": torch.cuda.get_rng_state_all(),
                    "done": done,
                    "losses": losses,
                    "seconds": self._former_s + time.monotonic() - self._started,
                    "cpu_seconds": self._former_cpu_s + time.process_time(),
                },
                file,
            )
        files.place(partial, self._checkpoint)

    def _save(self) -> None:
        """Write adapter and merged weights, and read both back. Raises TuningError where one answers otherwise."""
        partial, base = self._out / "partial", Path(self._job.base)
        shutil.rmtree(partial, ignore_errors=True)
        compared = self._prompts[:COMPARED]
        ours = self._policy.choice_logits(compared)
        self._policy.save_adapter(partial / "adapter")
        folders.name_base(partial / "adapter", self._base_sha256)
        again = Policy(base)
        again.load_adapter(partial / "adapter")
        _check_equal("reloaded", ours, again.choice_logits(compared), RELOADED)
        again.save_merged(partial / "merged")
        folders.copy_tokenizer(base, partial / "merged")
        _check_equal("merged", ours, Policy(partial / "merged").choice_logits(compared), MERGED)
        for name in ("adapter", "merged"):
            shutil.rmtree(self._out / name, ignore_errors=True)
            (partial / name).rename(self._out / name)
        partial.rmdir()


def _as_started(asked: Settings, shape: dict[str, float | int]) -> Settings:
    """Return the settings with the adapter's own shape. Raises TuningError where another was asked for."""
    for name in shape.keys() & asked.model_fields_set:
        if getattr(asked, name) != shape[name]:
            raise TuningError(TuningFault.SETTINGS, f"the adapter to go on from has {name}={shape[name]}")
    return asked.model_copy(update=shape)


def _check_equal(what: str, ours: torch.Tensor, theirs: torch.Tensor, limit: float) -> None:
    apart = float((ours - theirs).abs().max())
    if not apart <= limit:
        raise TuningError(
            TuningFault.NOT_EQUAL, f"logits of the {what} weights differ by {apart:.2g}, more than {limit:.2g}"
        )


def _parts(rows: list[int], size: int) -> list[list[int]]:
    return [rows[start : start + size] for start in range(0, len(rows), size)]
