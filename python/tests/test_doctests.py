"""The examples in docstrings and in the guide."""

import doctest
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

MODULES = ["_audit", "_compat", "_defence", "_estimators", "_problem", "_rows", "attacks"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings(name):
    assert doctest.testmod(importlib.import_module(f"crosstalk.{name}")).failed == 0


def test_examples_of_the_guide(tmp_path, monkeypatch):
    page = ROOT / "docs/guide/python.md"
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shops.csv").write_bytes((ROOT / "examples/cpp/shops.csv").read_bytes())
    done = doctest.testfile(str(page), module_relative=False)
    assert done.attempted > 10 and done.failed == 0


def test_stubs_say_what_the_module_has(tmp_path):
    pytest.importorskip("mypy")
    words = [sys.executable, "-m", "mypy.stubtest", "crosstalk._core", "--allowlist"]
    done = subprocess.run(
        [*words, str(ROOT / "python/tests/stubtest.allow")], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
