"""Answers to the byte, and errors instead of numbers that are old, missing or half."""

from __future__ import annotations

import json

import pytest
from headrace_lag import bodies
from headrace_lag.access import attributes
from headrace_lag.answers import Answer, as_json, external_metric
from headrace_lag.board import Board
from headrace_lag.exposition import Exposition
from prometheus_client import CollectorRegistry, generate_latest
from unit.lag.parts import NOBODY_KNOWS, OTHER, READER, STALE, board, standing

BASE = "/apis/external.metrics.k8s.io/v1beta1/namespaces/headrace-acme/"
FE = "service=feature-engineering"


def asked(there: Board, metric: str, selector: str = FE, now: float = 100.0) -> Answer:
    return external_metric(there, attributes(BASE + metric), selector, "headrace-", now)


def test_a_list_of_values_is_what_the_api_defines() -> None:
    there = board()
    there.put(READER, standing())
    code, body = asked(there, "headrace_desired_replicas")
    assert code == 200
    assert json.dumps(body) == json.dumps(
        {
            "kind": "ExternalMetricValueList",
            "apiVersion": "external.metrics.k8s.io/v1beta1",
            "metadata": {},
            "items": [
                {
                    "metricName": "headrace_desired_replicas",
                    "metricLabels": {"pipeline": "flights", "service": "feature-engineering"},
                    "timestamp": "2026-01-02T03:04:05Z",
                    "value": "5",
                }
            ],
        }
    )


@pytest.mark.parametrize(
    ("metric", "value"),
    [("headrace_lag_rows", "42"), ("headrace_lag_seconds", "1500m"), ("headrace_lag_messages", "4")],
)
def test_rows_and_messages_add_up_and_the_oldest_message_is_the_age(metric: str, value: str) -> None:
    there = board()
    there.put(READER, standing())
    assert asked(there, metric)[1]["items"][0]["value"] == value


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (7, "7"), (0.25, "250m"), (1234.5678, "1234568m"), (2.0, "2"), (1e9, "1000000000")]
)
def test_a_quantity_is_whole_or_in_thousandths(value: float, text: str) -> None:
    assert bodies.quantity(value) == text


def test_a_failure_is_a_status() -> None:
    assert asked(board(), "headrace_lag_rows", "a in b") == (
        400,
        {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": "unable to parse requirement 'a in b': expected key=value, key in (a, b), key or !key",
            "reason": "BadRequest",
            "code": 400,
        },
    )


def test_an_observation_is_answered_with_until_it_is_too_old() -> None:
    there = board()
    there.put(READER, standing(at=100.0))
    assert asked(there, "headrace_lag_rows", now=100.0 + STALE)[0] == 200
    code, body = asked(there, "headrace_lag_rows", now=100.5 + STALE)
    assert (code, body["reason"]) == (503, "ServiceUnavailable")
    assert "was observed 20 s ago, and 20 s is the most" in body["message"]
    # And why it is so old is said once a look has failed
    there.fail(READER, "no answer from Kafka")
    assert "no answer from Kafka" in asked(there, "headrace_lag_rows", now=200.0)[1]["message"]
    # And a look that succeeds mends it
    there.put(READER, standing(at=200.0))
    assert asked(there, "headrace_lag_rows", now=200.0)[0] == 200


def test_a_failed_look_does_not_refresh_what_was_seen_before() -> None:
    there = board()
    there.put(READER, standing(at=100.0))
    there.fail(READER, "no answer from Kafka")
    assert asked(there, "headrace_lag_rows", now=101.0)[0] == 200
    assert asked(there, "headrace_lag_rows", now=121.0)[0] == 503


def test_what_was_never_seen_is_no_zero() -> None:
    code, body = asked(board(), "headrace_lag_messages")
    assert code == 503
    assert "has not been observed yet" in body["message"]


def test_a_sum_that_would_miss_a_part_is_refused() -> None:
    there = board()
    there.put(READER, standing())
    code, body = asked(there, "headrace_lag_rows", "pipeline=flights")
    assert code == 503
    assert "acme/flights/lake" in body["message"]
    there.put(OTHER, standing())
    assert len(asked(there, "headrace_lag_rows", "pipeline=flights")[1]["items"]) == 2


