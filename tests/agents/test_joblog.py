"""The log on disk: head, ring, notices, turns."""

from __future__ import annotations

import random
from pathlib import Path

from agents.program.joblog import JobLog, LogTurns


def read_all(log: JobLog) -> bytes:
    out = b""
    while piece := log.read(len(out), 7):
        out += piece
    return out


def test_a_log_that_fits_is_kept_whole(tmp_path: Path) -> None:
    for length in range(31):
        log = JobLog(tmp_path / f"log{length}", head=20, tail=10)
        log.write(b"x" * length)
        assert log.available == min(length, 20)
        log.seal()
        assert (read_all(log), log.size) == (b"x" * length, length)


def test_of_a_longer_log_head_and_tail_are_kept_and_offsets_find_their_bytes(
    tmp_path: Path,
) -> None:
    chosen = random.Random(1)
    for number in range(300):
        written = bytes(chosen.choices(range(65, 91), k=chosen.randint(31, 99)))
        log = JobLog(tmp_path / f"log{number}", head=20, tail=10)
        position = 0
        while position < len(written):
            size = chosen.randint(1, 25)
            log.write(written[position : position + size])
            position += size
            assert written.startswith(log.read(0, 99))  # what was shipped early stays true
        log.seal()

        cut = len(written) - 30
        whole = written[:20] + f"\n… {cut} bytes cut …\n".encode() + written[-10:]
        assert (read_all(log), log.size) == (whole, len(whole))
        for offset in range(len(written) - 10, len(written) + 1):
            assert whole[log.settle(offset) :] == written[offset:]
        for offset in range(21):
            assert log.settle(offset) == offset


def test_another_process_finds_the_same_log(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "log", head=20, tail=10)
    log.write(b"0123456789" * 7)
    log.seal()

    again = JobLog(tmp_path / "log", head=20, tail=10)
    again.recall(log.kept, 0)
    again.seal()

    assert read_all(again) == read_all(log)


def test_a_ring_that_nobody_can_vouch_for_is_left_out(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "log", head=20, tail=10)
    log.write(b"0123456789" * 7)

    again = JobLog(tmp_path / "log", head=20, tail=10)
    again.recall(None, 0)
    again.seal()

    assert read_all(again) == b"01234567890123456789"


def test_parallel_steps_write_one_after_the_other(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "log")
    turns = LogTurns(log, lambda: None)
    first, second, third = (turns.open(position) for position in range(3))

    second.write(b"second 1\n")
    first.write(b"first 1\n")
    assert second.range_at(log.end) == (8, 8)
    third.write(b"third\n")
    third.close()
    first.write(b"first 2\n")
    first.close()
    second.write(b"second 2\n")
    second.close()
    log.seal()

    whole = b"first 1\nfirst 2\nsecond 1\nsecond 2\nthird\n"
    assert log.read(0, 999) == whole
    parts = [whole[slice(*part.range_at(0))] for part in (first, second, third)]
    assert parts == [b"first 1\nfirst 2\n", b"second 1\nsecond 2\n", b"third\n"]
    assert [path.name for path in tmp_path.iterdir()] == ["log"]
