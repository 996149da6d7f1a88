"""A real cluster: a scheduler and two workers, each a process of its own, on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

distributed = pytest.importorskip("distributed")

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0  # seconds


@dataclass
class Cluster:
    """Processes of a cluster, and a client of it."""

    folder: Path
    scheduler: subprocess.Popen[bytes]
    workers: list[subprocess.Popen[bytes]]
    client: Any

    @property
    def address(self) -> str:
        return str(self.client.scheduler.address)

    def add_worker(self, memory: str = "2GiB") -> None:
        self.workers.append(start_worker(self.folder, memory))
        self.wait_for(sum(worker.poll() is None for worker in self.workers))

    def wait_for(self, n: int) -> None:
        self.client.wait_for_workers(n, timeout=PATIENCE)

    def kill_one(self) -> None:
        """End a worker as an operating system does that needs memory."""
        worker = next(worker for worker in self.workers if worker.poll() is None)
        worker.send_signal(signal.SIGKILL)
        worker.wait(PATIENCE)


def start(*command: str, log: Path) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "5",
        "OMP_NUM_THREADS": "1",
    }
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "dask", *command], env=environment, stdout=out, stderr=out
        )


def start_worker(folder: Path, memory: str) -> subprocess.Popen[bytes]:
    return start(
        "worker",
        f"--scheduler-file={folder / 'scheduler.json'}",
        "--host=127.0.0.1",
        "--nthreads=1",
        "--no-nanny",
        "--no-dashboard",
        f"--memory-limit={memory}",
        f"--local-directory={folder}",
        log=folder / "workers.log",
    )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("cluster")
    file = folder / "scheduler.json"
    scheduler = start(
        "scheduler",
        "--host=127.0.0.1",
        "--port=0",
        "--no-dashboard",
        f"--scheduler-file={file}",
        log=folder / "scheduler.log",
    )
    workers = [start_worker(folder, "2GiB") for _ in range(2)]
    try:
        until = time.monotonic() + PATIENCE
        while not file.exists():
            assert scheduler.poll() is None, (folder / "scheduler.log").read_text()
            assert time.monotonic() < until, "the scheduler does not start"
            time.sleep(0.05)
        with distributed.Client(scheduler_file=str(file), timeout=PATIENCE) as client:
            client.wait_for_workers(2, timeout=PATIENCE)
            yield Cluster(folder, scheduler, workers, client)
    finally:
        for process in (*workers, scheduler):
            process.kill()
            process.wait(PATIENCE)
