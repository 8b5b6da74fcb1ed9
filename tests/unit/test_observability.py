"""The page about metrics says what the code and the alert rules say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from pipelines.metrics import METRICS

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs/observability.md").read_text(encoding="utf-8")
FOLDER = ROOT / "deploy/observability"
RULES = [rule for group in yaml.safe_load((FOLDER / "alerts.yaml").read_text())["groups"] for rule in group["rules"]]


def table(header: str, rows: list[str]) -> str:
    columns = header.count("|") - 1
    return "\n".join([header, "|" + "---|" * columns, *rows])


def test_the_page_has_every_metric() -> None:
    rows = [
        f"| `{one.name}` | {one.kind} | {one.unit.strip('{}')} | {', '.join(f'`{name}`' for name in one.attributes)} |"
        f" {one.about} |"
        for one in METRICS
    ]
    assert table("| metric | kind | unit | attributes | what it is |", rows) in PAGE


def test_the_page_has_every_alert_and_its_target() -> None:
    rows = [f"| `{rule['alert']}` | {rule['annotations']['target']} | {rule['labels']['severity']} |" for rule in RULES]
    assert table("| alert | target | severity |", rows) in PAGE


def test_what_goals_there_are_buckets_end_at() -> None:
    (slow,) = [rule["expr"] for rule in RULES if rule["alert"] == "SealiftRunsSlow"]
    (goal,) = re.findall(r"> (\d+)", slow)
    (run,) = [one for one in METRICS if one.name == "sealift.run.duration"]
    assert int(goal) in run.bounds


def test_panels_of_the_dashboard_have_what_grafana_needs() -> None:
    """Each has an id and a place of its own, and asks the data source that is chosen."""
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) < 24
    chosen = {variable["name"] for variable in dashboard["templating"]["list"]}
    asked = [target for panel in panels for target in panel.get("targets", ())]
    assert asked
    assert all(target["datasource"]["uid"] == "${datasource}" for target in asked)
    used = {name for target in asked for name in re.findall(r"\$(\w+)", target["expr"])}
    assert used - {"__range", "__interval"} <= chosen
