"""Builds crosstalk._core by CMake (preset python) for pip; everything else is in pyproject.toml."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent


class CMakeBuild(build_ext):
    def build_extension(self, ext):
        python = os.path.realpath(sys.executable)
        subprocess.run(["cmake", "--preset", "python", f"-DPython_EXECUTABLE={python}"], cwd=ROOT, check=True)
        jobs = os.environ.get("JOBS", str(os.cpu_count()))
        subprocess.run(["cmake", "--build", "--preset", "python", "-j", jobs], cwd=ROOT, check=True)
        target = Path(self.get_ext_fullpath(ext.name))
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "build/python/crosstalk" / target.name, target)


setup(
    version=re.search(r"^project\(crosstalk VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text(), re.M)[1],
    ext_modules=[Extension("crosstalk._core", [])],
    cmdclass={"build_ext": CMakeBuild},
)
