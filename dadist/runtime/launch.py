"""Several processes of one stage on one machine, started and watched by torchrun's agent."""

import logging
import signal
import sys
from collections.abc import Sequence

logger = logging.getLogger(__name__)

MODULE = "dadist.stages"


def launch(processes: int, stage: str, arguments: Sequence[str]) -> None:
    """Run ``python -m dadist.stages.<stage>`` in that many processes, as ``torchrun --standalone`` does, to the end.

    If one fails or is lost, the others are told to end, and killed if they do not within half a minute. A signal to
    end that comes here goes on to all of them.

    Raises:
        SystemExit: when they did not all end well.
    """
    # Here, since it imports torch.
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        run_id=stage,
        rdzv_backend="c10d",
        rdzv_endpoint="localhost:0",  # any port that is free
        local_addr="localhost",
        max_restarts=0,  # whoever runs the stage does so again, and it goes on from its state
    )
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)  # asks for a save where it reaches the processes, and ends nothing
    try:
        elastic_launch(config, sys.executable)("-m", f"{MODULE}.{stage}", *arguments)
    except SignalException as error:
        name = signal.Signals(error.sigval).name
        logger.warning("stopped by %s; the same command goes on from the last saved state", name)
        raise SystemExit(128 + error.sigval) from None
    except ChildFailedError as error:
        codes = {rank: one.exitcode for rank, one in sorted(error.failures.items())}
        # What the agent told to end is not what went wrong.
        told = {rank: code for rank, code in codes.items() if code != -signal.SIGTERM} or codes
        logger.error(
            "error: expected %d processes to the end, got %s; what they said stands above; "
            "the same command goes on from the last saved state",
            processes,
            ", ".join(f"process {rank} {_ended(code)}" for rank, code in told.items()),
        )
        code = min(told.values())
        raise SystemExit(128 - code if code < 0 else code) from None


def _ended(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
