"""The command line: `python -m headrace_flights replay --kafka localhost:9092`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer
from headrace.contract.errors import HeadraceError

from headrace_flights.dataset import load
from headrace_flights.events import event_streams
from headrace_flights.ledger import Report
from headrace_flights.records import merged_records
from headrace_flights.replay import TOPIC_PREFIX, Progress
from headrace_flights.replay import replay as replay_records

app = typer.Typer(help="The flights of New York in 2013 as Kafka producers would have sent them.", no_args_is_help=True)

_DAYS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


@app.callback()
def main() -> None:
    """The flights of New York in 2013 as Kafka producers would have sent them."""


@app.command()
def replay(
    kafka: Annotated[str, typer.Option(help="Bootstrap servers, host:port[,host:port].")],
    start: Annotated[datetime | None, typer.Option("--from", formats=_DAYS, help="First event time, UTC.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=_DAYS, help="Event time to end before, UTC.")] = None,
    speed: Annotated[float, typer.Option(min=0, help="Event seconds per second; 0 is as fast as possible.")] = 0,
    topic_prefix: Annotated[str, typer.Option(help="A stream's topic is this and its name.")] = TOPIC_PREFIX,
    setting: Annotated[list[str] | None, typer.Option("--set", help="A setting of librdkafka, name=value.")] = None,
) -> None:
    """Send schedule, departures, arrivals and weather in event-time order; prints one line a second or so."""
    try:
        records = merged_records(event_streams(load()), start=_utc(start), end=_utc(end))
        report = replay_records(
            records,
            kafka=kafka,
            speed=speed,
            topic_prefix=topic_prefix,
            progress=lambda progress: typer.echo(_line(progress, records.height)),
            settings=_settings(setting or []),
        )
    except HeadraceError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(_summary(report))
    if report.error is not None:
        typer.echo(report.error, err=True)
        raise typer.Exit(1)


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.replace(tzinfo=UTC)


def _settings(pairs: list[str]) -> dict[str, str]:
    settings = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        if not sign:
            raise typer.BadParameter(f"--set {pair}: expected name=value, such as security.protocol=SSL")
        settings[name] = value
    return settings


def _line(progress: Progress, total: int) -> str:
    return (
        f"{progress.event_time:%Y-%m-%d %H:%M} UTC  {progress.sent:,} of {total:,} sent  "
        f"{progress.acknowledged:,} acknowledged"
    )


def _summary(report: Report) -> str:
    rate = report.acknowledged / report.seconds if report.seconds else 0.0
    return (
        f"sent {report.sent:,}  acknowledged {report.acknowledged:,}  failed {report.failed:,}  "
        f"in {report.seconds:.1f} s  ({rate:,.0f} records/s)"
    )
