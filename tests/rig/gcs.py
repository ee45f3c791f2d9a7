"""As much of Google Cloud Storage's XML API as the suite uses, in memory and written from its documentation.

There is no emulator to be had that speaks it: fake-gcs-server refuses its PUT ("invalid uploadType"). `heedless`
ignores the conditions of writes, as some emulators do.

https://cloud.google.com/storage/docs/xml-api/put-object (x-goog-if-generation-match, 0: there must be no such object;
412 where it does not hold; x-goog-generation in the answer), get-object, delete-object, get-bucket-list (list-type=2).
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from headrace.store.cloud import GcsSettings

_BUCKET = "lake"
_PAGE = 3  # keys of one answer; small, so that listings have several pages
_DATE = "2026-01-01T00:00:00.000Z"


@dataclass
class _Bucket:
    heedless: bool
    objects: dict[str, tuple[int, bytes]] = field(default_factory=dict)  # key -> generation, body
    generations: Iterator[int] = field(default_factory=lambda: count(1_700_000_000_000_000))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, key: str, body: bytes, expected: str | None) -> int | None:
        """The new generation, None where the condition does not hold."""
        with self.lock:
            found = self.objects.get(key, (0, b""))[0]
            if expected is not None and int(expected) != found and not self.heedless:
                return None
            generation = next(self.generations)
            self.objects[key] = generation, body
            return generation


@contextmanager
def gcs(*, heedless: bool = False) -> Iterator[GcsSettings]:
    """A bucket on the loopback address; gone on exit."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(_Bucket(heedless)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield GcsSettings(_BUCKET, f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _handler(bucket: _Bucket) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not self._in_bucket():
                self._fails(404, "NoSuchBucket")
                return
            generation = bucket.put(self._key(), body, self.headers.get("x-goog-if-generation-match"))
            if generation is None:
                self._fails(412, "PreconditionFailed")
            else:
                self._answer(200, b"", generation, body)

        def do_GET(self) -> None:
            if not self._in_bucket():
                self._fails(404, "NoSuchBucket")
            elif not (key := self._key()):
                self._list()
            elif (found := bucket.objects.get(key)) is None:
                self._fails(404, "NoSuchKey")
            else:
                self._object(*found)

        def _object(self, generation: int, body: bytes) -> None:
            asked = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
            if asked is None:
                self._answer(200, body, generation, body)
                return
            first, last = (int(end) if end else None for end in asked.groups())
            begin = len(body) - (last or 0) if first is None else first
            end = len(body) if first is None or last is None else min(last + 1, len(body))
            self._answer(206, body[begin:end], generation, body, f"bytes {begin}-{end - 1}/{len(body)}")

        do_HEAD = do_GET  # noqa: N815

        def do_DELETE(self) -> None:
            with bucket.lock:
                there = bucket.objects.pop(self._key(), None)
            if there is None:
                self._fails(404, "NoSuchKey")
            else:
                self._answer(204, b"")

        def _list(self) -> None:
            asked = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
            prefix, after = asked.get("prefix", ""), asked.get("continuation-token", asked.get("start-after", ""))
            keys = sorted(
                (key for key in bucket.objects if key.startswith(prefix) and key.encode() > after.encode()),
                key=str.encode,
            )
            rows = "".join(
                f"<Contents><Key>{escape(key)}</Key><Size>{len(bucket.objects[key][1])}</Size>"
                f"<LastModified>{_DATE}</LastModified><ETag>{_etag(bucket.objects[key][1])}</ETag></Contents>"
                for key in keys[:_PAGE]
            )
            next_ = escape(keys[_PAGE - 1]) if len(keys) > _PAGE else ""
            more = f"<NextContinuationToken>{next_}</NextContinuationToken>" if next_ else ""
            self._answer(200, f"<ListBucketResult>{rows}{more}</ListBucketResult>".encode())

        def _key(self) -> str:
            return unquote(urlsplit(self.path).path.removeprefix("/").partition("/")[2])

        def _in_bucket(self) -> bool:
            return urlsplit(self.path).path.split("/")[1] == _BUCKET

        def _fails(self, status: int, code: str) -> None:
            self._answer(status, f"<Error><Code>{code}</Code></Error>".encode())

        def _answer(
            self, status: int, said: bytes, generation: int | None = None, body: bytes = b"", part: str = ""
        ) -> None:
            self.send_response(status)
            if part:
                self.send_header("Content-Range", part)
            if generation is not None:
                self.send_header("x-goog-generation", str(generation))
                self.send_header("ETag", _etag(body))
                self.send_header("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT")
            if status != 204:
                self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(said)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it so)
            """Say nothing."""

    return Handler


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
