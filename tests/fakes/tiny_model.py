"""A Llama of two layers with random weights and the embedded model's tokenizer; made in the model environment."""

import shutil
import sys
from pathlib import Path


def make(out: Path, tokenizer: Path, seed: int) -> None:
    # Only the model's venv has these two, not the one that is type-checked.
    import torch  # pyright: ignore[reportMissingImports]
    import transformers as hf  # pyright: ignore[reportMissingImports]

    torch.manual_seed(seed)
    shape = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = hf.LlamaConfig(
        vocab_size=49152, num_key_value_heads=1, tie_word_embeddings=True, initializer_range=0.3, **shape
    )
    hf.LlamaForCausalLM(config).save_pretrained(out)
    for path in tokenizer.iterdir():
        if path.name.startswith(("tokenizer", "chat_template")):
            shutil.copyfile(path, out / path.name)


if __name__ == "__main__":
    make(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
