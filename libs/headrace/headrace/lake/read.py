"""Reading the lake as its users do: any reader of Delta tables will do."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from headrace.contract.errors import NotFound, StoreUnavailable
from headrace.lake.addresses import address, reader_options
from headrace.lake.tables import Table
from headrace.store.opening import StoreAddress


@dataclass(frozen=True, slots=True)
class Lake:
    """The tables in one bucket."""

    settings: StoreAddress

    def uri(self, table: Table) -> str:
        """The table's address."""
        return address(self.settings, table.root)

    @property
    def options(self) -> dict[str, str]:
        """What deltalake and polars need to know of the store."""
        return reader_options(self.settings)

    def open(self, table: Table) -> DeltaTable:
        """The table as of now; raises NotFound when nothing was ever written to it."""
        try:
            return DeltaTable(self.uri(table), storage_options=self.options)
        except TableNotFoundError as error:
            raise NotFound(f"{self.uri(table)}: there is no table yet; has the lake service run?") from error
        except (OSError, DeltaError) as error:  # the store's own failures come as OSError
            reason = str(error).splitlines()[0]
            raise StoreUnavailable(f"{self.uri(table)}: {reason}") from error

    def scan(self, table: Table) -> tuple[pl.LazyFrame, int]:
        """The table's rows, not read yet, and the version they are of; raises NotFound."""
        delta = self.open(table)
        return pl.scan_delta(delta, storage_options=self.options), delta.version()
