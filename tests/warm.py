"""Snakemake and modules of dadist without the seconds of their start: a process that has loaded the libraries forks.

All else is as in a shell: arguments, folder, environment, streams and exit status. Nothing of dadist is loaded before,
since each sandbox has its own copy. The jobs of such a Snakemake begin the same way: the `python` that they find asks
the same process. What a test kills or measures it starts without all this.
"""

import atexit
import contextlib
import functools
import importlib
import json
import multiprocessing
import os
import runpy
import select
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

LOADED = (
    *("snakemake.cli", "snakemake.workflow", "snakemake.dag", "snakemake.scheduling.job_scheduler"),
    *("snakemake.report.html_reporter", "snakemake.profiles", "snakemake.storage", "numpy", "pydantic", "cv2", "torch"),
    *("torch.utils.flop_counter", "torch.nn.parallel", "torchvision.transforms", "pandas", "scipy.optimize"),
    *("sklearn.cluster", "matplotlib.figure", "matplotlib.backends.backend_agg", "PIL.Image"),
)
PYTHON = """#!/bin/sh
case "$1 $2" in
  "-m dadist."*) exec {python} -IS {warm} ask {address} "$@" ;;
  *) exec {python} "$@" ;;
esac
"""


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """``snakemake …`` or ``python -m …`` in a folder; stdout and stderr together, as a terminal shows them."""
    place = _server()
    variables = {**environment, "PATH": f"{place / 'bin'}:{environment['PATH']}"}
    with tempfile.NamedTemporaryFile() as shown, Path(os.devnull).open("rb") as nothing:
        streams = (nothing.fileno(), shown.fileno(), shown.fileno())
        code = _ask(str(place / "socket"), command, str(folder), variables, streams)
        text = Path(shown.name).read_text(encoding="utf-8")
    return subprocess.CompletedProcess(command, code, text)


@functools.cache
def _server() -> Path:
    """The private folder of this process's server: its socket, and a `python` for jobs."""
    place = Path(tempfile.mkdtemp(prefix="dadist-tests-"))
    python, warm, address = sys.executable, Path(__file__).resolve(), place / "socket"
    (place / "bin").mkdir()
    (place / "bin/python").write_text(
        PYTHON.format(python=shlex.quote(python), warm=shlex.quote(str(warm)), address=shlex.quote(str(address)))
    )
    (place / "bin/python").chmod(0o700)
    # It ends when its stdin does, however this process comes to its end.
    server = subprocess.Popen(
        [python, warm, "serve", address.name],
        cwd=place,  # the path of a socket has 108 bytes at most
        env={**os.environ, "OMP_NUM_THREADS": "1"},  # for all: torch asks as it is loaded
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert server.stdout is not None
    assert server.stdout.readline() == b"ready\n"
    atexit.register(_end, server)
    return place


def _end(server: subprocess.Popen[bytes]) -> None:
    assert server.stdin is not None
    assert server.stdout is not None
    server.stdin.close()
    server.wait()
    server.stdout.close()


def _ask(
    address: str, command: Sequence[str], folder: str, environment: Mapping[str, str], streams: Sequence[int]
) -> int:
    """Have a server run a command; its exit status, negative for a signal. The command is ended if this process is."""
    with socket.socket(socket.AF_UNIX) as connection:
        folder_of_it = os.open(Path(address).parent, os.O_RDONLY)
        connection.connect(f"/proc/self/fd/{folder_of_it}/{Path(address).name}")
        os.close(folder_of_it)
        socket.send_fds(connection, [b"\n"], streams)
        connection.sendall(json.dumps([*map(list, (command, environment.items())), folder]).encode() + b"\n")
        return int(connection.makefile("rb").readline())


def _serve(address: str) -> None:
    """Fork for each request, for as long as stdin is open; then remove the folder, which is the working directory."""
    for name in LOADED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that attend to requests
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(128)
    os.write(1, b"ready\n")
    while sys.stdin not in select.select([listener, sys.stdin], [], [])[0]:
        connection, _ = listener.accept()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            listener.close()
            _attend(connection)
            os._exit(0)
        connection.close()
    shutil.rmtree(Path.cwd())


def _attend(connection: socket.socket) -> None:
    """Fork what was asked for, and tell how it ended."""
    _, streams, _, _ = socket.recv_fds(connection, 1, 3)
    command, environment, folder = json.loads(connection.makefile("rb").readline())
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=_main, args=(command, folder, dict(environment), streams))
    child.start()
    if child.sentinel not in select.select([child.sentinel, connection], [], [])[0]:  # whoever asked is gone
        child.terminate()
    child.join()
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(b"%d\n" % (child.exitcode or 0))


def _main(command: list[str], folder: str, environment: dict[str, str], streams: list[int]) -> None:
    """Be what the command starts."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.dont_write_bytecode = "PYTHONDONTWRITEBYTECODE" in environment
    sys.orig_argv = [sys.executable, *command] if command[0] == "snakemake" else command
    sys.path[:] = [environment["PYTHONPATH"], *(path for path in sys.path if not Path(path, "dadist").is_dir())]
    if Path(folder, "sitecustomize.py").is_file():  # as Python does when it starts
        sys.modules.pop("sitecustomize", None)
        importlib.import_module("sitecustomize")
    if command[0] == "snakemake":
        sys.argv = command
        from snakemake.cli import main

        main()
    else:
        sys.argv = command[2:]
        runpy.run_module(command[2], run_name="__main__", alter_sys=True)


def _job(address: str, words: list[str]) -> None:
    """Be the `python` of a job."""
    code = _ask(address, ["python", *words], str(Path.cwd()), os.environ, (0, 1, 2))
    if code < 0:
        signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        _serve(sys.argv[2])
    else:
        _job(sys.argv[2], sys.argv[3:])
