"""Become the broker: its settings from the file beside this one, its data folder formatted the first time."""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
import uuid
from pathlib import Path

HERE = Path(__file__).parent
DATA = Path("/var/lib/kafka/data")
EXTRA = Path("/etc/kafka/extra.properties")
# Small heap, the simple collector and compiler: it starts in seconds and lives in about 200 MB.
JAVA = [
    str(HERE / "java/bin/java"),
    "-Xms128m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:MaxDirectMemorySize=256m",
    "-XX:-UsePerfData",
    f"-Dlog4j2.configurationFile={HERE / 'log4j2.xml'}",
    "-Dlog4j2.disableJmx=true",
    "-cp",
    str(HERE / "jars/*"),
]


def main() -> None:
    """Write the settings, format the data folder where it is new, and start."""
    text = (HERE / "server.properties").read_text().replace("@KAFKA_ADVERTISED@", os.environ["KAFKA_ADVERTISED"])
    extra = EXTRA.read_text() if EXTRA.exists() else ""
    settings = Path(tempfile.mkdtemp()) / "server.properties"
    settings.write_text(f"{text}\n{extra}")
    if not (DATA / "meta.properties").exists():
        # A leading `-` would be taken for an option.
        cluster = f"A{base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]}"
        subprocess.run([*JAVA, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", settings], check=True)
    os.execv(JAVA[0], [*JAVA, "kafka.Kafka", str(settings)])  # noqa: S606  signals go straight to the broker


main()
