"""The yardstick: one process consumes, decodes, checks, computes, scores, produces and stores. It guarantees nothing.

`python hand_loop.py JOB.json` gets ready, waits until the file `go` exists, works off its partitions of the raw topic
and writes what it measured to `result`.
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import boto3
import onnxruntime as ort
import pyarrow as pa
import pyarrow.parquet as pq
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from headrace.local.processes import peak_memory

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from w1.by_hand import ByHand, Worked
from w1.events import events

_BATCH = 10_000
_FILE_ROWS = 100_000


class HandLoop:
    """The loop and its clients."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._hand = ByHand()
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = ort.InferenceSession(Path(job["model"]).read_bytes(), options)
        self._output = self._session.get_outputs()[-1].name
        self._producer = Producer({"bootstrap.servers": job["kafka"], "linger.ms": 50, "acks": 1})
        self._s3 = boto3.client(
            "s3",
            endpoint_url=job["s3"],
            aws_access_key_id=job["access_key"],
            aws_secret_access_key=job["secret_key"],
            region_name="us-east-1",
        )
        self._waiting: list[pa.Table] = []
        self.rows = self.good = self.size = 0

    def warm_up(self) -> None:
        """Compile and try everything that is slow the first time."""
        warm = ByHand().work(next(events(1_000))["value"].to_list())
        self._session.run([self._output], {"inputs": warm.inputs})

    def run(self) -> None:
        """Work off what is in the topic now."""
        settings = {"bootstrap.servers": self._job["kafka"], "group.id": uuid.uuid4().hex, "enable.auto.commit": False}
        consumer = Consumer({**settings, "fetch.message.max.bytes": 1 << 20, "queued.max.messages.kbytes": 65_536})
        places = [TopicPartition(self._job["topic"], number, OFFSET_BEGINNING) for number in self._job["partitions"]]
        wanted = sum(consumer.get_watermark_offsets(place)[1] for place in places)
        consumer.assign(places)
        while self.rows < wanted:
            messages = consumer.consume(_BATCH, timeout=0.1)
            texts = [text for message in messages if message.error() is None and (text := message.value()) is not None]
            if texts:
                self.rows += len(texts)
                self.size += sum(map(len, texts))
                self._take(self._hand.work(texts))
        self._store()
        self._producer.flush()
        consumer.close()

    def _take(self, worked: Worked) -> None:
        scores = self._session.run([self._output], {"inputs": worked.inputs})[0][:, -1]
        self.good += len(scores)
        for id_, score in zip(worked.ids, scores.tolist(), strict=True):
            self._send(
                self._job["predictions"], id_.encode(), b'{"event_id":"%b","score":%.7f}' % (id_.encode(), score)
            )
        for reason, raw in worked.rejected:
            self._send(self._job["rejected"], reason.encode(), raw)
        self._producer.poll(0)
        self._waiting.append(worked.rows.append_column("score", pa.array(scores)))
        if sum(table.num_rows for table in self._waiting) >= _FILE_ROWS:
            self._store()

    def _send(self, topic: str, key: bytes, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key)
                return
            except BufferError:
                self._producer.poll(0.05)

    def _store(self) -> None:
        if self._waiting:
            body = io.BytesIO()
            pq.write_table(pa.concat_tables(self._waiting), body, compression="zstd", compression_level=1)
            key = f"by_hand/{uuid.uuid4().hex}.parquet"
            self._s3.put_object(Bucket=self._job["bucket"], Key=key, Body=body.getvalue())
            self._waiting = []


def main() -> None:
    """Get ready, wait for the word, work, report."""
    job = json.loads(Path(sys.argv[1]).read_text())
    pa.set_cpu_count(1)
    gc.disable()
    loop = HandLoop(job)
    loop.warm_up()
    Path(job["ready"]).touch()
    while not Path(job["go"]).exists():
        time.sleep(0.01)
    began, cpu = time.monotonic(), time.process_time()
    loop.run()
    result = {
        "began": began,
        "ended": time.monotonic(),
        "cpu_seconds": time.process_time() - cpu,
        "peak_bytes": peak_memory(os.getpid()),
        "rows": loop.rows,
        "bytes": loop.size,
        "good": loop.good,
    }
    Path(job["result"]).write_text(json.dumps(result))


if __name__ == "__main__":
    main()