def test_a_number_of_replicas_that_nobody_knows_is_an_error_and_the_lag_is_still_told() -> None:
    there = board()
    there.put(READER, standing(NOBODY_KNOWS))
    code, body = asked(there, "headrace_desired_replicas")
    assert code == 503
    assert "the API server is away" in body["message"]
    assert asked(there, "headrace_lag_rows")[0] == 200


def test_an_age_that_is_not_known_is_an_error() -> None:
    there = board()
    there.put(READER, standing(seconds=None))
    assert asked(there, "headrace_lag_seconds")[0] == 503
    assert asked(there, "headrace_lag_rows")[0] == 200


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (BASE + "headrace_moon", "there is no metric headrace_moon"),
        (BASE.replace("external", "custom") + "headrace_lag_rows", "there is no metric"),
        (BASE.replace("acme", "other") + "headrace_lag_rows", "readers of this namespace: none"),
        (BASE.replace("headrace-acme", "acme") + "headrace_lag_rows", "a tenant's namespace is headrace-<tenant>"),
    ],
)
def test_what_is_not_there_is_not_found(path: str, said: str) -> None:
    code, body = external_metric(board(), attributes(path), FE, "headrace-", 0.0)
    assert code == 404
    assert said in body["message"]


def test_json_for_keda_has_the_number_and_what_it_rests_on() -> None:
    there = board()
    there.put(READER, standing())
    assert as_json(there, READER, 101.5) == (
        200,
        {
            "desired_replicas": 5,
            "lag": {"rows": 42.0, "rows_estimated": True, "seconds": 1.5, "messages": 4},
            "age_seconds": 1.5,
            "cause": "up",
            "reason": "more is needed",
            "warnings": [],
        },
    )


def test_json_without_a_number_has_no_number() -> None:
    there = board()
    there.put(READER, standing(NOBODY_KNOWS))
    code, body = as_json(there, READER, 100.0)
    assert code == 503
    assert "desired_replicas" not in body
    assert body["lag"]["messages"] == 4
    assert as_json(there, OTHER, 100.0)[0] == 503


def test_prometheus_has_no_series_for_what_may_not_be_answered_with(monkeypatch: pytest.MonkeyPatch) -> None:
    there = board()
    there.put(READER, standing(at=100.0))
    shown = Exposition(there)
    registry = CollectorRegistry()
    registry.register(shown)
    labels = 'pipeline="flights",service="feature-engineering",tenant="acme"'
    monkeypatch.setattr("headrace_lag.exposition.time.monotonic", lambda: 101.0)
    text = generate_latest(registry).decode()
    assert f"headrace_desired_replicas{{{labels}}} 5.0" in text
    assert (
        'partition="1",pipeline="flights",service="feature-engineering",tenant="acme",topic="by.origin"} 12.0' in text
    )
    assert f"headrace_lag_age_seconds{{{labels}}} 1.0" in text
    # When it is too old
    shown.errors[READER] += 1
    monkeypatch.setattr("headrace_lag.exposition.time.monotonic", lambda: 200.0)
    text = generate_latest(registry).decode()
    assert "headrace_desired_replicas{" not in text
    assert "headrace_lag_rows{" not in text
    assert f"headrace_lag_age_seconds{{{labels}}} 100.0" in text
    assert f"headrace_lag_errors_total{{{labels}}} 1.0" in text


def test_it_is_ready_as_soon_as_one_reader_can_be_answered_for() -> None:
    there = Board(STALE, "/pipelines")
    assert there.not_ready(0.0) == "there is no pipeline file in /pipelines"
    there.expect([READER, OTHER], {})
    assert "has not been observed yet" in str(there.not_ready(0.0))
    there.put(OTHER, standing(at=100.0))
    assert there.not_ready(100.0) is None
    assert there.not_ready(200.0) is not None


def test_a_pipeline_that_is_gone_is_forgotten() -> None:
    there = board()
    there.put(READER, standing())
    there.expect([OTHER], {})
    assert as_json(there, READER, 100.0)[0] == 404
    there.expect([READER, OTHER], {})
    assert as_json(there, READER, 100.0)[0] == 503
