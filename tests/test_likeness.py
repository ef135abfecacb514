"""The comparison of documents: last digits may tip, and nothing else."""

from __future__ import annotations

import pytest
from likeness import alike
from rows import each_row

SAME = [
    ("0,1,hidden,30,0.07746388431801901\n", "0,1,hidden,30,0.07746388431801902\n"),  # another processor's last bit
    ("0.1\n", "0.10000000000000002\n"),
    ("mean 0.967 ± 0.012\n", "mean 0.968 ± 0.011\n"),
    ("| 9.999e-06 | 1,234.5 |\n", "| 1.000e-05 | 1,234.6 |\n"),
    ("norm   ratio\n-----  -----\n0.125   -4.0\n", "norm    ratio\n------  -----\n0.1250   -4.0\n"),
    ("(0.31, 0.5%]\n", "(0.32, 0.4%]\n"),
]
OTHER = [
    ("0.07746388431801901\n", "0.07756388431801901\n"),
    ("0.967\n", "0.969\n"),
    ("1.0e-05\n", "1.0e-06\n"),
    ("0.5\n", "-0.5\n"),
    ("[-0.5]\n", "[0.5]\n"),
    ("12 runs\n", "13 runs\n"),  # a count is not rounded
    ("57,210 parameters\n", "57,211 parameters\n"),
    ("quickstart-2b5cfb41-s0\n", "quickstart-2b5cfb42-s0\n"),
    ("Python 3.11.7\n", "Python 3.11.8\n"),
    ("784-30-10\n", "784-31-10\n"),
    ("0.5 of all\n", "0.5 of some\n"),
    ("0.5\n", "nan\n"),
    ("one\ntwo\n", "one\n"),
    ("one\n", "one\ntwo\n"),
    ("one\n\ntwo\n", "one\ntwo\n"),
    ("0.5 0.6\n", "0.5\n"),
    ("0.1054\n", "0.9599\n"),
]


@pytest.mark.parametrize(("shown", "printed"), SAME)
def test_a_last_digit_and_the_width_of_a_column_do_not_count(shown: str, printed: str) -> None:
    assert alike(shown, printed)
    assert alike(printed, shown)


@each_row("shown, printed", OTHER)
@each_row("within", [0.0, 0.001])
def test_digits_words_and_lines_count(shown: str, printed: str, within: float) -> None:
    assert not alike(shown, printed, within)
    assert not alike(printed, shown, within)


def test_what_training_gives_may_differ_as_much_as_is_said() -> None:
    assert not alike("0.9649\n", "0.9666\n")
    assert alike("0.9649\n", "0.9666\n", within=0.002)
    assert not alike("0.9649\n", "0.9666\n", within=0.001)
    assert not alike("2 runs\n", "3 runs\n", within=0.9)
