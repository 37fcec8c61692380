"""A language model as a judge over closed choices, with or without an adapter; in the model environment only."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import peft  # pyright: ignore[reportMissingImports]
import torch  # pyright: ignore[reportMissingImports]
import transformers  # pyright: ignore[reportMissingImports]
from torch.nn.utils.rnn import pad_sequence  # pyright: ignore[reportMissingImports]

from contracts.errors import TuningError, TuningFault
from contracts.model_calls import ChatRequest

transformers.utils.logging.disable_progress_bar()  # on a standard error of which the last line must tell the fault
Told = Callable[[int], None]
"""Called with how many prompts were just done."""
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
BATCH = 16


@dataclass(frozen=True)
class Prompt:
    """What the model reads, and the token of each choice."""

    ids: tuple[int, ...]
    choices: tuple[int, ...]


class Policy:
    """A folder of weights. Only the decision counts: one position, and of the vocabulary the choices alone."""

    def __init__(self, folder: Path) -> None:
        if not (folder / "config.json").exists():
            raise TuningError(TuningFault.NO_MODEL, f"{folder} holds no model")
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).to(DEVICE).eval()
        self._decoder, self._head = self.model.get_decoder(), self.model.get_output_embeddings()
        self._layers, self._norm = self._decoder.layers, self._decoder.norm
        self._frozen = 0

    @property
    def depth(self) -> int:
        return len(self._layers)

    def add_adapter(self, layers: int, rank: int, alpha: float, dropout: float) -> None:
        """Put a new LoRA adapter, which changes nothing yet, on all linear maps of the upper layers."""
        if not 0 < layers <= self.depth:
            raise TuningError(TuningFault.SETTINGS, f"layers: the model has {self.depth}")
        self._frozen = self.depth - layers
        linear = {name for name, part in self._layers[0].named_modules() if isinstance(part, torch.nn.Linear)}
        config = peft.LoraConfig(
            task_type="CAUSAL_LM",
            r=rank,
            lora_alpha=alpha,
            lora_dropout=dropout,
            target_modules=sorted(linear),
            layers_to_transform=list(range(self._frozen, self.depth)),
        )
        self.model = peft.get_peft_model(self.model, config).eval()

    def load_adapter(self, folder: Path) -> None:
        """Go on from a saved adapter."""
        self.model = peft.PeftModel.from_pretrained(self.model, folder, is_trainable=True).eval()
        self._frozen = min(self.model.peft_config["default"].layers_to_transform)

    def adapter_shape(self) -> dict[str, float | int]:
        """Return what an adapter can't change once it is trained."""
        config = self.model.peft_config["default"]
        return {"layers": self.depth - self._frozen, "rank": config.r, "alpha": config.lora_alpha}

    def save_adapter(self, folder: Path) -> None:
        """Write the adapter as PEFT does, without what would differ from one machine to the next."""
        config = self.model.peft_config["default"]
        config.base_model_name_or_path = ""
        self.model.save_pretrained(folder)
        (folder / "README.md").unlink()
        written = json.loads((folder / "adapter_config.json").read_text())
        written["target_modules"].sort()
        (folder / "adapter_config.json").write_text(json.dumps(written, indent=2, sort_keys=True))

    def save_merged(self, folder: Path) -> None:
        """Write the weights with the adapter in them; the policy is of no more use."""
        self.model.merge_and_unload().save_pretrained(folder)

    def prompt(self, request: ChatRequest) -> Prompt:
        """Return the request as the server's chat endpoint renders it. Raises TuningError."""
        messages = [message.model_dump() for message in request.messages]
        ids = self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
        choices = [self.tokenizer.encode(choice, add_special_tokens=False) for choice in request.choices]
        if not choices or any(len(tokens) != 1 for tokens in choices):
            raise TuningError(TuningFault.CHOICE, "each choice must be one token of the model")
        return Prompt(tuple(ids), tuple(tokens[0] for tokens in choices))

    @torch.no_grad()
    def frozen_states(self, prompts: Sequence[Prompt], told: Told) -> list[torch.Tensor]:
        """Return for each prompt what comes out of the layers that no adapter changes, (tokens, width)."""
        states: list[torch.Tensor] = [torch.empty(0)] * len(prompts)
        for batch in _by_length(prompts):
            ids = pad_sequence([torch.tensor(prompts[at].ids) for at in batch], batch_first=True)
            hidden = self._decoder.embed_tokens(ids.to(DEVICE))
            if self._frozen:
                hidden = self._run(self._layers[: self._frozen], torch.nn.Identity(), hidden)
            for row, at in enumerate(batch):
                states[at] = hidden[row, : len(prompts[at].ids)].clone()
            told(len(batch))
        return states

    def logits(self, prompts: Sequence[Prompt], states: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the logits of the choices after each prompt, (prompts, choices)."""
        # Padding stands on the right, where a causal model's real positions don't see it.
        hidden = self._run(self._layers[self._frozen :], self._norm, pad_sequence(list(states), batch_first=True))
        last = torch.tensor([len(prompt.ids) - 1 for prompt in prompts], device=DEVICE)
        decision = hidden[torch.arange(len(prompts), device=DEVICE), last]
        heads = self._head.weight[torch.tensor([prompt.choices for prompt in prompts], device=DEVICE)]
        return torch.einsum("nd,ncd->nc", decision, heads)

    @torch.no_grad()
    def choice_logits(self, prompts: Sequence[Prompt], told: Told = lambda _: None) -> torch.Tensor:
        """Return the logits of the choices after each prompt, (prompts, choices), from its first token on."""
        found = torch.empty(len(prompts), len(prompts[0].choices))
        for batch in _by_length(prompts):
            some = [prompts[at] for at in batch]
            found[batch] = self.logits(some, self.frozen_states(some, lambda _: None)).cpu()
            told(len(batch))
        return found

    def log_probabilities(self, prompts: Sequence[Prompt], told: Told = lambda _: None) -> list[list[float]]:
        """Return the log-probability of each choice, renormalised over the choices; prompts may differ in number."""
        found: list[list[float]] = [[] for _ in prompts]
        for count in {len(prompt.choices) for prompt in prompts}:
            some = [at for at, prompt in enumerate(prompts) if len(prompt.choices) == count]
            logits = self.choice_logits([prompts[at] for at in some], told)
            for at, row in zip(some, logits.log_softmax(-1).tolist(), strict=True):
                found[at] = row
        return found

    def _run(self, layers: torch.nn.ModuleList, norm: torch.nn.Module, hidden: torch.Tensor) -> torch.Tensor:
        self._decoder.layers, self._decoder.norm = layers, norm
        try:
            return self._decoder(inputs_embeds=hidden, use_cache=False).last_hidden_state
        finally:
            self._decoder.layers, self._decoder.norm = self._layers, self._norm


def _by_length(prompts: Sequence[Prompt]) -> list[list[int]]:
    """Return positions in batches, the longest first, so that what does not fit in memory shows at once."""
    order = sorted(range(len(prompts)), key=lambda at: -len(prompts[at].ids))
    return [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
