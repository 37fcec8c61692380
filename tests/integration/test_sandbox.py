"""Programs that a model might write, kind and hostile, in the real sandbox: two walls, and a limit on everything."""

import asyncio
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contracts.calculations import CalculationFault
from integrations.sandbox import monty
from integrations.sandbox.monty import Sandbox

pytestmark = pytest.mark.integration
ENDED_BY_S = 2 * monty.KILLED_AFTER_S  # its own limit, the pool's watch over it, and a new interpreter
CANARY = "canary-4711"
RESULT = "{'y': 1.0}"


def nested(opening: str, closing: str, times: int) -> str:
    return opening * times + closing * times


# Whether the program may end with numbers: some are harmless behind the walls, and then must tell nothing.
HOSTILE = {
    "endless loop": "while True:\n    pass",
    "endless loop that catches all": "try:\n    while True:\n        pass\nexcept BaseException:\n    pass\n" + RESULT,
    "endless loop in finally": "try:\n    1 / 0\nfinally:\n    while True:\n        pass",
    "endless loops nested in handlers": (
        "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        continue"
    ),
    "long sum": "sum(range(10 ** 12))",
    "long power": "pow(7, 10 ** 9)",
    "long sort": "sorted(list(range(10 ** 7)), key=lambda x: -x)",
    "long regular expression": "import re\nre.match('(a+)+$', 'a' * 40 + 'b')\n" + RESULT,
    "busy comprehension": "[x for x in range(10 ** 9)]",
    "list that doubles": "x = [1]\nwhile True:\n    x = x + x",
    "long string": "'a' * 10 ** 12",
    "long bytes": "b'a' * 10 ** 12",
    "long list": "[0] * 10 ** 10",
    "big integer": "2 ** (2 ** 40)",
    "big shift": "1 << (10 ** 12)",
    "big factorial": "x = 1\nfor i in range(1, 10 ** 7):\n    x = x * i\n" + RESULT,
    "wide format": "'%1000000000d' % 1",
    "wide f-string": "f'{1:>1000000000}'",
    "dict that grows": "d = {}\nfor i in range(10 ** 8):\n    d[i] = str(i) * 10",
    "set that grows": "s = set()\nfor i in range(10 ** 8):\n    s.add(i)",
    "strings that join": "x = 'ab'\nfor i in range(60):\n    x = x.join([x, x])",
    "replace that swells": "'a' * 1000\nx = 'a' * 4000\nfor i in range(9):\n    x = x.replace('a', x)",
    "deep list": "x = []\nfor i in range(10 ** 7):\n    x = [x]\n" + RESULT,
    "recursion": "def f(n):\n    return f(n + 1)\nf(0)",
    "recursion of two": "def f(n):\n    return g(n)\ndef g(n):\n    return f(n)\nf(0)",
    "recursion that catches": (
        "def f(n):\n    try:\n        return f(n + 1)\n    except RecursionError:\n        return f(n + 1)\nf(0)"
    ),
    "deep parentheses": nested("(", ")", 1900),
    "deep brackets": nested("[", "]", 1900),
    "deep blocks": "\n".join(" " * i + "if True:" for i in range(60)) + "\n" + " " * 60 + "pass",
    "long digits": "int('9' * 10 ** 6)",
    "long source": "x = 1\n" * 10**6,
    "sleep": "import time\ntime.sleep(60)\n" + RESULT,
    "many sleeps": "import time\nwhile True:\n    time.sleep(1)",
    "asynchronous sleep": "import asyncio\nasync def f():\n    await asyncio.sleep(60)\nasyncio.run(f())",
    "huge output": "print('x' * 10 ** 7)\n" + RESULT,
    "endless output": "while True:\n    print('x' * 1000)",
    "huge error": "raise ValueError('x' * 10 ** 6)",
    "huge result": "{'y' * 10 ** 6: 1.0}",
    "many results": "{'y' + str(i): 1.0 for i in range(10 ** 5)}",
    "result within itself": "x = {}\nx['x'] = x\nx",
    "read a file": "open('{secret}').read()",
    "read by path": "from pathlib import Path\nPath('{secret}').read_text()",
    "read the process": "open('/proc/self/environ').read()",
    "list a folder": "import os\nos.listdir('/')",
    "write a file": "open('{folder}/written', 'w').write('x')",
    "write by path": "from pathlib import Path\nPath('{folder}/written').write_text('x')",
    "remove a file": "import os\nos.remove('{secret}')",
    "environment": "import os\nos.environ['WARDFLOW_CANARY']",
    "environment by name": "import os\nos.getenv('WARDFLOW_CANARY')",
    "shell": "import os\nos.system('touch {folder}/written')",
    "subprocess": "import subprocess\nsubprocess.run(['touch', '{folder}/written'])",
    "socket": "import socket\nsocket.create_connection(('127.0.0.1', {port}))",
    "web": "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:{port}/')",
    "foreign code": "import ctypes\nctypes.CDLL(None).system(b'touch {folder}/written')",
    "import by name": "__import__('os').system('touch {folder}/written')",
    "evaluated import": "eval(\"__import__('os').system('touch {folder}/written')\")",
    "executed loop": "exec('while True: pass')",
    "climb to object": "().__class__.__mro__[1].__subclasses__()",
    "climb by function": "(lambda: 0).__globals__['__builtins__']",
    "climb by traceback": "try:\n    1 / 0\nexcept Exception as e:\n    e.__traceback__.tb_frame.f_globals",
    "climb by format": "'{0.__class__.__mro__}'.format(1)",
    "call of the host": "wardflow_decide('approve')",
    "many calls of the host": "for i in range(10 ** 6):\n    try:\n        decide(i)\n    except NameError:\n        0",
    "end of the interpreter": "import sys\nsys.exit(0)",
    "raised exit": "raise SystemExit",
    "interrupt": "raise KeyboardInterrupt",
    "threads": "import threading\nthreading.Thread(target=print).start()",
}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    made = Sandbox()
    yield made
    await made.close()


