"""The kernel's machine code beside its source, read but never written: what an image with a read-only root needs."""

from __future__ import annotations

from pathlib import Path

from numba.core.caching import InTreeCacheLocator


class Precompiled(InTreeCacheLocator):
    """Named by `NUMBA_CACHE_LOCATOR_CLASSES`; numba's own locators pass over a folder that they cannot write to."""

    def ensure_cache_path(self) -> None:
        """Nothing is made; raises FileNotFoundError, an OSError as numba expects, when nothing was compiled here."""
        folder = Path(str(self._cache_path))
        if not any(folder.glob("*.nbi")):
            raise FileNotFoundError(f"no compiled code in {folder}")
