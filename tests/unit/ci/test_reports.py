"""The summary of a GitHub job."""

from __future__ import annotations

from pathlib import Path

import pytest

from ci.reports import JOB_SUMMARY, LIMIT, add_to_job


def test_it_is_appended(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    file.write_text("before\n")
    add_to_job("after\n", {JOB_SUMMARY: str(file)})
    assert file.read_text() == "before\nafter\n"
    add_to_job("nowhere", {})


def test_what_has_no_room_is_left_out_and_said(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    add_to_job("ä line\n" * LIMIT, {JOB_SUMMARY: str(file)})
    text = file.read_text()
    assert len(text.encode()) <= LIMIT
    assert text.endswith(
        "ä line\n\n*The rest is left out here: a job's summary may have 1 MiB. It is in summary.md.*\n"
    )
    add_to_job("more", {JOB_SUMMARY: str(file)})
    assert file.stat().st_size <= LIMIT


def test_a_summary_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    add_to_job("text", {JOB_SUMMARY: str(tmp_path)})
    assert "The job's summary could not be written: " in capsys.readouterr().err
