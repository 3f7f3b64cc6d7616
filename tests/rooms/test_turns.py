"""Writers of one SQLite file take turns: whoever came first writes first, in this process and in others."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ledger import turns
from ledger.turns import Turns

OTHER = """
import sys
from pathlib import Path
from ledger.turns import Turns
with Turns(Path(sys.argv[1])).taken():
    print("mine", flush=True)
    sys.stdin.readline()
"""


def test_threads_are_served_in_the_order_in_which_they_came(tmp_path: Path) -> None:
    ours, served = Turns(tmp_path / "turns"), list[int]()

    def write(number: int) -> None:
        with ours.taken():
            served.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    with ours.taken():
        for number, one in enumerate(threads):
            one.start()
            while len(ours._waiting) <= number:  # until it stands in the line
                pass
    for one in threads:
        one.join()
    assert served == list(range(20))


def test_another_process_is_waited_for(tmp_path: Path) -> None:
    path, mine = tmp_path / "turns", threading.Event()
    command = [sys.executable, "-c", OTHER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin
        assert other.stdout
        assert other.stdout.readline() == "mine\n"

        def write() -> None:
            with Turns(path).taken():
                mine.set()

        waiting = threading.Thread(target=write)
        waiting.start()
        assert not mine.wait(0.05)
        other.stdin.close()  # it ends, and its turn with it
        assert mine.wait(60)
        waiting.join()


def test_whoever_waits_in_vain_goes_on_and_leaves_the_line_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "PATIENCE", 0.02)
    ours, went = Turns(tmp_path / "turns"), threading.Event()

    def write() -> None:
        with ours.taken():
            went.set()

    with ours.taken():
        thread = threading.Thread(target=write)
        thread.start()
        assert went.wait(60)
        thread.join()
        with ours.taken():  # the same thread once more: it waits for nobody
            pass
    with ours.taken():
        assert not ours._waiting


def test_where_no_file_can_be_locked_threads_still_take_turns(tmp_path: Path) -> None:
    with Turns(tmp_path / "no folder" / "turns").taken():
        pass
