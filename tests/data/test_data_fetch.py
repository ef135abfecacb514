"""Downloads from mirrors that fail in every way: the next one is taken, and only right bytes get the final name."""

from __future__ import annotations

import gzip
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from data_files import NAMES, QUICK, SIZES, Handler, Mirror, content, put, use

from vgrad.data import fetch, load
from vgrad.data.idx import content_digest
from vgrad.errors import DataError

FAULTS = {
    "not_found": "HTTP 404",
    "unavailable": "HTTP 503",
    "hang": "timed out",
    "stall": "timed out",
    "drip": "not done after 1.2 s",
    "drip_header": "no answer within 1.2 s",
    "wrong_bytes": "sends wrong bytes",
    "error_page": "sends a cut-off file",
    "nothing": "sends a cut-off file",
    "cut_off": "cut off",
    "cut_off_unannounced": "sends a cut-off file",
    "too_long": "sends more bytes than the file has",
    "endless": "sends more bytes than the file has",
    "loop": "redirects in circles",
    "endless_redirect": "redirects in circles",
    "elsewhere": "InvalidSchema",
    "not_http": "no connection",
}


def test_every_fault_of_the_server_is_tested() -> None:
    behaviours = {name for name in vars(Handler) if not name.startswith(("_", "do_", "log_"))}
    assert behaviours - set(FAULTS) == {"head", "until_stopped", "good", "slow_but_good", "encoded", "moved"}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_next_mirror_is_taken(
    fault: str, folder: Path, made: dict[str, bytes], served: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, served.address(fault), served.address("good"))
    paths = fetch.fetch(**QUICK)
    assert paths == [folder / "mnist" / name for name in NAMES]
    assert content(folder) == made
    assert served.requests[-4:] == [("good", name) for name in NAMES]
    assert {name for behaviour, name in served.requests if behaviour == fault} == {NAMES[0]}
    assert [status.state for status in fetch.verify()] == ["ok"] * 4


@pytest.mark.parametrize("fault", FAULTS)
def test_when_all_mirrors_fail(
    fault: str, folder: Path, served: Mirror, made: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, {NAMES[1]: made[NAMES[1]]})
    use(monkeypatch, served.address(fault))
    started = time.perf_counter()
    with pytest.raises(DataError) as caught:
        fetch.fetch(**QUICK)
    assert time.perf_counter() - started < 5
    message = str(caught.value)
    assert FAULTS[fault] in message
    assert f"127.0.0.1:{served.server.server_port}: " in message
    assert all(word in message for word in (NAMES[0], NAMES[2], NAMES[3], str(folder / "mnist"), "`data: digits`"))
    assert NAMES[1] not in message
    assert message.isprintable()
    assert content(folder) == {NAMES[1]: made[NAMES[1]]}


@pytest.mark.parametrize("behaviour", ["good", "encoded", "moved"])
def test_one_mirror_is_enough(
    behaviour: str, folder: Path, made: dict[str, bytes], served: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, served.address(behaviour).rstrip("/"))
    fetch.fetch()
    assert content(folder) == made
    plain = folder / "plain"
    plain.touch()
    assert (folder / "mnist" / NAMES[0]).stat().st_mode == plain.stat().st_mode


@pytest.mark.parametrize("address", ["http://127.0.0.1:1/", "ftp://x/", "nonsense", "http://[/", "file:///etc/"])
def test_no_server(address: str, folder: Path, made: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, address)
    with pytest.raises(DataError, match="no mirror gave"):
        fetch.fetch(**QUICK)
    assert content(folder) == {}


def test_the_public_mirrors_are_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGRAD_MIRRORS", " ")
    assert fetch.mirrors() == fetch.MIRRORS
    assert len(fetch.MIRRORS) == 2


def test_a_password_in_an_address_is_not_shown(
    folder: Path, made: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, "http://me:secret@127.0.0.1:1/")
    with pytest.raises(DataError, match=r"\(127\.0\.0\.1:1: no connection\)"):
        fetch.fetch(**QUICK)


def test_loading_fetches_what_is_missing_once(
    folder: Path, made: dict[str, bytes], served: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, served.address("good"))
    put(folder, {NAMES[2]: made[NAMES[2]]})
    data = load("mnist", scale="none", progress=True)
    assert (len(data.train), len(data.validation), len(data.test)) == SIZES
    assert len(served.requests) == 3
    again = load("mnist", scale="none")
    assert len(served.requests) == 3
    assert again.digest == data.digest
    np.testing.assert_array_equal(again.train.inputs, data.train.inputs)


