"""What the tests of the wire share: a watch on memory, and streams written by pyarrow as a stranger might."""

import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pyarrow as pa
import pytest

StreamWriter = Callable[..., bytes]
MemoryWatch = Callable[[int], AbstractContextManager[None]]


@pytest.fixture
def stream() -> StreamWriter:
    def write(*batches: pa.RecordBatch | pa.Table, compression: str | None = None, **options: object) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(
            sink, batches[0].schema, options=pa.ipc.IpcWriteOptions(compression=compression, **options)
        ) as writer:
            for batch in batches:
                writer.write(batch)
        value: bytes = sink.getvalue().to_pybytes()
        return value

    return write


@pytest.fixture
def at_most() -> MemoryWatch:
    """Fails when the block needed more than so many bytes at once, in Python or in Arrow."""

    @contextmanager
    def watch(limit: int) -> Iterator[None]:
        usual = pa.default_memory_pool()
        watched = pa.proxy_memory_pool(usual)
        pa.set_memory_pool(watched)
        tracemalloc.start()
        try:
            yield
            used = tracemalloc.get_traced_memory()[1] + (watched.max_memory() or 0)
        finally:
            tracemalloc.stop()
            pa.set_memory_pool(usual)
        assert used <= limit, f"{used} bytes were needed"

    return watch
