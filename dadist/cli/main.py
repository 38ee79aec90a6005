"""The command `dadist`: each of its commands is a module beside this one."""

import argparse
import sys
from collections.abc import Callable, Sequence

from dadist.cli.compare import compare
from dadist.cli.costs import costs
from dadist.cli.doctor import doctor
from dadist.cli.export import export
from dadist.cli.info import info
from dadist.cli.init import init
from dadist.cli.plan import plan
from dadist.cli.predict import predict
from dadist.cli.run import run

COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "init": init,
    "run": run,
    "doctor": doctor,
    "plan": plan,
    "costs": costs,
    "info": info,
    "predict": predict,
    "export": export,
    "compare": compare,
}


def main(words: Sequence[str] | None = None) -> int:
    """Runs a command; 0 if all is well, 1 if the command says that it is not, 2 if it could not be run."""
    listing = "\n".join(
        f"  {name:10} {(command.__doc__ or '').partition(chr(10))[0]}" for name, command in COMMANDS.items()
    )
    parser = argparse.ArgumentParser(
        "dadist", epilog=f"commands:\n{listing}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=COMMANDS)
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="…", help="`dadist COMMAND --help` tells which")
    asked = parser.parse_args(words)
    try:
        return COMMANDS[asked.command](asked.words)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"dadist {asked.command}: error: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main())