def test_a_wrong_file_is_neither_used_nor_replaced_by_loading(
    folder: Path, made: dict[str, bytes], served: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, served.address("good"))
    damaged = made | {NAMES[0]: made[NAMES[0]][:-1], NAMES[3]: b"nothing of the kind"}
    put(folder, damaged)
    with pytest.raises(DataError) as caught:
        load("mnist")
    first, second = caught.value.problems
    found, due = fetch.verify()[0].digest, fetch.FILES[NAMES[0]].sha256
    for word in (str(folder / "mnist" / NAMES[0]), found[:12], due[:12], "`vgrad data fetch`"):
        assert word in first
    assert NAMES[3] in second
    assert served.requests == []
    assert content(folder) == damaged
    assert [status.state for status in fetch.verify()] == ["wrong", "ok", "ok", "wrong"]
    fetch.fetch()
    assert content(folder) == made
    assert [name for _, name in served.requests] == [NAMES[0], NAMES[3]]


def handed_out(form: str, name: str, data: bytes) -> tuple[str, bytes]:
    """A file as a course hands it out."""
    plain = gzip.decompress(data)
    bare = name.removesuffix(".gz")
    return {
        "unpacked": (bare, plain),
        "unpacked under the published name": (name, plain),
        "packed without its ending": (bare, data),
        "another level": (name, gzip.compress(plain, 1, mtime=7)),
        "with a file name": (name, data[:3] + b"\x08" + data[4:10] + b"mnist\0" + data[10:]),
    }[form]


@pytest.mark.parametrize(
    "form",
    [
        "unpacked",
        "unpacked under the published name",
        "packed without its ending",
        "another level",
        "with a file name",
    ],
)
def test_the_content_counts(
    form: str, folder: Path, made: dict[str, bytes], served: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, served.address("good"))
    files = dict(handed_out(form, name, data) for name, data in made.items())
    put(folder, files)
    found = load("mnist", scale="none")
    assert [status.state for status in fetch.verify()] == ["ok"] * 4
    assert [path.name for path in fetch.fetch()] == list(files)
    assert served.requests == []
    assert content(folder) == files
    put(folder, made)
    assert load("mnist", scale="none").digest == found.digest


def test_wrong_content_is_refused_in_every_form(
    folder: Path, made: dict[str, bytes], served: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, served.address("good"))
    plain = {name.removesuffix(".gz"): gzip.decompress(data) for name, data in made.items()}
    bare = NAMES[0].removesuffix(".gz")
    wrong = plain[bare][:-1] + bytes([plain[bare][-1] ^ 1])
    for name, data in (
        (bare, wrong),
        (bare, plain[bare][:-1]),
        (bare, plain[bare] + b"\0"),
        (NAMES[0], gzip.compress(wrong)),
        (NAMES[0], made[NAMES[0]] + b"\0"),
    ):
        files = {other: data for other, data in plain.items() if other != bare} | {name: data}
        put(folder, files)
        with pytest.raises(DataError) as caught:
            load("mnist")
        assert str(folder / "mnist" / name) in str(caught.value)
        assert content(folder) == files
        (folder / "mnist" / name).unlink()
    put(folder, {bare: wrong})
    assert fetch.fetch()[0].name == NAMES[0]
    assert content(folder) == plain | {bare: wrong, NAMES[0]: made[NAMES[0]]}
    assert [status.state for status in fetch.verify()] == ["ok"] * 4


def test_a_failed_fetch_leaves_the_wrong_file(
    folder: Path, made: dict[str, bytes], served: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, made | {NAMES[0]: b"old"})
    use(monkeypatch, served.address("wrong_bytes"))
    with pytest.raises(DataError, match="sends wrong bytes"):
        fetch.fetch(**QUICK)
    assert content(folder) == made | {NAMES[0]: b"old"}


def test_two_at_once(folder: Path, made: dict[str, bytes], served: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, served.address("slow_but_good"))
    results: list[list[Path]] = []
    threads = [threading.Thread(target=lambda: results.append(fetch.fetch())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    assert len(served.requests) > 4
    assert content(folder) == made


def test_default_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("VGRAD_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert fetch.data_dir().name == "vgrad"
    assert list(tmp_path.iterdir()) == []


def test_a_bar_is_for_terminals(
    folder: Path,
    made: dict[str, bytes],
    served: Mirror,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    use(monkeypatch, served.address("good"))
    fetch.fetch(progress=True)
    assert capsys.readouterr() == ("", "")
    (folder / "mnist" / NAMES[0]).unlink()
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    fetch.fetch(progress=True)
    assert NAMES[0] in capsys.readouterr().err


def test_real_files_are_the_published_ones(real: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VGRAD_DATA", str(real))
    assert [status.state for status in fetch.verify()] == ["ok"] * 4
    paths, due = fetch.fetch(), fetch.FILES.values()
    assert [path.stat().st_size for path in paths] == [published.size for published in due]
    digests = [content_digest(path, published.unpacked) for path, published in zip(paths, due, strict=True)]
    assert digests == [published.content for published in due]