async def test_a_program_gives_its_numbers(sandbox: Sandbox) -> None:
    made = await sandbox.run("gap = na - (cl + hco3)\n{'anion_gap': gap}", {"na": 140.0, "cl": 104.0, "hco3": 24.0})
    assert made.fault is None and made.outputs == {"anion_gap": 12.0}
    assert made.seconds < ENDED_BY_S


@pytest.mark.parametrize(
    ("program", "fault"),
    [
        ("x +", CalculationFault.WRONG),
        ("1 / 0", CalculationFault.WRONG),
        ("unknown * 2", CalculationFault.WRONG),
        ("5.0", CalculationFault.NOT_NUMBERS),
        ("{}", CalculationFault.NOT_NUMBERS),
        ("{'y': '5'}", CalculationFault.NOT_NUMBERS),
        ("{'y': True}", CalculationFault.NOT_NUMBERS),
        ("{'y': float('nan')}", CalculationFault.NOT_NUMBERS),
        ("{'y': 10 ** 400}", CalculationFault.NOT_NUMBERS),
        ("{'y y': 1.0}", CalculationFault.NOT_NUMBERS),
        ("1\n" * monty.PROGRAM_CHARS, CalculationFault.TOO_LONG),
        ("while True:\n    pass", CalculationFault.LIMIT),
    ],
)
async def test_a_program_without_numbers_says_why(sandbox: Sandbox, program: str, fault: CalculationFault) -> None:
    made = await sandbox.run(program, {"x": 2.0})
    assert (made.fault, made.outputs) == (fault, {})
    assert made.told and len(made.told) <= monty.TOLD_CHARS


async def test_an_endless_program_is_ended_by_the_interpreter_itself(sandbox: Sandbox) -> None:
    """What ends it from outside costs a new process, and is for those that the interpreter can't end."""
    assert "TimeoutError" in (await sandbox.run("while True:\n    pass", {})).told


