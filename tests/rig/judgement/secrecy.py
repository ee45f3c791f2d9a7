"""A planted secret (I13) appears in no log, no metric, no quarantine row and no command line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from rig.judgement.content import Content
from rig.judgement.evidence import Evidence
from rig.judgement.words import Book, Word


def judge_secrecy(evidence: Evidence, quarantine: Content, book: Book) -> None:
    """Look for each secret everywhere."""
    for name, secret in evidence.secrets.items():
        needle = secret.encode()
        for where, text in evidence.texts.items():
            if needle in text:
                book.find(Word.SECRET, "I13", where, name)
        for service, texts in evidence.instruments.items():
            if any(secret in text for text in texts):
                book.find(Word.SECRET, "I13", f"metrics of {service}", name)
        for message in quarantine.messages():
            for row in message.rows:
                if needle in row["raw"] or any(isinstance(said, str) and secret in said for said in row.values()):
                    book.find(Word.SECRET, "I13", quarantine.topic, f"{name} in {message.partition}/{message.offset}")


def texts_of(logs: Iterable[Path], processes: Iterable[int]) -> Iterator[tuple[str, bytes]]:
    """What logs say, and the command lines of processes that still run."""
    for log in logs:
        yield f"log {log.name}", log.read_bytes()
    for process in processes:
        try:
            yield f"command line of {process}", Path(f"/proc/{process}/cmdline").read_bytes()
        except OSError:
            continue  # it is gone
