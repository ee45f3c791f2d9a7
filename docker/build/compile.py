"""Compile the suite's code in place: `compile.py FOLDER`. Bytecode for all, machine code where there is numba."""

from __future__ import annotations

import compileall
import importlib.util
import os
import py_compile
import sys

MODE = py_compile.PycInvalidationMode.UNCHECKED_HASH  # never looked at again: nobody changes a file of an image

if importlib.util.find_spec("numba") is not None:
    # For any processor of this architecture: it is unknown where the image will run. As in the image's environment.
    os.environ.update(NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    from headrace.features.kernel import compiled

    compiled()

if not compileall.compile_dir(sys.argv[1], quiet=1, invalidation_mode=MODE):
    sys.exit("some file does not compile")
