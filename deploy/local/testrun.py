"""`make test`: servers of its own around one run of pytest.

The servers start empty and end with the run. Workers of pytest-xdist find them by TIELINE_TEST_SERVERS,
the path of a file for `deploy.local.servers.attach`.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from deploy.local import interruption, servers
from deploy.local.announcing import CannotRun, say
from deploy.local.instance import CHECKOUT
from deploy.local.servers import Servers

INSTANCE = "test"
WORKERS = 2


def main(arguments: Sequence[str]) -> int:
    """Run pytest with these arguments; its exit code is ours."""
    try:
        with servers.running(INSTANCE) as ready:
            return _pytest(ready, arguments)
    except CannotRun as reason:
        say(str(reason))
        return 1
    except KeyboardInterrupt:
        return 130


def _pytest(ready: Servers, arguments: Sequence[str]) -> int:
    command = (sys.executable, "-m", "pytest", *worker_options(ready, arguments), *arguments)
    env = {**os.environ, "TIELINE_TEST_SERVERS": str(ready.instance.state_file)}
    run = subprocess.Popen(command, cwd=CHECKOUT, env=env)
    try:
        return run.wait()
    except KeyboardInterrupt:
        # Ctrl-C at a terminal has reached pytest as well; a second signal would cut its teardown short
        _let_finish(run)
        raise
    except SystemExit:
        run.send_signal(signal.SIGINT)
        _let_finish(run)
        raise


def _let_finish(run: "subprocess.Popen[bytes]") -> None:
    """Let pytest report and close its connections before the servers go."""
    with interruption.ignored():
        try:
            run.wait(timeout=30)
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()


def worker_options(ready: Servers, arguments: Sequence[str]) -> tuple[str, ...]:
    if any(word.startswith(("-n", "--numprocesses", "--pdb")) for word in arguments):
        return ()
    if not ready.makes_vhosts:
        say("one worker: they would disturb each other in the one vhost of TIELINE_RABBITMQ_URL")
        return ("-n", "0")
    return ("-n", str(WORKERS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