async def test_programs_know_nothing_of_each_other_and_of_time(sandbox: Sandbox) -> None:
    await sandbox.run("left = 5.0\n{'y': left}", {})
    assert (await sandbox.run("{'y': left}", {})).fault == CalculationFault.WRONG
    program = "import random, time\n{'a': random.random(), 'b': time.time()}"
    assert (await sandbox.run(program, {})).outputs == (await sandbox.run(program, {})).outputs


async def test_without_both_walls_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _name: None)
    made = await Sandbox().run(RESULT, {})
    assert (made.fault, made.outputs) == (CalculationFault.NO_SANDBOX, {})


async def test_hostile_programs_harm_nobody(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("WARDFLOW_CANARY", CANARY)
    secret = tmp_path / "secret"
    secret.write_text(CANARY)
    reached: list[object] = []
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.settimeout(0.2)
        listening = threading.Thread(target=_count, args=(door, reached), daemon=True)
        listening.start()
        port = door.getsockname()[1]
        for name, template in HOSTILE.items():
            program = template.replace("{secret}", str(secret)).replace("{folder}", str(tmp_path))
            start = time.monotonic()
            made = await sandbox.run(program.replace("{port}", str(port)), {"x": 1.0})
            assert time.monotonic() - start < ENDED_BY_S, name
            assert CANARY not in f"{made.outputs} {made.told}", name
            assert made.fault or made.outputs == {"y": 1.0}, (name, made.outputs)
            after = await sandbox.run("{'y': x + 1}", {"x": 1.0})
            assert after.outputs == {"y": 2.0}, f"after {name}: {after.told}"
    listening.join()
    assert reached == []
    assert [path.name for path in tmp_path.iterdir()] == ["secret"] and secret.read_text() == CANARY
    assert CANARY not in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("program", "told"),
    [
        (["cat", "{secret}"], "No such file"),
        (["cat", "/proc/self/environ"], "No such file"),
        (["env"], "PWD=/"),
        (["touch", "/usr/lib/written"], "Read-only"),
        (["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/{port}"], "connect:"),
        (["bash", "-c", "x=$(printf '%0700000000d' 1)"], "cannot allocate"),
    ],
)
def test_the_outer_wall_holds_alone(
    program: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDFLOW_CANARY", CANARY)
    secret, bwrap, binary = tmp_path / "secret", shutil.which("bwrap"), shutil.which(program[0])
    secret.write_text(CANARY)
    assert bwrap and binary
    walled = monty.write_wall(tmp_path, bwrap, str(Path(binary).resolve()))
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = str(door.getsockname()[1])
        arguments = [part.replace("{secret}", str(secret)).replace("{port}", port) for part in program[1:]]
        ran = subprocess.run([walled, *arguments], capture_output=True, text=True, timeout=20)
    assert told in ran.stdout + ran.stderr
    assert CANARY not in ran.stdout + ran.stderr
    assert "WARDFLOW" not in ran.stdout


async def test_an_interpreter_that_is_killed_is_replaced(sandbox: Sandbox) -> None:
    assert (await sandbox.run(RESULT, {})).outputs
    running = asyncio.create_task(sandbox.run("while True:\n    pass", {}))
    await asyncio.sleep(0.3)
    for process in _interpreters():
        os.kill(process, 9)
    assert (await running).fault == CalculationFault.LIMIT
    assert (await sandbox.run(RESULT, {})).outputs == {"y": 1.0}


def _interpreters() -> list[int]:
    """Return the processes of this test's sandbox: what descends from it and is bwrap."""
    mine = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            with_name = stat.read_text().rsplit(")", 1)
        except OSError:  # it ended since it was listed
            continue
        if with_name[0].split("(", 1)[1] in ("bwrap", "monty") and int(with_name[1].split()[1]) == os.getpid():
            mine.append(int(stat.parent.name))
    assert mine
    return mine


def _count(door: socket.socket, reached: list[object]) -> None:
    while True:
        try:
            reached.append(door.accept())
        except TimeoutError:
            continue
        except OSError:
            return
