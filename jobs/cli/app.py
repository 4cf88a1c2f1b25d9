"""The `weir` application; its verbs are in the order in which a new user needs them."""

from __future__ import annotations

import logging
import warnings

import typer

from jobs.cli import demo
from jobs.cli.job import stack, status, submit
from jobs.cli.models import calibrate, convert, judge, retrain, train
from jobs.cli.releases import apply, explain, history, repair, resources
from jobs.cli.services import alert_bridge, alerts, dashboard, gateway, report
from jobs.cli.traffic import infer, inspect_topics, send

app = typer.Typer(
    help="Production monitoring for machine-learning models on Apache Flink and Kafka.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(stack.up)
app.command()(stack.down)
app.command()(train.train)
app.command()(calibrate.calibrate)
app.command()(convert.convert)
app.command()(judge.judge)
app.command()(apply.validate)
app.command()(explain.explain)
app.command()(apply.apply)
app.command()(apply.diff)
app.command()(resources.get)
app.command()(resources.delete)
app.command()(repair.repair)
app.command()(history.history)
app.command()(history.rollback)
app.command()(submit.submit)
app.command()(submit.stop)
app.command()(submit.upgrade)
app.command()(submit.scale)
app.command()(status.status)
app.command()(infer.infer)
app.command()(send.send)
app.command("inspect")(inspect_topics.inspect)
app.command()(gateway.gateway)
app.command()(alerts.alerts)
app.command()(alert_bridge.alert_bridge)
app.command()(dashboard.dashboard)
app.command()(report.report)
app.command()(retrain.retrain)
app.command()(demo.demo)

# These libraries log every retry and warn of deprecations. The user sees what matters as an error.
for library in ("kafka", "fsspec", "gcsfs", "s3fs", "botocore", "aiobotocore"):
    logging.getLogger(library).setLevel(logging.CRITICAL)
warnings.simplefilter("ignore", FutureWarning)
