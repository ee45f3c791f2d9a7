"""The clean steps by the key that a pipeline file has for them."""

from __future__ import annotations

from headrace.contract import clean
from headrace.contract.fields import Part

STEPS: dict[str, type[Part]] = {
    "require": clean.Require,
    "filter": clean.Filter,
    "derive": clean.Derive,
    "fill": clean.Fill,
    "cast": clean.Cast,
    "trim": clean.Trim,
    "normalise": clean.Normalise,
    "drop_duplicates": clean.DropDuplicates,
}
