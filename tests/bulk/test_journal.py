"""What a run remembers, also of a process that was killed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stamp2vec.cli.bulk.journal import DoneFile, DonePage, Journal, Totals, Work
from stamp2vec.errors import InvalidInput

SETTINGS = {"models": ["a@1"], "options": {"pages": ""}}


def opened(path: Path, *, resume: bool = True, settings: dict[str, object] | None = None) -> Journal:
    return Journal(path / "j", settings or SETTINGS, resume=resume)


def test_files_are_read_by_name_once_each(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.add((f"{number:04}", f"in/{number:04}") for number in reversed(range(700)))
    journal.add([("0000", "elsewhere")])
    found = list(journal.work())
    assert [work.name for work in found] == [f"{number:04}" for number in range(700)]
    assert found[0].path == "in/0000"


def test_it_goes_on_after_the_last_page(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.add([("a", "a"), ("b", "b"), ("c", "c")])
    a, b, c = journal.work()
    journal.keep([DonePage(a.id, 0, 2, False, "{}"), DoneFile(a.id), DonePage(b.id, 0, 0, False, "{}")])
    journal.keep([DonePage(b.id, 4, 1, True, '{"x": 1}'), DonePage(b.id, 0, 9, False, "repeated")])
    journal.close()
    journal = opened(tmp_path)
    assert list(journal.work()) == [Work(b.id, "b", "b", 4), Work(c.id, "c", "c", None)]
    journal.keep([DoneFile(b.id, "no more", ("damaged",))])
    assert journal.totals() == Totals(files=3, done=2, pages=3, stamps=3, errors=2)
    records = [(file.name, file.error, file.warnings, list(file.pages)) for file in journal.records()]
    assert records == [("a", None, (), ["{}"]), ("b", "no more", ("damaged",), ["{}", '{"x": 1}']), ("c", None, (), [])]
    journal.remove()
    assert os.listdir(tmp_path) == []


def test_an_old_one_is_not_taken_by_accident(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(InvalidInput, match="add --resume to go on with it, or remove it"):
        opened(tmp_path, resume=False)


def test_other_settings_are_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    with pytest.raises(InvalidInput, match=r"models was \['a@1'\], now \['a@2'\]"):
        opened(tmp_path, settings={**SETTINGS, "models": ["a@2"]})
    opened(tmp_path).close()


def test_two_runs_do_not_share_one(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    program = (
        "from pathlib import Path; from stamp2vec.cli.bulk.journal import Journal; "
        f"Journal(Path({str(tmp_path / 'j')!r}), {{}}, resume=True)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "another run writes to it" in done.stderr
    journal.close()


def test_what_is_no_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("a note of mine, which is longer than the head of a database " * 20)
    with pytest.raises(InvalidInput, match="cannot be used"):
        opened(tmp_path)


def test_what_is_kept_outlives_kill_9(tmp_path: Path) -> None:
    program = f"""
import os, signal
from pathlib import Path
from stamp2vec.cli.bulk.journal import Journal, DonePage
journal = Journal(Path({str(tmp_path / "j")!r}), {SETTINGS!r}, resume=False)
journal.add([("a", "a")])
journal.keep([DonePage(1, 0, 0, False, "kept")])
journal._database.execute("BEGIN")
journal._database.execute("INSERT INTO pages VALUES (1, 1, 0, 0, 'torn')")
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == -signal.SIGKILL
    (file,) = opened(tmp_path).records()
    assert list(file.pages) == ["kept"]
