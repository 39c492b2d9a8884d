"""A block of code is interrupted wherever it is, and nothing is left behind."""

import re
import signal
import threading
import time

import pytest

from pointsman.services.time_limit import time_limit


def test_regular_expression_is_interrupted() -> None:
    with pytest.raises(TimeoutError), time_limit(0.05):
        re.fullmatch("(a+)+", "a" * 60 + "!")


def test_what_ends_in_time_is_not_disturbed() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with time_limit(0.05):
        pass
    assert (signal.getitimer(signal.ITIMER_REAL)[0], signal.getsignal(signal.SIGALRM)) == (0, before)
    time.sleep(0.06)


def test_another_thread_has_no_limit() -> None:
    done: list[bool] = []

    def work() -> None:
        with time_limit(0.001):
            time.sleep(0.01)
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]
