"""The training report: one HTML page with embedded charts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path

from detectors.drift.calibration import Calibration
from detectors.drift.confirmation import Confirmation
from detectors.drift.judgement import Judgement
from jobs.models.calibrate import FalseAlarms, warnings
from jobs.models.training.classifier import Scores
from jobs.models.training.drift import Drift
from jobs.models.training.options import Options
from jobs.models.training.outlier import Outlier
from jobs.models.training_report import charts
from jobs.models.training_report.model_card import Card

# Numbers of windows a day for which the page lists false alarms.
_WINDOWS_A_DAY = {"a window a minute": 1_440, "a window an hour": 24}
_STYLE = """
:root { color-scheme: light; font-family: system-ui, sans-serif; line-height: 1.45; }
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; border-top: 1px solid #ddd; padding-top: 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { text-align: left; padding: .2rem 1rem .2rem 0; }
th { font-weight: 600; border-bottom: 1px solid #999; }
svg { max-width: 100%; height: auto; } .warning { border-left: 4px solid #d55e00; padding-left: .7rem; }
code { overflow-wrap: anywhere; }
"""


def write_report(
    out: Path,
    card: Card,
    scores: Scores | None,
    outlier: Outlier,
    drifts: Sequence[Drift],
    options: Options,
) -> Path:
    """Write `NAME-report.html`; return its path."""
    parts = [*_head(card), *_classifier(scores), *_outlier(outlier), *_drift(drifts, options), *_card(card)]
    path = out / f"{card.name}-report.html"
    path.write_text(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(card.name)}: training report'
        f'</title><meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<body>{''.join(parts)}</body></html>\n",
        "utf-8",
    )
    return path


def _head(card: Card) -> Iterator[str]:
    yield f"<h1>{escape(card.name)}: training report</h1>"
    rows = ", ".join(f"{count:,} {part}" for part, count in card.rows.items())
    yield f"<p>From {escape(card.source)}, {card.created_at}. Disjoint rows: {rows}.</p>"


def _classifier(scores: Scores | None) -> Iterator[str]:
    if scores is None:
        return
    yield "<h2>Classifier</h2>"
    yield (
        f"<p>On test rows, which were not used in training: accuracy {scores.accuracy:.3f}, area under the "
        f"ROC curve {scores.auc:.3f}.</p>"
    )
    yield charts.confusion(scores.classes, scores.confusion)


def _outlier(outlier: Outlier) -> Iterator[str]:
    yield "<h2>Outliers</h2>"
    yield (
        f"<p>{escape(outlier.kind)}: a score above {outlier.threshold:.4g} is an outlier "
        f"({escape(outlier.rule)}). Of the test rows, {outlier.share:.2%} are flagged.</p>"
    )
    if outlier.detection:
        detection = outlier.detection
        yield (
            f"<p>{detection.recall:.1%} of the marked outliers are flagged. {detection.precision:.1%} of the "
            f"flagged rows are marked. {detection.false_positive_rate:.2%} of the other rows are flagged.</p>"
        )
    yield charts.scores(outlier.scores, outlier.threshold)


def _drift(drifts: Sequence[Drift], options: Options) -> Iterator[str]:
    yield "<h2>Drift</h2>"
    yield (
        "<p>The state DRIFT needs a larger effect than windows without drift have. That effect was measured "
        "on calibration rows. The shares below are those of windows drawn from test rows.</p>"
    )
    header = ("detector", "window", "is_drift alone", "state DRIFT", "stated")
    yield _table(header, [row for drift in drifts for row in _rows(drift)])
    shown = [(drift, *pair) for drift in drifts for pair in _measured(drift)]
    if shown:
        names = [f"{drift.folder.name}\n{calibration.window:,} rows" for drift, calibration, _ in shown]
        yield charts.alarms(names, [measured for *_, measured in shown], options.rate)
    lines = [
        f"{when}: at most {Confirmation(1, 1).false_alarms(options.rate, n):.2g} false alarms a day, "
        f"{Confirmation().false_alarms(options.rate, n):.2g} confirmed by {Confirmation().confirm} "
        "consecutive windows"
        for when, n in _WINDOWS_A_DAY.items()
    ]
    yield f"<ul>{''.join(f'<li>{line}</li>' for line in lines)}</ul>"
    for drift in drifts:
        for calibration in drift.calibrations:
            yield f"<h3>{escape(drift.folder.name)}, windows of {calibration.window:,}</h3>"
            for warning in warnings(calibration.window, drift.reference_rows, calibration.rows):
                yield f'<p class="warning">{escape(warning)}</p>'
            yield charts.least_effects(drift.columns, calibration.effect, Judgement().min_effect)


def _measured(drift: Drift) -> Iterator[tuple[Calibration, FalseAlarms]]:
    yield from zip(drift.calibrations, drift.false_alarms, strict=True)


def _rows(drift: Drift) -> Iterator[tuple[str, ...]]:
    for calibration, measured in _measured(drift):
        shares = (measured.is_drift, measured.state, calibration.rate)
        yield drift.folder.name, f"{calibration.window:,}", *(f"{share:.1%}" for share in shares)


def _card(card: Card) -> Iterator[str]:
    yield "<h2>Model card</h2>"
    yield f"<p>Data: SHA-256 <code>{card.data_sha256}</code>.</p>"
    yield _table(("feature", "type"), list(card.features.items()))
    yield _table(("option", "value"), [(name, str(value)) for name, value in card.options.items()])
    yield _table(("package", "version"), list(card.versions.items()))
    yield _table(("folder", "digest"), list(card.digests.items()))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
