"""The `weir` application; its verbs are in the order in which a new user needs them."""

from __future__ import annotations

import logging
import warnings

import typer

from jobs.cli import demo
from jobs.cli.job import doctor, stack, status, submit
from jobs.cli.models import calibrate, convert, judge, retrain, train
from jobs.cli.option_groups import expand
from jobs.cli.releases import apply, explain, history, repair, resources, resume
from jobs.cli.services import alert_bridge, alerts, dashboard, gateway, report
from jobs.cli.traffic import infer, inspect_topics, send

app = typer.Typer(
    help="Production monitoring for machine-learning models on Apache Flink and Kafka.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(expand(stack.up))
app.command()(expand(stack.down))
app.command()(expand(train.train))
app.command()(expand(calibrate.calibrate))
app.command()(expand(convert.convert))
app.command()(expand(judge.judge))
app.command()(expand(apply.validate))
app.command()(expand(explain.explain))
app.command()(expand(apply.apply))
app.command()(expand(apply.diff))
app.command()(expand(resources.get))
app.command()(expand(resources.delete))
app.command()(expand(repair.repair))
app.command()(expand(resume.resume))
app.command()(expand(history.history))
app.command()(expand(history.rollback))
app.command()(expand(submit.submit))
app.command()(expand(submit.stop))
app.command()(expand(submit.upgrade))
app.command()(expand(submit.scale))
app.command()(expand(status.status))
app.command()(expand(doctor.doctor))
app.command()(expand(infer.infer))
app.command()(expand(send.send))
app.command("inspect")(expand(inspect_topics.inspect))
app.command()(expand(gateway.gateway))
app.command()(expand(alerts.alerts))
app.command()(expand(alert_bridge.alert_bridge))
app.command()(expand(dashboard.dashboard))
app.command()(expand(report.report))
app.command()(expand(retrain.retrain))
app.command()(expand(demo.demo))

# These libraries log every retry and warn of deprecations. The user sees what matters as an error.
for library in ("kafka", "fsspec", "gcsfs", "s3fs", "botocore", "aiobotocore"):
    logging.getLogger(library).setLevel(logging.CRITICAL)
warnings.simplefilter("ignore", FutureWarning)
