"""Manifests that are each wrong in a way of their own, and the error that each has to give.

`MALFORMED` is written by hand, `MISTYPED` puts every kind of value into every field that takes another,
`unusable` is well-formed, but does not go with the models that it names. `WELL_FORMED` only looks odd:
nothing is wrong with it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml


class Case(NamedTuple):
    """The text of a file, and a part of one of the errors that it has to give."""

    text: str | bytes
    message: str
    suffix: str = ".yaml"


MODELS = """\
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {name: a, labels: {team: risk}}
spec: {storageUri: ./a, requirements: [sklearn], memory: 100Ki, parameters: [{name: k, value: v}]}
---
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {name: b}
spec: {storageUri: ./b, requirements: [alibi-detect]}
"""
PIPELINE = """\
apiVersion: mlops.seldon.io/v1alpha1
kind: Pipeline
metadata: {name: p}
spec:
  steps:
    - {name: a}
    - {name: b, inputs: [a]}
  output: {steps: [a, b]}
  dataflow: {cleanTopicsOnDelete: false}
"""
# A Monitor, and the pipeline whose windows it is about.
MONITOR = """\
apiVersion: weir/v1alpha1
kind: Monitor
metadata: {name: m}
spec:
  pipeline: p
  drift:
    - {step: b, min_n: 100, min_effect: 0.2, confirm: 3, resolve: 1}
  quality:
    - {step: c, min_n: 50, tolerance: 0.05, confirm: 1, resolve: 1}
  outliers:
    - {step: a, rate: {warning: 0.15, critical: 0.5}, over: 2m}
  errors: {rate: {critical: 0.3}, over: 90s}
  latency: {p99_ms: {warning: 300, critical: 900}, over: 5m}
  no_data: {after: 15m}
  resend: 1m
  runbook: https://wiki/runbook
"""
WATCHED = f"""\
apiVersion: mlops.seldon.io/v1alpha1
kind: Pipeline
metadata: {{name: p}}
spec:
  steps:
    - {{name: a}}
    - {{name: b, batch: {{size: 100}}}}
    - {{name: c, batch: {{windowMs: 60000}}}}
  output: {{steps: [a]}}
---
{MODELS}---
apiVersion: mlops.seldon.io/v1alpha1
kind: Model
metadata: {{name: c}}
spec: {{storageUri: ./c, requirements: [weir-quality]}}
"""


def _pipeline(old: str, new: str, message: str) -> Case:
    assert old in PIPELINE, old
    return Case(f"{PIPELINE.replace(old, new, 1)}---\n{MODELS}", message)


def _model(old: str, new: str, message: str) -> Case:
    assert old in MODELS, old
    return Case(MODELS.replace(old, new, 1), message)


def _step(fields: str, message: str) -> Case:
    """Put fields into the second step, instead of its inputs."""
    return _pipeline("inputs: [a]", fields, message)


def _spec(fields: str, message: str) -> Case:
    return _pipeline("spec:\n", f"spec:\n  {fields}\n", message)


def _monitor(old: str, new: str, message: str) -> Case:
    assert old in MONITOR, old
    return Case(f"{MONITOR.replace(old, new, 1)}---\n{WATCHED}", message)


def _drift(fields: str, message: str) -> Case:
    """Put fields into the drift step's rules, instead of its own."""
    return _monitor("min_n: 100, min_effect: 0.2, confirm: 3, resolve: 1", fields, message)


def _quality(fields: str, message: str) -> Case:
    return _monitor("min_n: 50, tolerance: 0.05, confirm: 1, resolve: 1", fields, message)


def _more(fields: str, message: str) -> Case:
    """Put a field into the Monitor's spec."""
    return _monitor("  pipeline: p\n", f"  pipeline: p\n  {fields}\n", message)


def _name(name: str, message: str) -> Case:
    return _pipeline("name: p}", f"name: {name}}}", message)


def _laughs(first: str, link: str) -> str:
    """Nine levels, each of nine times the level below: a thousand characters that stand for 9**9 nodes."""
    levels = [f"l0: &l0 {first}"]
    levels += [f"l{i}: &l{i} {link % ', '.join([f'*l{i - 1}'] * 9)}" for i in range(1, 10)]
    return "\n".join(levels)


def merge_bomb(levels: int) -> str:
    """Merge keys that each take ten times the mapping below: 10**levels pairs of one key."""
    lines = [f"l{i}: &l{i} {{<<: [{', '.join([f'*l{i - 1}'] * 10)}]}}" for i in range(1, levels + 1)]
    return "\n".join(["l0: &l0 {k: v}", *lines])


_TEXTS = {
    # Nothing there.
    "an empty file": Case("", "no Model or Pipeline found"),
    "only white space": Case("  \n\n   \n", "no Model or Pipeline found"),
    "only comments": Case("# apiVersion: mlops.seldon.io/v1alpha1\n# kind: Model\n", "no Model or Pipeline"),
    "only document marks": Case("---\n---\n...\n", "no Model or Pipeline found"),
    "only a null": Case("~\n", "no Model or Pipeline found"),
    # YAML, but no resource.
    "a word": Case("hello\n", "document 1: kind must be Model, Pipeline or Monitor"),
    "a number": Case("42\n", "document 1: kind must be Model, Pipeline or Monitor"),
    "a date": Case("2024-01-01\n", "document 1: kind must be Model, Pipeline or Monitor"),
    "an empty mapping": Case("{}\n", "document 1: kind must be Model, Pipeline or Monitor"),
    "an empty list": Case("[]\n", "document 1: kind must be Model, Pipeline or Monitor"),
    "a list at the top": Case(
        "- kind: Model\n- kind: Pipeline\n", "document 1: kind must be Model, Pipeline or Monitor"
    ),
    "no space after the colons": Case("kind:Model\nmetadata:a\n", "kind must be Model, Pipeline or Monitor"),
    "a page of the web": Case(
        "<html><body>404 Not Found</body></html>\n", "kind must be Model, Pipeline or Monitor"
    ),
    "a table": Case("name,uri\na,./a\n", "kind must be Model, Pipeline or Monitor"),
    # Not YAML.
    "a tab as indentation": Case("kind: Model\nmetadata:\n\tname: a\n", "is not YAML"),
    "a key too far to the right": Case(
        "kind: Model\n  metadata: {name: a}\n", "mapping values are not allowed here"
    ),
    "a key too far to the left": Case("spec:\n    steps: []\n  output: {}\n", "expected <block end>"),
    "a list item among keys": Case("kind: Model\n- metadata\n", "expected <block end>, but found '-'"),
    "no colon": Case("kind Model\nmetadata: {name: a}\n", "mapping values are not allowed here"),
    "a colon in a plain value": Case("storageUri: s3: //bucket\n", "mapping values are not allowed here"),
    "a quote without its end": Case("kind: 'Model\nmetadata: {name: a}\n", "found unexpected end of stream"),
    "two quotes without their end": Case('kind: "Model\n', "found unexpected end of stream"),
    "an unknown escape": Case('kind: "\\q"\n', "found unknown escape character 'q'"),
    "half an escape": Case('kind: "\\x4"\n', "expected escape sequence of 2 hexadecimal numbers"),
    "a bracket without its end": Case("spec: {steps: [a, b}\n", "expected ',' or ']', but got '}'"),
    "a brace without its end": Case("spec: {steps: [a, b]\n", "expected ',' or '}'"),
    "a bracket without its beginning": Case("spec: a]\n- ]\n", "is not YAML"),
    "a percent sign": Case("name: %a\n", "found character '%' that cannot start any token"),
    "an at sign": Case("name: @a\n", "found character '@' that cannot start any token"),
    "a back quote": Case("name: `a`\n", "found character '`' that cannot start any token"),
    "a template that nobody filled in": Case("name: {{ .Values.name }}\n", "found unhashable key"),
    "marks of a merge conflict": Case("<<<<<<< HEAD\nkind: Model\n=======\nkind: Pipeline\n", "is not YAML"),
    "an unknown alias": Case("kind: *model\n", "found undefined alias 'model'"),
    "two anchors at once": Case("kind: &a &b Model\n", "is not YAML"),
    "an unknown tag": Case("kind: !Model {name: a}\n", "could not determine a constructor for the tag '!Mo"),
    "a tag that would run a command": Case(
        "kind: !!python/object/apply:os.system ['touch /tmp/weir-was-here']\n",
        "could not determine a constructor for the tag 'tag:yaml.org,2002:python/object/apply:os.system'",
    ),
    "an unknown kind of block": Case("name: |x\n  a\n", "expected chomping or indentation indicators"),
    "another version of YAML": Case("%YAML 2.0\n---\nkind: Model\n", "found incompatible YAML document"),
    "a list as a key": Case("? [a, b]\n: c\n", "found unhashable key"),
    "a merge with a number": Case("spec: {<<: 5}\n", "expected a mapping or list of mappings for merging"),
    "a merge with a list of numbers": Case("spec: {<<: [1, 2]}\n", "expected a mapping for merging"),
    "a key twice": Case(
        MODELS.replace("kind: Model\n", "kind: Model\nkind: Model\n", 1), "key 'kind' occurs twice"
    ),
    "a key twice, far below": _pipeline(
        "inputs: [a]", "batch: {size: 1, size: 2}", "key 'size' occurs twice"
    ),
    "a key twice, once in quotes": _pipeline("{name: a}", '{name: a, "name": b}', "key 'name' occurs twic"),
    "a second document that is broken": Case(f"{MODELS}---\nkind: [\n", "is not YAML"),
    "a number of base 60 that is very long": Case(f"replicas: 1{':1' * 20_000}\n", "is not YAML"),
    "a number of base 16 that cannot be printed": Case(f"replicas: 0x{'f' * 4_096}\n", "is not YAML"),
    "JSON without a comma": Case('{"kind": "Model" "metadata": {}}', "is not YAML"),
    "JSON that was cut off": Case('{"kind": "Model", "metadata": {"na', "is not YAML"),
    "settings of another format": Case("[model]\nname = a\n", "is not YAML"),
    # Values that YAML's types do not have.
    "a day that is not in the calendar": Case("kind: 2024-13-45\n", "month must be in 1..12"),
    "a binary number without digits": Case("size: 0b_\n", "invalid literal"),
    "a number of 5000 digits": Case(f"size: {'9' * 5000}\n", "is not YAML"),
    "a word tagged as number": Case("size: !!int many\n", "invalid literal"),
    "nothing tagged as number": Case("size: !!int ''\n", "is not YAML"),
    "nothing tagged as fraction": Case("size: !!float ''\n", "is not YAML"),
    "a word tagged as flag": Case("rolling: !!bool maybe\n", "is not YAML"),
    "a word tagged as time": Case("since: !!timestamp soon\n", "is not YAML"),
    "a word tagged as binary": Case("name: !!binary a\n", "is not YAML"),
    "a word tagged as mapping": Case("spec: !!map a\n", "expected a mapping"),
    "a list tagged as mapping": Case("spec: !!map [a]\n", "expected a mapping"),
    # Bytes that are no text.
    "a byte of zero": Case("kind: Mo\0del\n", "unacceptable character #x0000"),
    "a bell": Case("kind: Mo\adel\n", "unacceptable character #x0007"),
    "UTF-16": Case(MODELS.encode("utf-16"), "'utf-8' codec can't decode byte 0xff in position 0"),
    "UTF-16 without a mark": Case(MODELS.encode("utf-16-le"), "unacceptable character #x0000"),
    "UTF-32": Case(MODELS.encode("utf-32"), "'utf-8' codec can't decode byte 0xff in position 0"),
    "Latin 1": Case("name: Größe\n".encode("latin-1"), "'utf-8' codec can't decode byte 0xf6 in position"),
    "half a surrogate": Case(b"name: \xed\xa0\x80\n", "'utf-8' codec can't decode byte 0xed"),
    "all bytes there are": Case(bytes(range(256)), "'utf-8' codec can't decode byte 0x80 in position 128"),
    "compressed bytes": Case(zlib.compress(MODELS.encode()), "'utf-8' codec can't decode byte"),
    # Too much.
    "20 MB": Case("name: " + "x" * 20_000_000, "is longer than 2 MB"),
    "a billion laughs in lists": Case(_laughs("[ha]", "[%s]"), "document 1: has more than 100000 nodes"),
    "a billion laughs in mappings": Case(
        _laughs("{ha: ha}", "[%s]").replace("[*", "{x: [*").replace("]", "]}"),
        "document 1: has more than 100000 nodes",
    ),
    "a bomb of merge keys": Case(merge_bomb(5), "a mapping of more than 10000 keys"),
    "a list that holds itself": Case("&a [*a]\n", "document 1: has more than 100000 nodes"),
    "a spec that holds itself": _pipeline(
        "spec:\n", "spec: &spec\n  input: *spec\n", "document 1: has more than 100000 nodes"
    ),
    "a key that holds itself": Case("? &a [*a]\n: b\n", "found unhashable key"),
    "a hundred thousand lists in each other": Case("[" * 100_000, "is not YAML"),
    "a hundred thousand mappings in each other": Case("{a: " * 100_000, "is not YAML"),
    "steps of steps of steps": _pipeline(
        "{name: a}", "{name: a, steps: " + "[" * 200 + "]" * 200 + "}", "spec.steps[0] has no field 'steps'"
    ),
    "three thousand levels of indentation": Case(
        "\n".join(f"{' ' * i}a:" for i in range(1_500)), "is not YAML"
    ),
}

_DOCUMENTS = {
    "no apiVersion": _pipeline("apiVersion: mlops.seldon.io/v1alpha1\n", "", "Pipeline/p: apiVersion is mis"),
    "an empty apiVersion": _pipeline(
        "apiVersion: mlops.seldon.io/v1alpha1", "apiVersion:", "apiVersion is m"
    ),
    "the apiVersion of another release": _pipeline(
        "v1alpha1", "v1", "apiVersion must be one of mlops.seldon.io/v1alpha1, got 'mlops.seldon.io/v1'"
    ),
    "the apiVersion of Seldon Core 1": _model(
        "mlops.seldon.io/v1alpha1", "machinelearning.seldon.io/v1", "apiVersion must be one of mlops.seldon"
    ),
    "an apiVersion in capitals": _pipeline("mlops.seldon.io", "MLOPS.seldon.io", "apiVersion must be one of"),
    "no kind": _pipeline("kind: Pipeline\n", "", "kind must be Model, Pipeline or Monitor"),
    "an empty kind": Case(MODELS.replace("kind: Model", "kind:"), "kind must be Model, Pipeline or Monitor"),
    "a kind in small letters": Case(
        PIPELINE.replace("kind: Pipeline", "kind: pipeline"),
        "kind must be Model, Pipeline or Monitor, got 'pipeline'",
    ),
    "a kind that is a number": _model("kind: Model", "kind: 1", "kind must be Model, Pipeline or Monitor"),
    "a kind that is a list": _model(
        "kind: Model", "kind: [Model]", "kind must be Model, Pipeline or Monitor"
    ),
    "a kind that is a mapping": _model(
        "kind: Model", "kind: {is: Model}", "kind must be Model, Pipeline or Monitor"
    ),
    "a kind of 5000 letters": Case(f"kind: {'K' * 5_000}\n", "no Model or Pipeline found"),
    "a kind of 4000 digits": Case(f"kind: {'9' * 4_000}\n", "kind must be Model, Pipeline or Monitor"),
    "no metadata": _pipeline("metadata: {name: p}\n", "", "document 1: metadata is missing"),
    "empty metadata": _pipeline("metadata: {name: p}", "metadata:", "document 1: metadata is missing"),
    "metadata without a name": _pipeline("{name: p}", "{namespace: n}", "metadata.name is missing"),
    "no spec": Case(PIPELINE.split("spec:")[0], "Pipeline/p: spec is missing"),
    "an empty spec": Case(PIPELINE.split("spec:")[0] + "spec: {}\n", "Pipeline/p: spec.steps is missing"),
    "a Model without a spec": Case(MODELS.split("spec:")[0], "Model/a: spec is missing"),
    "no storageUri": _model("storageUri: ./a, ", "", "Model/a: spec.storageUri is missing"),
    "a storageUri of nothing": _model(
        "storageUri: ./a", "storageUri:", "Model/a: spec.storageUri is missing"
    ),
    "steps of nothing": Case(PIPELINE.split("  steps:")[0] + "  steps:\n", "spec.steps is missing"),
    "an empty list of steps": Case(
        PIPELINE.split("  steps:")[0] + "  steps: []\n", "pipeline p has no steps"
    ),
    "a step of nothing": _pipeline("{name: a}", "", "spec.steps[0] must be a mapping"),
    "a step without a name": _pipeline("{name: a}", "{inputs: [b]}", "spec.steps[0].name is missing"),
    "steps that are only names": _pipeline("{name: a}", "a", "spec.steps[0] must be a mapping"),
    "steps by name": Case(
        PIPELINE.split("  steps:")[0] + "  steps: {a: {}, b: {}}\n", "Pipeline/p: spec.steps must be"
    ),
    "a set of steps": Case(
        PIPELINE.split("  steps:")[0] + "  steps: !!set {a, b}\n", "Pipeline/p: spec.steps must be"
    ),
    "an output of nothing but a list": _pipeline(
        "{steps: [a, b]}", "[a, b]", "spec.output must be a mapping"
    ),
    "two Models of one name": _model("{name: b}", "{name: a}", "document 2: Model a is already defined in"),
    "two Pipelines of one name": Case(f"{PIPELINE}---\n{PIPELINE}", "Pipeline p is already defined in"),
    "a step without a Model": Case(PIPELINE, "spec.steps[0].name: there is no Model a in these manifests"),
    "a Kubernetes List with a bad item": Case(
        "apiVersion: v1\nkind: List\nitems:\n- {kind: Model, metadata: {name: c}}\n",
        "document 1: items[0]: Model/c: spec is missing",
    ),
    "a Kubernetes List with an empty item": Case("kind: List\nitems: [null]\n", "items[0]: kind must be Mod"),
    "a Kubernetes List with a text": Case("kind: List\nitems: [a]\n", "items[0]: kind must be Model, Pipe"),
    "a Kubernetes List in a List": Case(
        "kind: List\nitems: [{kind: List, items: [{}, {kind: Pipeline}]}]\n",
        "items[0]: items[1]: metadata is missing",
    ),
    "a Kubernetes List of nothing": Case("kind: List\nitems: []\n", "no Model or Pipeline found"),
    "a Kubernetes List without items": Case("kind: List\n", "no Model or Pipeline found"),
    "a Kubernetes List that is a mapping": Case(
        "kind: List\nitems: {a: {kind: Model}}\n", "no Model or Pipeline found"
    ),
    "a Kubernetes List of one Model twice": Case(
        "kind: List\nitems: [&m {apiVersion: mlops.seldon.io/v1alpha1, kind: Model, metadata: {name: c}, "
        "spec: {storageUri: ./c}}, *m]\n",
        "items[1]: Model c is already defined in",
    ),
    "a kind that no terminal can show": Case('kind: "\\uD800"\n', "no Model or Pipeline found"),
    "only other kinds": Case("apiVersion: v1\nkind: Service\nmetadata: {name: s}\n", "no Model or Pipeline"),
}

_NAMES = {
    "a name of nothing": _name(
        "''", "metadata.name must be lower-case letters, digits and inner dashes or underscores, got"
    ),
    "a name in capitals": _name("P", "metadata.name must be lower-case letters"),
    "a name with a dot": _name("p.v1", "metadata.name must be lower-case letters"),
    "a name that begins with an underscore": _name("_p", "metadata.name must be lower-case letters"),
    "a name that ends with an underscore": _name("p_", "metadata.name must be lower-case letters"),
    "a name with a space": _name("p v1", "metadata.name must be lower-case letters"),
    "a name with a slash": _name("p/v1", "metadata.name must be lower-case letters"),
    "a name that begins with a dash": _name("-p", "metadata.name must be lower-case letters"),
    "a name that ends with a dash": _name("p-", "metadata.name must be lower-case letters"),
    "a name with an umlaut": _name("größe", "metadata.name must be lower-case letters"),
    "a name with a picture": _name("😀", "metadata.name must be lower-case letters"),
    "a name of digits of another script": _name("'٣'", "metadata.name must be lower-case letters"),
    "a name with a line break": _name('"p\\nq"', "metadata.name must be lower-case letters"),
    "a name that ends with a line break": _name('"p\\n"', "metadata.name must be lower-case letters"),
    "a name that colours the terminal": _name('"\\e[31mp"', "metadata.name must be lower-case letters"),
    "a name with half a surrogate": _name('"\\uD800"', "metadata.name must be lower-case letters"),
    "a name of 10,000 letters": _name("P" * 10_000, "metadata.name must be"),
    "a name that YAML takes for true": _name(
        "on", "document 1: metadata.name must be text, got true or false"
    ),
    "a name that YAML takes for a number": _name(
        "1_000", "document 1: metadata.name must be text, got a number"
    ),
    "a name that YAML takes for a day": _name("2024-01-01", "document 1: metadata.name must be text"),
    "a name that YAML takes for nothing": _name("null", "document 1: metadata.name is missing"),
    "a name that is too long for a topic": _name("p" * 250, "metadata.name"),
    "a Model with a bad name": _model(
        "{name: b}", "{name: B.2}", "Model/B.2: metadata.name must be lower-ca"
    ),
    "a step with a bad name": _pipeline("{name: a}", "{name: A.1}", "spec.steps[0].name must be lower-case"),
    "a step of the pipeline's own name": _name("a", "spec.steps[0].name must differ from the pipeline's own"),
    "a step twice": _pipeline("{name: a}", "{name: b}", "spec.steps[1].name: step b occurs twice"),
}

_KEYS = {
    "an unknown key of a Pipeline": _pipeline("spec:\n", "x: 1\nspec:\n", "the document has no field 'x'"),
    "a near miss of a Pipeline": _pipeline("metadata:", "metaData:", "did you mean metadata?"),
    "an unknown key of metadata": _pipeline(
        "name: p}", "name: p, owner: me}", "metadata has no field 'owner'"
    ),
    "a near miss of metadata": _pipeline("name: p}", "name: p, label: {}}", "did you mean labels?"),
    "an unknown key of a Pipeline's spec": _spec(
        "version: 2", "spec has no field 'version'; its fields are steps"
    ),
    "a near miss of a Pipeline's spec": _spec(
        "outputs: {}", "spec has no field 'outputs'; did you mean outp"
    ),
    "an unknown key of a step": _step("model: a", "spec.steps[1] has no field 'model'"),
    "a near miss of a step": _step("trigger: [a]", "has no field 'trigger'; did you mean triggers?"),
    "a step's input, as in Seldon's own sample": _step(
        "input: [a]", "spec.steps[1] has no field 'input'; did"
    ),
    "a key with an underscore": _step("tensor_map: {}", "no field 'tensor_map'; did you mean tensorMap?"),
    "a key in other capitals": _step(
        "joinWindowMS: 1", "no field 'joinWindowMS'; did you mean joinWindowMs?"
    ),
    "an unknown key of a batch": _step(
        "batch: {rows: 5}", "spec.steps[1].batch has no field 'rows'; its fie"
    ),
    "a near miss of a batch": _step("batch: {window: 5}", "no field 'window'; did you mean windowMs?"),
    "an unknown key of an input": _spec("input: {from: q}", "spec.input has no field 'from'"),
    "a near miss of an input": _spec(
        "input: {externalInput: [q.outputs]}",
        "spec.input has no field 'externalInput'; did you mean external",
    ),
    "an unknown key of an output": _pipeline(
        "{steps: [a, b]}", "{steps: [a], to: q}", "spec.output has no field 'to'"
    ),
    "a near miss of an output": _pipeline(
        "{steps: [a, b]}", "{step: [a]}", "spec.output has no field 'step'; did you mean steps"
    ),
    "an unknown key of dataflow": _pipeline(
        "{cleanTopicsOnDelete: false}", "{retries: 3}", "spec.dataflow has no field 'retries'"
    ),
    "a near miss of dataflow": _pipeline(
        "cleanTopicsOnDelete", "cleanTopicOnDelete", "did you mean cleanTopicsOnDelete?"
    ),
    "an unknown key of a Model's spec": _model("memory: 100Ki", "cpu: 1", "Model/a: spec has no field 'cpu'"),
    "a near miss of a Model's spec": _model("storageUri", "storageURI", "did you mean storageUri?"),
    "an unknown key of a parameter": _model(
        "value: v", "value: v, type: int", "spec.parameters[0] has no fi"
    ),
    "a near miss of a parameter": _model("value: v", "Value: v", "did you mean value?"),
    "a key that is a number": _step("1: a", "spec.steps[1] has no field"),
    "a key that is nothing": _step("~: a", "spec.steps[1] has no field"),
    "a key that YAML takes for true": _step("on: a", "spec.steps[1] has no field"),
    "a key that YAML takes for a day": _step("2024-01-01: a", "spec.steps[1] has no field"),
    "a key of 900 letters": _step(f"{'k' * 900}: a", "spec.steps[1] has no field 'kkk"),
    "a key of 5000 letters": _step(f"? {'k' * 5_000}\n      : a", "spec.steps[1] has no field"),
    "a key with a line break": _step('"a\\nb": c', "spec.steps[1] has no field 'a\\nb'"),
}

_VALUES = {
    "a batch of -1": _step(
        "batch: {size: -1}", "spec.steps[1].batch.size must be a whole number from 0 to 42"
    ),
    "a batch of 2**32": _step(
        "batch: {size: 4294967296}", "spec.steps[1].batch.size must be a whole number f"
    ),
    "a batch of 2**70": _step(
        "batch: {size: 1180591620717411303424}", "batch.size must be a whole number fro"
    ),
    "a batch of 4000 digits": _step(f"batch: {{size: {'9' * 4_000}}}", "spec.steps[1].batch.size must be"),
    "a batch of two and a half": _step(
        "batch: {size: 2.5}", "spec.steps[1].batch.size must be a whole number"
    ),
    "a batch of a billion as a power": _step(
        "batch: {size: 1e9}", "spec.steps[1].batch.size must be a whole number"
    ),
    "a batch of infinity": _step("batch: {size: .inf}", "spec.steps[1].batch.size must be a whole number"),
    "a batch of no number": _step("batch: {size: .nan}", "spec.steps[1].batch.size must be a whole number"),
    "a batch in quotes": _step(
        "batch: {size: '20'}", "spec.steps[1].batch.size must be a whole number, got text, '20'"
    ),
    "a batch of 5000 letters": _step(
        f"batch: {{size: {'x' * 5_000}}}", "spec.steps[1].batch.size must be a whole number"
    ),
    "a batch that is only a number": _step("batch: 20", "spec.steps[1].batch must be a mapping"),
    "a window of -5 ms": _step(
        "batch: {windowMs: -5}", "spec.steps[1].batch.windowMs must be a whole number"
    ),
    "a window of 2**32 ms": _step(
        "batch: {windowMs: 4294967296}", "batch.windowMs must be a whole number fro"
    ),
    "a window of five seconds": _step(
        "batch: {windowMs: 5s}", "spec.steps[1].batch.windowMs must be a whole number, got text, '5s'"
    ),
    "a rolling window of no size": _step(
        "batch: {rolling: true}", "batch.rolling needs a batch.size of at le"
    ),
    "a rolling window of one row": _step(
        "batch: {rolling: true, size: 1}", "batch.size of at least 2, got 1"
    ),
    "a flag in words": _step(
        "batch: {rolling: 'true', size: 9}",
        "spec.steps[1].batch.rolling must be true or false, got text, 'true'",
    ),
    "a join window of -1 ms": _step(
        "joinWindowMs: -1", "spec.steps[1].joinWindowMs must be a whole number fr"
    ),
    "a join window of 2**40 ms": _step("joinWindowMs: 1099511627776", "joinWindowMs must be a whole number"),
    "a join window of the output of -1 ms": _pipeline(
        "{steps: [a, b]}", "{steps: [a], joinWindowMs: -1}", "spec.output.joinWindowMs must be a whole number"
    ),
    "an unknown join": _step(
        "inputs: [a], inputsJoinType: left", "inputsJoinType must be one of inner, outer, any, got 'left'"
    ),
    "a join in capitals": _step(
        "inputs: [a], inputsJoinType: Inner", "spec.steps[1].inputsJoinType must be one of inner, outer, any"
    ),
    "an unknown join of triggers": _step(
        "triggersJoinType: all", "spec.steps[1].triggersJoinType must be one"
    ),
    "an unknown join of the output": _pipeline(
        "{steps: [a, b]}", "{steps: [a], stepsJoin: no}", "spec.output.stepsJoin must be one of inner, outer"
    ),
    "an unknown join of the input": _spec(
        "input: {externalInputs: [q.outputs], joinType: 1}", "spec.input.joinType must be one of inner, outer"
    ),
    "cycles that are allowed": _spec("allowCycles: true", "spec.allowCycles is not supported"),
    "revisits of steps": _spec("maxStepRevisits: 3", "spec.maxStepRevisits is not supported"),
    "a negative number of revisits": _spec("maxStepRevisits: -1", "spec.maxStepRevisits"),
    "an empty storageUri": _model(
        "storageUri: ./a", "storageUri: ''", "spec.storageUri is empty; it must name the folder"
    ),
    "a storageUri of a chain of stores": _model(
        "./a",
        "simplecache::s3://bucket/a",
        "or the name of a store in lower case, such as s3:// or minio://, got",
    ),
    "a storageUri as rclone's command line has it": _model(
        "./a", "minio:bucket/a", "spec.storageUri: write a store as NAME://BUCKET/FOLDER"
    ),
    "a storageUri with a store described in it": _model(
        "./a", "':s3,provider=minio:bucket/a'", "spec.storageUri: write a store as NAME://BUCKET/FOLDER"
    ),
    "a storageUri in capitals": _model("./a", "S3://bucket/a", "spec.storageUri must be a folder, file://"),
    "a storageUri without a scheme": _model(
        "./a", "'://bucket/a'", "spec.storageUri must be a folder, file://"
    ),
    "a storageUri with a line break": _model("./a", '"f tp://a\\nb"', "f tp://a\\nb"),
    "a storageUri of 5000 letters": _model(
        "./a", f"f tp://{'x' * 5_000}", "spec.storageUri must be a folder"
    ),
    "memory in words": _model(
        "100Ki", "much", "spec.memory must be a quantity such as 200Mi or 1G, got 'much'"
    ),
    "memory of nothing": _model("100Ki", "''", "spec.memory must be a quantity"),
    "memory in an unknown unit": _model("100Ki", "100KB", "spec.memory must be a quantity"),
    "memory with a space": _model("100Ki", "100 Ki", "spec.memory must be a quantity"),
    "memory below nothing": _model("100Ki", "-100Ki", "spec.memory must be a quantity"),
    "memory below nothing, as a number": _model("100Ki", "-1", "spec.memory must be a quantity"),
    "memory with two points": _model("100Ki", "1.2.3Gi", "spec.memory must be a quantity"),
    "memory as a fraction": _model("100Ki", "1.5", "spec.memory must be"),
    "memory of 400 digits": _model("100Ki", "9" * 400, "spec.memory"),
    "memory of 400 digits and a unit": _model("100Ki", f"{'9' * 400}Gi", "spec.memory"),
    "a negative artifactVersion": _model(
        "memory: 100Ki", "artifactVersion: -3", "spec.artifactVersion must be a whole number from 0, got -3"
    ),
    "an artifactVersion of 2**32": _model(
        "memory: 100Ki", "artifactVersion: 4294967296", "spec.artifactVersion must be a whole number from 0"
    ),
    "an artifactVersion in words": _model(
        "memory: 100Ki", "artifactVersion: v3", "spec.artifactVersion must be a whole number"
    ),
    "an explainer": _model(
        "memory: 100Ki", "explainer: {type: anchor_tabular}", "spec.explainer is not supported: Weir does not"
    ),
    "a language model": _model("memory: 100Ki", "llm: {modelRef: b}", "spec.llm is not supported: Weir doe"),
    "a parameter that is a number": _model("value: v", "value: 5", "spec.parameters[0].value must be text"),
    "a parameter without a value": _model(", value: v", "", "spec.parameters[0].value is missing"),
    "a parameter without a name": _model("name: k, ", "", "spec.parameters[0].name is missing"),
    "parameters by name": _model("[{name: k, value: v}]", "{k: v}", "spec.parameters must be"),
    "a requirement that is a number": _model("[sklearn]", "[1.5]", "spec.requirements[0] must be text"),
    "a requirement of nothing": _model(
        "[sklearn]", "[sklearn, null]", "spec.requirements[1] must be text, got nothing"
    ),
    "a single requirement": _model(
        "[sklearn]", "sklearn", "spec.requirements must be a list, got text, 'sklearn'"
    ),
    "a label list": _model("{team: risk}", "[team]", "metadata.labels must be a mapping, got a list"),
}

_REFERENCES = {
    "an input that is no step": _step(
        "inputs: [c]", "spec.steps[1].inputs[0]: there is no step c in pipelin"
    ),
    "a second input that is no step": _step("inputs: [a, c]", "spec.steps[1].inputs[1]: there is no step c"),
    "an input of a step that is no step": _step(
        "inputs: [c.outputs.x]", "spec.steps[1].inputs[0]: there is n"
    ),
    "what was sent to no step": _step("inputs: [c.inputs]", "spec.steps[1].inputs[0]: there is no step c"),
    "an input in capitals": _step("inputs: [A]", "spec.steps[1].inputs[0]: there is no step A"),
    "an input of another pipeline": _step(
        "inputs: [q.step.a.outputs]", "spec.steps[1].inputs[0]: a reference"
    ),
    "an input of another side": _step(
        "inputs: [a.output]", "the part after 'a' must be inputs or outputs, got"
    ),
    "an input of a tensor without a side": _step(
        "inputs: [a.x]", "must be inputs or outputs, got 'x' in 'a.x"
    ),
    "an input of four parts": _step(
        "inputs: [a.outputs.x.y]", "a reference must be STEP, STEP.outputs or STEP.out"
    ),
    "an input with a dot at its end": _step(
        "inputs: [a.outputs.]", "a reference must be STEP, STEP.outputs or STE"
    ),
    "an input with a dot at its beginning": _step(
        "inputs: [.outputs]", "a reference must be STEP, STEP.outputs or"
    ),
    "an input of one dot": _step(
        "inputs: [.]", "spec.steps[1].inputs[0]: a reference must be STEP, STEP.outputs"
    ),
    "an input of nothing": _step(
        "inputs: ['']", "spec.steps[1].inputs[0]: a reference must be STEP, STEP.outputs"
    ),
    "an input of null": _step("inputs: [null]", "spec.steps[1].inputs[0] must be text, got nothing"),
    "an input that is a number": _step("inputs: [7]", "spec.steps[1].inputs[0] must be text"),
    "an input that is a mapping": _step(
        "inputs: [{a: outputs}]", "spec.steps[1].inputs[0] must be text, got a mapping"
    ),
    "inputs that are a text": _step("inputs: a", "spec.steps[1].inputs must be a list, got text, 'a'"),
    "inputs that are a set": _step("inputs: !!set {a}", "spec.steps[1].inputs must be"),
    "an input with a line break": _step('inputs: ["x\\ny"]', "x\\ny"),
    "an input of 5000 letters": _step(
        f"inputs: [{'x' * 5_000}]", "spec.steps[1].inputs[0]: there is no step"
    ),
    "the pipeline's own outputs": _step(
        "inputs: [p.outputs]", "a pipeline's own outputs cannot be read insid"
    ),
    "a trigger that is no step": _step(
        "triggers: [c]", "spec.steps[1].triggers[0]: there is no step c in pip"
    ),
    "a trigger of another side": _step(
        "triggers: [a.out]", "spec.steps[1].triggers[0]: the part after 'a' mu"
    ),
    "a trigger that is an input too": _step(
        "inputs: [a], triggers: [a]", "spec.steps[1].triggers: a.outputs is already"
    ),
    "an output that is no step": _pipeline("[a, b]", "[a, c]", "spec.output.steps[1]: there is no step c"),
    "an output of the pipeline itself": _pipeline(
        "[a, b]", "[p.outputs]", "spec.output.steps[0]: a pipeline's"
    ),
    "an output of four parts": _pipeline(
        "[a, b]", "[a.outputs.x.y]", "spec.output.steps[0]: a reference must be ST"
    ),
    "an output of no step": _pipeline("[a, b]", "[]", "spec.output.steps must name at least one step"),
    "a batched step as an input": _pipeline(
        "[a]}", "[b.outputs]}\n    - {name: c, batch: {size: 5}}", "pipeline p has a cycle: b → b"
    ),
    "a batched step that another reads": _pipeline(
        "{name: a}", "{name: a, batch: {size: 5}}", "a has a batch, so other steps cannot read its outputs"
    ),
    "a batched step that triggers another": _pipeline(
        "{name: b, inputs: [a]}",
        "{name: b, triggers: [a]}\n    - {name: c, batch: {size: 5}, triggers: [d]}\n"
        "    - {name: d, batch: {windowMs: 9}}",
        "spec.steps[2].triggers[0]: d has a batch, so other steps cannot read its outputs",
    ),
    "another tensor than a batched step's verdict": _pipeline(
        "inputs: [a]}\n  output: {steps: [a, b]}",
        "inputs: [a], batch: {size: 5}}\n  output: {steps: [b.outputs.p_val]}",
        "spec.output.steps[0]: b has a batch, so a response can contain only its is_drift",
    ),
    "a step that reads itself": _pipeline("{name: a}", "{name: a, inputs: [a]}", "p has a cycle: a → a"),
    "a step that reads what it was sent": _pipeline("{name: a}", "{name: a, inputs: [a.inputs]}", "a → a"),
    "a step that triggers itself": _pipeline("{name: a}", "{name: a, triggers: [a]}", "has a cycle: a → a"),
    "two steps that read each other": _pipeline("{name: a}", "{name: a, inputs: [b]}", "p has a cycle: "),
    "three steps in a circle": _pipeline(
        "{name: a}", "{name: a, inputs: [c.outputs.x]}\n    - {name: c, triggers: [b]}", "p has a cycle: "
    ),
    "three hundred steps in a circle": Case(
        PIPELINE.split("    -")[0]
        + "".join(f"    - {{name: s{i}, inputs: [s{(i + 1) % 300}]}}\n" for i in range(300)),
        "spec.steps: pipeline p has a cycle: ",
    ),
    "a tensorMap of a list": _step("tensorMap: [a]", "spec.steps[1].tensorMap must be a mapping, got a list"),
    "a tensorMap to a number": _step("inputs: [a], tensorMap: {a.outputs.x: 5}", "spec.steps[1].tensorMap"),
    "a tensorMap to nothing": _step("inputs: [a], tensorMap: {a.outputs.x: }", "spec.steps[1].tensorMap"),
    "a tensorMap from a number": _step("inputs: [a], tensorMap: {5: x}", "spec.steps[1].tensorMap"),
    "a tensorMap to an empty name": _step(
        "inputs: [a], tensorMap: {a.outputs.x: ''}", "a tensor's new name must be text without dots, got ''"
    ),
    "a tensorMap to a name with a dot": _step(
        "inputs: [a], tensorMap: {a.outputs.x: y.z}",
        "a tensor's new name must be text without dots, got 'y.z'",
    ),
    "a tensorMap without a tensor": _step(
        "inputs: [a], tensorMap: {a.outputs: x}",
        "spec.steps[1].tensorMap['a.outputs']: name the tensor in full",
    ),
    "a tensorMap of a bare step": _step(
        "inputs: [a], tensorMap: {a: x}", "spec.steps[1].tensorMap['a']: name the tensor in full"
    ),
    "a tensorMap of no step": _step(
        "inputs: [a], tensorMap: {c.outputs.x: y}",
        "spec.steps[1].tensorMap['c.outputs.x']: there is no step c",
    ),
    "a tensorMap of the other side": _step(
        "inputs: [a], tensorMap: {a.inputs.x: y}",
        "spec.steps[1].tensorMap['a.inputs.x']: a.inputs is not read",
    ),
    "a tensorMap of what is not read": _step(
        "inputs: [a], tensorMap: {p.inputs.x: y}",
        "spec.steps[1].tensorMap['p.inputs.x']: p.inputs is not read",
    ),
    "a tensorMap of two tensors to one": _step(
        "inputs: [a], tensorMap: {a.outputs.x: z, a.outputs.y: z}", "a.outputs.x is renamed to 'z' too"
    ),
    "a tensorMap of the output of what it does not show": _pipeline(
        "{steps: [a, b]}",
        "{steps: [a], tensorMap: {b.outputs.x: y}}",
        "spec.output.tensorMap['b.outputs.x']: b.outputs is not read there",
    ),
    "an external input without a side": _spec(
        "input: {externalInputs: [q]}", "spec.input.externalInputs[0]: an"
    ),
    "an external input of another side": _spec(
        "input: {externalInputs: [q.output]}", "the part after 'q' must be inputs or outputs, got 'output'"
    ),
    "an external input of five parts": _spec(
        "input: {externalInputs: [q.outputs.x.y.z]}",
        "spec.input.externalInputs[0]: an external input must be PIPEL",
    ),
    "an external input as Seldon's documents mis-state it": _spec(
        "input: {externalInputs: [q.(step).a.x]}",
        "spec.input.externalInputs[0]: an external input must be PIPELINE",
    ),
    "an external input of a step without a side": _spec(
        "input: {externalInputs: [q.step.a]}",
        "spec.input.externalInputs[0]: an external input must be PIPELINE",
    ),
    "an external input of a step that is missing": _spec(
        "input: {externalInputs: [q.step.outputs]}",
        "spec.input.externalInputs[0]: an external input must be PIPELI",
    ),
    "an external input of nothing": _spec(
        "input: {externalInputs: ['']}", "externalInputs[0]: an external inp"
    ),
    "an external input that is a number": _spec(
        "input: {externalInputs: [1]}", "spec.input.externalInputs[0] must be text"
    ),
    "an external input of a pipeline that no topic can have": _spec(
        "input: {externalInputs: ['Q & A.outputs']}", "spec.input.externalInputs[0]"
    ),
    "an external input of the pipeline itself": _spec(
        "input: {externalInputs: [p.outputs]}", "pipeline p cannot be its own external input"
    ),
    "two external inputs": _spec(
        "input: {externalInputs: [q.outputs, r.outputs]}", "only one other pipeline's inputs, outputs or step"
    ),
    "both sides of another pipeline": _spec(
        "input: {externalInputs: [q.outputs, q.inputs]}", "only one other pipeline's inputs, outputs or step"
    ),
    "an external trigger": _spec(
        "input: {externalTriggers: [q.outputs]}", "spec.input.externalTriggers[0] is not supported"
    ),
    "a tensorMap of an external input that is not read": _spec(
        "input: {externalInputs: [q.outputs], tensorMap: {r.outputs.x: y}}", "externalInputs does not read it"
    ),
    "a tensorMap of an external input without a tensor": _spec(
        "input: {externalInputs: [q.outputs], tensorMap: {q.outputs: y}}", "name the tensor in full"
    ),
    "a tensorMap of an external input to an empty name": _spec(
        "input: {externalInputs: [q.outputs], tensorMap: {q.outputs.x: ''}}",
        "a tensor's new name must be text with",
    ),
    "a tensorMap of two external tensors to one": _spec(
        "input: {externalInputs: [q.outputs], tensorMap: {q.outputs.x: z, q.outputs.y: z}}",
        "spec.input.tensorMap['q.outputs.y']",
    ),
    "a tensorMap of an external input that is none": _spec(
        "input: {externalInputs: [q.outputs], tensorMap: {x: y}}",
        "spec.input.tensorMap['x']: an external input",
    ),
}

_MONITORS = {
    "a Monitor of Seldon's apiVersion": _monitor(
        "weir/v1alpha1", "mlops.seldon.io/v1alpha1", "Monitor/m: apiVersion must be one of weir/v1alpha1, got"
    ),
    "a Monitor of a later version": _monitor(
        "v1alpha1", "v1", "apiVersion must be one of weir/v1alpha1, got"
    ),
    "a Monitor without an apiVersion": _monitor(
        "apiVersion: weir/v1alpha1\n", "", "Monitor/m: apiVersion is missing"
    ),
    "a Monitor in small letters": _monitor(
        "kind: Monitor", "kind: monitor", "kind must be Model, Pipeline or Monitor, got 'monitor'"
    ),
    "a Monitor without metadata": _monitor("metadata: {name: m}\n", "", "document 1: metadata is missing"),
    "a Monitor without a name": _monitor("{name: m}", "{}", "metadata.name is missing"),
    "a Monitor with a bad name": _monitor(
        "name: m}", "name: M.1}", "metadata.name must be lower-case letters"
    ),
    "a Monitor with a status": _monitor(
        "spec:\n", "status: {}\nspec:\n", "the document has no field 'status'"
    ),
    "a Monitor without a spec": Case(
        f"{MONITOR.split('spec:')[0]}---\n{WATCHED}", "Monitor/m: spec is missing"
    ),
    "a Monitor of an empty spec": Case(
        f"{MONITOR.split('spec:')[0]}spec: {{}}\n---\n{WATCHED}", "Monitor/m: spec.pipeline is missing"
    ),
    "a Monitor of no pipeline": _monitor("pipeline: p", "pipeline:", "spec.pipeline is missing"),
    "a Monitor of several pipelines": _monitor(
        "pipeline: p", "pipeline: [p]", "spec.pipeline must be text, got a list"
    ),
    "a Monitor of a pipeline that is not there": _monitor(
        "pipeline: p",
        "pipeline: q",
        "Monitor/m: spec.pipeline: there is no Pipeline q in these manifests; add",
    ),
    "a Monitor of a model": _monitor(
        "pipeline: p", "pipeline: a", "there is no Pipeline a in these manifests"
    ),
    "a Monitor alone": Case(MONITOR, "spec.pipeline: there is no Pipeline p in these manifests"),
    "a Monitor in capitals of its pipeline": _monitor(
        "pipeline: p", "pipeline: P", "there is no Pipeline P in"
    ),
    "a Monitor of a pipeline with half a surrogate": _monitor(
        "pipeline: p", 'pipeline: "\\uD800"', "there is no Pipeline \\ud800 in these manifests"
    ),
    "a Monitor of a pipeline of 5000 letters": _monitor(
        "pipeline: p", f"pipeline: {'p' * 5_000}", "spec.pipeline: there is no Pipeline ppp"
    ),
    "two Monitors of one name": Case(
        f"{MONITOR}---\n{MONITOR}---\n{WATCHED}", "document 2: Monitor m is already defined in"
    ),
    "two Monitors of one pipeline": Case(
        f"{MONITOR}---\n{MONITOR.replace('name: m', 'name: n')}---\n{WATCHED}",
        "Monitor/n: spec.pipeline: pipeline p already has a Monitor (",
    ),
    "two Monitors of one pipeline, the first with a wrong number": Case(
        f"{MONITOR.replace('100', '0')}---\n{MONITOR.replace('name: m', 'name: n')}---\n{WATCHED}",
        "Monitor/n: spec.pipeline: pipeline p already has a Monitor (",
    ),
    "a Monitor with a wrong number of a pipeline that is not there": _monitor(
        "pipeline: p\n  drift:\n    - {step: b, min_n: 100",
        "pipeline: q\n  drift:\n    - {step: b, min_n: 0",
        "there is no Pipeline q in these manifests",
    ),
    "a Monitor in a List": Case(
        "kind: List\nitems:\n- {apiVersion: weir/v1alpha1, kind: Monitor, metadata: {name: m}, spec: {}}\n",
        "document 1: items[0]: Monitor/m: spec.pipeline is missing",
    ),
    "a Monitor in a List, of a pipeline that is not there": Case(
        "kind: List\nitems:\n- {apiVersion: weir/v1alpha1, kind: Monitor, metadata: {name: m}, "
        "spec: {pipeline: q}}\n",
        "Monitor/m: spec.pipeline: there is no Pipeline q",
    ),
    # Steps.
    "drift rules by name": _monitor(
        "drift:\n    - {step: b, min_n: 100, min_effect: 0.2, confirm: 3, resolve: 1}",
        "drift: {b: {min_n: 100}}",
        "spec.drift must be a list, got a mapping",
    ),
    "drift rules that are only a step": _monitor(
        "- {step: b, min_n: 100, min_effect: 0.2, confirm: 3, resolve: 1}",
        "- b",
        "spec.drift[0] must be a mapping, got text, 'b'",
    ),
    "drift rules of nothing": _monitor(
        "- {step: b, min_n: 100, min_effect: 0.2, confirm: 3, resolve: 1}",
        "-",
        "spec.drift[0] must be a mapping, got nothing",
    ),
    "drift rules without a step": _monitor("step: b, ", "", "spec.drift[0].step is missing"),
    "drift rules of two steps": _monitor(
        "step: b,", "step: [b, c],", "spec.drift[0].step must be text, got a l"
    ),
    "drift rules of no step": _monitor(
        "step: b,", "step: d,", "spec.drift[0].step: pipeline p has no step d; it has a, b, c"
    ),
    "drift rules of a reference": _monitor(
        "step: b,", "step: b.outputs,", "pipeline p has no step b.outputs"
    ),
    "drift rules of an empty step": _monitor(
        "step: b,", "step: '',", "spec.drift[0].step: pipeline p has no ste"
    ),
    "drift rules of a step without a batch": _monitor(
        "step: b,",
        "step: a,",
        "spec.drift[0].step: step a has no batch, so there are no windows to judge; set",
    ),
    "quality rules of a step without a batch": _monitor(
        "step: c,", "step: a,", "spec.quality[0].step: step a has no batch, so there are no windows to judge"
    ),
    "quality rules of no step": _monitor(
        "step: c,", "step: e,", "spec.quality[0].step: pipeline p has no step e"
    ),
    "drift rules of one step twice": _monitor(
        "drift:\n", "drift:\n    - {step: b}\n", "spec.drift[1].step: step b occurs twice"
    ),
    "quality rules of one step twice": _monitor(
        "quality:\n", "quality:\n    - {step: c}\n", "spec.quality[1].step: step c occurs twice"
    ),
    "one step under both": _monitor("step: c,", "step: b,", "spec.quality[0].step: step b occurs twice"),
    "quality rules as flags": _monitor(
        "quality:\n    - {step: c, min_n: 50, tolerance: 0.05, confirm: 1, resolve: 1}",
        "quality: {missing: true, range: true}",
        "spec.quality must be a list, got a mapping",
    ),
    # Keys.
    "an unknown key of a Monitor": _more("alerts: []", "spec has no field 'alerts'"),
    "a near miss of a Monitor": _monitor("  quality:", "  qualities:", "did you mean quality?"),
    "another near miss of a Monitor": _monitor("pipeline: p", "pipelines: p", "did you mean pipeline?"),
    "a drift rule in Seldon's capitals": _drift(
        "minN: 5", "spec.drift[0] has no field 'minN'; did you mean min_n"
    ),
    "another drift rule in Seldon's capitals": _drift("minEffect: 0.1", "did you mean min_effect?"),
    "an unknown drift rule": _drift("every: 5m", "spec.drift[0] has no field 'every'"),
    "a severity of drift by name": _drift("severity: critical", "spec.drift[0].severity must be a mapping"),
    "a severity of drift that is no level": _drift(
        "severity: {warning: 0.1, critical: 0.3}", "spec.drift[0].severity has no field 'warning'"
    ),
    "a severity of no effect": _drift(
        "severity: {critical: 0}", "spec.drift[0].severity.critical must be an effect size above 0"
    ),
    "a severity of drift above all": _drift("severity: {critical: 1.5}", "above 0 and up to 1, got 1.5"),
    "drift of something else": _drift("of: outputs", "spec.drift[0].of must be one of features, predictions"),
    "shards of a small window": _drift(
        "sharded: true", "windows of 100 rows; windows of 20000 rows or more can be sharded"
    ),
    "a window of the Monitor's own": _drift("window: {size: 9}", "spec.drift[0] has no field 'window'"),
    "a drift rule for a data quality check": _quality(
        "min_effect: 0.1", "spec.quality[0] has no field 'min_effe"
    ),
    "a quality rule for a drift detector": _drift("tolerance: 0.1", "spec.drift[0] has no field 'tolerance'"),
    "a key of a Monitor that YAML takes for true": _drift("on: 5", "spec.drift[0] has no field"),
    "a key of a Monitor twice": _drift("min_n: 5, min_n: 6", "key 'min_n' occurs twice"),
    # What is not there yet.
    "a Monitor with features": _more(
        "features: {step: a, names: [x]}",
        "Monitor/m: spec.features is not supported: it is not implemented yet; remove it",
    ),
    # Alerts.
    "outliers of no step": _monitor(
        "step: a, rate", "step: d, rate", "spec.outliers[0].step: pipeline p has no step d; it has a, b, c"
    ),
    "outliers without a step": _monitor("step: a, rate", "rate", "spec.outliers[0].step is missing"),
    "one step's outliers twice": _monitor(
        "outliers:\n", "outliers:\n    - {step: a}\n", "spec.outliers[1].step: step a occurs twice"
    ),
    "a rate that is a number": _monitor(
        "{critical: 0.3}, over", "0.3, over", "spec.errors.rate must be a mapping"
    ),
    "a rate without levels": _monitor(
        "{critical: 0.3}, over", "{}, over", "spec.errors.rate needs a level: warning, critical, or both"
    ),
    "a rate of an unknown level": _monitor("{critical: 0.3}", "{page: 0.3}", "spec.errors.rate has no field"),
    "a rate in percent": _monitor("{critical: 0.3}", "{critical: 30%}", "spec.errors.rate.critical must be"),
    "a rate of 30": _monitor(
        "{critical: 0.3}", "{critical: 30}", "spec.errors.rate.critical must be above 0 and below 1, got 30"
    ),
    "a rate of nothing": _monitor(
        "warning: 0.15", "warning: 0", "spec.outliers[0].rate.warning must be above 0 and below 1, got 0"
    ),
    "a rate of no number": _monitor("warning: 0.15", "warning: .nan", "must be above 0 and below 1, got nan"),
    "a warning above what is critical": _monitor(
        "warning: 0.15",
        "warning: 0.6",
        "outliers[0].rate.warning must be below spec.outliers[0].rate.cr",
    ),
    "a latency that is a number": _monitor(
        "{warning: 300, critical: 900}", "500", "spec.latency.p99_ms must be a mapping, got a"
    ),
    "a latency of nothing": _monitor(
        "warning: 300", "warning: 0", "spec.latency.p99_ms.warning must be above 0 and below 10000, got 0"
    ),
    "a latency above the last bucket of the histogram": _monitor(
        "critical: 900", "critical: 30000", "spec.latency.p99_ms.critical must be above 0 and below 10000"
    ),
    "a latency without a limit": _monitor("p99_ms: {warning: 300, critical: 900}, ", "", "p99_ms is missing"),
    "no data after no time": _monitor("{after: 15m}", "{}", "spec.no_data.after is missing"),
    "no data after a number": _monitor("{after: 15m}", "{after: 15}", "spec.no_data.after must be text"),
    "no data after a word": _monitor(
        "{after: 15m}",
        "{after: soon}",
        "spec.no_data.after: 'soon' is not a duration; write it as 30s, 10m, 2h or 1d",
    ),
    "no data after nothing": _monitor("{after: 15m}", "{after: ''}", "spec.no_data.after: "),
    "no data after a moment": _monitor(
        "{after: 15m}", "{after: 1s}", "spec.no_data.after must be 10s or more, got 1s"
    ),
    "rates over a day": _monitor("over: 90s", "over: 1d", "spec.errors.over must be 10s to 60m, got 1d"),
    "rates over a word": _monitor(
        "over: 2m", "over: long", "spec.outliers[0].over: 'long' is not a duration"
    ),
    "latency over a moment": _monitor("over: 5m", "over: 5ms", "spec.latency.over must be 10s to 60m"),
    "alerts that are sent again at once": _monitor(
        "resend: 1m", "resend: 1s", "spec.resend must be 10s or more, got 1s"
    ),
    "a field hidden twice": _more(
        "redact: [age, sex, age]", "spec.redact[2] must be a feature that is not listed before"
    ),
    "a field without a name that is hidden": _more(
        "redact: ['']", "spec.redact[0] must be a feature that is not listed before"
    ),
    "a runbook that is no URL": _monitor(
        "https://wiki/runbook", "wiki/runbook", "spec.runbook must be an http or https URL, got 'wiki/runboo"
    ),
    "a Monitor with segments": _more(
        "segments: {header: x-tenant}", "spec.segments is not supported: it is not implemented yet"
    ),
    # Numbers.
    "a min_n of 0": _drift(
        "min_n: 0", "spec.drift[0].min_n must be a whole number from 1 to 4294967295, got 0"
    ),
    "a min_n of -1": _quality(
        "min_n: -1", "spec.quality[0].min_n must be a whole number from 1 to 4294967295"
    ),
    "a min_n of 2**32": _drift("min_n: 4294967296", "spec.drift[0].min_n must be a whole number from 1"),
    "a min_n of 2**70": _drift("min_n: 1180591620717411303424", "spec.drift[0].min_n must be a whole number"),
    "a min_n of two and a half": _drift(
        "min_n: 2.5", "spec.drift[0].min_n must be a whole number, got a number"
    ),
    "a min_n in quotes": _drift("min_n: '20'", "spec.drift[0].min_n must be a whole number, got text, '20'"),
    "a min_n of infinity": _drift("min_n: .inf", "spec.drift[0].min_n must be a whole number"),
    "a min_n that is a flag": _drift(
        "min_n: yes", "spec.drift[0].min_n must be a whole number, got true or false"
    ),
    "a min_effect below nothing": _drift(
        "min_effect: -0.1", "spec.drift[0].min_effect must be a number from 0 to 1, got -0.1"
    ),
    "a min_effect above all": _drift(
        "min_effect: 1.5", "spec.drift[0].min_effect must be a number from 0 to 1"
    ),
    "a min_effect in percent": _drift(
        "min_effect: 10%", "spec.drift[0].min_effect must be a number, got text"
    ),
    "a min_effect of no number": _drift(
        "min_effect: .nan", "min_effect must be a number from 0 to 1, got nan"
    ),
    "a min_effect of infinity": _drift(
        "min_effect: .inf", "min_effect must be a number from 0 to 1, got inf"
    ),
    "a min_effect of 4000 digits": _drift(f"min_effect: {'9' * 4_000}", "spec.drift[0].min_effect must be"),
    "a tolerance of everything": _quality(
        "tolerance: 1", "spec.quality[0].tolerance must be a share from 0 to below 1, got 1"
    ),
    "a tolerance below nothing": _quality("tolerance: -0.01", "tolerance must be a share from 0 to below 1"),
    "a tolerance in percent": _quality(
        "tolerance: 1%", "spec.quality[0].tolerance must be a number, got text"
    ),
    "a tolerance of no number": _quality(
        "tolerance: .nan", "tolerance must be a share from 0 to below 1, got nan"
    ),
    "a tolerance an issue": _quality(
        "tolerance: {missing: 0.1}", "spec.quality[0].tolerance must be a number"
    ),
    "no window that confirms": _drift("confirm: 0", "spec.drift[0].confirm must be a whole number from 1"),
    "no window that resolves": _quality(
        "resolve: 0", "spec.quality[0].resolve must be a whole number from 1"
    ),
    "half a window that confirms": _drift("confirm: 0.5", "spec.drift[0].confirm must be a whole number"),
    "less than no window that resolves": _drift(
        "resolve: -2", "spec.drift[0].resolve must be a whole number f"
    ),
}

_MODEL: dict[str, Any] = next(yaml.safe_load_all(MODELS))


def _json(text: str | bytes, message: str) -> Case:
    return Case(text, message, ".json")


_JSON = {
    "a JSON file of nothing": _json("", "is not JSON"),
    "a JSON file of white space": _json(" \n", "is not JSON"),
    "a JSON file of YAML": _json(MODELS, "is not JSON"),
    "a JSON file that was cut off": _json(json.dumps(_MODEL)[:-9], "is not JSON"),
    "a JSON file with a comma too many": _json('{"kind": "Model",}', "is not JSON"),
    "a JSON file with a comment": _json('{"kind": "Model"} // mine', "is not JSON"),
    "a JSON file with single quotes": _json("{'kind': 'Model'}", "is not JSON"),
    "a JSON file of two documents": _json(f"{json.dumps(_MODEL)}\n{json.dumps(_MODEL)}", "is not JSON"),
    "a JSON file in UTF-16": _json(json.dumps(_MODEL).encode("utf-16"), "'utf-8' codec can't decode byte"),
    "a JSON file with a line break in a text": _json('{"kind": "Mo\ndel"}', "is not JSON"),
    "a JSON file with a key twice": _json('{"kind": "Model", "kind": "Model"}', "key 'kind' occurs twice"),
    "a JSON file of a hundred thousand lists": _json("[" * 100_000, "is not JSON"),
    "a JSON file of deep lists": _json("[" * 100_000 + "]" * 100_000, "is not JSON"),
    "a JSON file of null": _json("null", "no Model or Pipeline found"),
    "a JSON file of a list": _json(
        json.dumps([_MODEL]), "document 1: kind must be Model, Pipeline or Monitor"
    ),
    "a JSON file with half a surrogate": _json(
        json.dumps({**_MODEL, "metadata": {"name": "\ud800"}}), "metadata.name must be lower-case letters"
    ),
    "a JSON file with NaN": _json(
        json.dumps({**_MODEL, "spec": {"storageUri": "a", "memory": float("nan")}}), "spec.memory must be"
    ),
    "a JSON file with a number of 5000 digits": _json('{"kind": ' + "9" * 5_000 + "}", "is not JSON"),
    "a JSON file with a key that is missing": _json(
        json.dumps({**_MODEL, "spec": {}}), "Model/a: spec.storageUri is missing"
    ),
}

MALFORMED: dict[str, Case] = {
    **_TEXTS,
    **_DOCUMENTS,
    **_NAMES,
    **_KEYS,
    **_VALUES,
    **_REFERENCES,
    **_MONITORS,
    **_JSON,
}

# What each field takes. `anything` is what Kubernetes writes and Weir passes over.
FIELDS: dict[str, dict[str, str]] = {
    "Model": {
        "apiVersion": "text",
        "metadata": "mapping",
        "metadata.name": "text",
        "metadata.namespace": "text",
        "metadata.labels": "mapping",
        "metadata.annotations": "mapping",
        "metadata.uid": "anything",
        "spec": "mapping",
        "spec.storageUri": "text",
        "spec.requirements": "list",
        "spec.requirements[]": "text",
        "spec.modelType": "text",
        "spec.artifactVersion": "number",
        "spec.schemaUri": "text",
        "spec.secretName": "text",
        "spec.memory": "text or number",
        "spec.replicas": "number",
        "spec.minReplicas": "number",
        "spec.maxReplicas": "number",
        "spec.server": "text",
        "spec.preloaded": "flag",
        "spec.dedicated": "flag",
        "spec.logger": "mapping",
        "spec.explainer": "mapping",
        "spec.llm": "mapping",
        "spec.parameters": "list",
        "spec.parameters[]": "mapping",
        "spec.parameters[].name": "text",
        "spec.parameters[].value": "text",
        "spec.dataflow": "mapping",
        "spec.dataflow.cleanTopicsOnDelete": "flag",
        "status": "anything",
    },
    "Pipeline": {
        "apiVersion": "text",
        "metadata": "mapping",
        "metadata.name": "text",
        "metadata.namespace": "text",
        "metadata.labels": "mapping",
        "metadata.annotations": "mapping",
        "metadata.uid": "anything",
        "spec": "mapping",
        "spec.steps": "list",
        "spec.steps[]": "mapping",
        "spec.steps[].name": "text",
        "spec.steps[].inputs": "list",
        "spec.steps[].inputs[]": "text",
        "spec.steps[].inputsJoinType": "text",
        "spec.steps[].joinWindowMs": "number",
        "spec.steps[].tensorMap": "mapping",
        "spec.steps[].triggers": "list",
        "spec.steps[].triggers[]": "text",
        "spec.steps[].triggersJoinType": "text",
        "spec.steps[].batch": "mapping",
        "spec.steps[].batch.size": "number",
        "spec.steps[].batch.windowMs": "number",
        "spec.steps[].batch.rolling": "flag",
        "spec.input": "mapping",
        "spec.input.externalInputs": "list",
        "spec.input.externalInputs[]": "text",
        "spec.input.externalTriggers": "list",
        "spec.input.externalTriggers[]": "text",
        "spec.input.joinWindowMs": "number",
        "spec.input.joinType": "text",
        "spec.input.triggersJoinType": "text",
        "spec.input.tensorMap": "mapping",
        "spec.output": "mapping",
        "spec.output.steps": "list",
        "spec.output.steps[]": "text",
        "spec.output.joinWindowMs": "number",
        "spec.output.stepsJoin": "text",
        "spec.output.tensorMap": "mapping",
        "spec.dataflow": "mapping",
        "spec.dataflow.cleanTopicsOnDelete": "flag",
        "spec.allowCycles": "flag",
        "spec.maxStepRevisits": "number",
        "status": "anything",
    },
    "Monitor": {
        "apiVersion": "text",
        "metadata": "mapping",
        "metadata.name": "text",
        "metadata.namespace": "text",
        "metadata.labels": "mapping",
        "metadata.annotations": "mapping",
        "metadata.uid": "anything",
        "spec": "mapping",
        "spec.pipeline": "text",
        "spec.drift": "list",
        "spec.drift[]": "mapping",
        "spec.drift[].step": "text",
        "spec.drift[].of": "text",
        "spec.drift[].severity": "mapping",
        "spec.drift[].severity.critical": "number or fraction",
        "spec.drift[].min_n": "number",
        "spec.drift[].min_effect": "number or fraction",
        "spec.drift[].confirm": "number",
        "spec.drift[].resolve": "number",
        "spec.drift[].sharded": "flag",
        "spec.quality": "list",
        "spec.quality[]": "mapping",
        "spec.quality[].step": "text",
        "spec.quality[].min_n": "number",
        "spec.quality[].tolerance": "number or fraction",
        "spec.quality[].confirm": "number",
        "spec.quality[].resolve": "number",
        "spec.quality[].sharded": "flag",
        "spec.features": "mapping",
        "spec.outliers": "list",
        "spec.outliers[]": "mapping",
        "spec.outliers[].step": "text",
        "spec.outliers[].rate": "mapping",
        "spec.outliers[].rate.warning": "number or fraction",
        "spec.outliers[].rate.critical": "number or fraction",
        "spec.outliers[].over": "text",
        "spec.errors": "mapping",
        "spec.errors.rate": "mapping",
        "spec.errors.rate.warning": "number or fraction",
        "spec.errors.rate.critical": "number or fraction",
        "spec.errors.over": "text",
        "spec.latency": "mapping",
        "spec.latency.p99_ms": "mapping",
        "spec.latency.p99_ms.warning": "number or fraction",
        "spec.latency.p99_ms.critical": "number or fraction",
        "spec.latency.over": "text",
        "spec.no_data": "mapping",
        "spec.no_data.after": "text",
        "spec.resend": "text",
        "spec.runbook": "text",
        "spec.redact": "list",
        "spec.redact[]": "text",
        "spec.segments": "mapping",
    },
}
_WHOLE = {"Model": MODELS, "Pipeline": PIPELINE, "Monitor": MONITOR}
_SAMPLES: dict[str, Any] = {
    "text": "twenty",
    "number": 20,
    "fraction": 20.5,
    "flag": True,
    "list": ["twenty"],
    "mapping": {"twenty": 20},
}


def _mistyped() -> Iterator[tuple[str, Case]]:
    for kind, fields in FIELDS.items():
        whole = next(yaml.safe_load_all(_WHOLE[kind]))
        for path, takes in fields.items():
            message = f": {path.replace('[]', '[0]')} must be"
            for sample, value in _SAMPLES.items():
                if sample not in takes.split(" or ") and takes != "anything":
                    text = yaml.safe_dump(_put(whole, path.split("."), value), sort_keys=False)
                    yield f"{kind}: {path} that is a {sample}", Case(text, message)


def _put(document: Any, path: list[str], value: Any) -> Any:
    """Return a copy of a document with another value at a path; the first item of a list is replaced."""
    if not path:
        return value
    key, rest = path[0], path[1:]
    if not key.endswith("[]"):
        return {**document, key: _put(document.get(key, {}), rest, value)}
    items = document.get(key[:-2], [{}])
    return {**document, key[:-2]: [_put(items[0], rest, value), *items[1:]]}


MISTYPED: dict[str, Case] = dict(_mistyped())


def unusable(models: Path) -> dict[str, Case]:
    """Manifests that only loading the models of a folder, as `weir train` writes it, finds wrong."""

    def one(fields: str = "", model: str = "income", step: str = "", **changes: str) -> str:
        uri = changes.get("uri", str(models / model))
        spec = f"steps: [{{name: {model}{step}}}]{changes.get('pipeline', '')}"
        return _DOCUMENT.format("Model", model, f"storageUri: {uri}{fields}") + _DOCUMENT.format(
            "Pipeline", "p", spec
        )

    other = _DOCUMENT.format("Pipeline", "q", "steps: [{name: income}]")
    nowhere = "input: {externalInputs: [q.step.nowhere.outputs]}"
    return {
        "a batch of a classifier": Case(
            one(step=", batch: {size: 5}"),
            "pipeline p: step income has a batch, but only drift detectors and data quality",
        ),
        "a batch of a preprocessor": Case(
            one(model="income-preprocess", step=", batch: {windowMs: 5}"),
            "step income-preprocess has a batch, but only drift detectors and data quality",
        ),
        "a batch of an outlier detector": Case(
            one(model="income-outlier", step=", batch: {size: 5, rolling: true}"),
            "step income-outlier has a batch, but only drift detectors and data quality",
        ),
        "a folder that is not there": Case(one(uri="./nowhere"), "nowhere is not a folder: check storageUri"),
        "a folder that is a file": Case(
            one(uri=str(models / "holdout.npy")), "holdout.npy is not a folder: check storageUri"
        ),
        "a folder without a model": Case(one(uri="file://"), "Model income: "),
        "a store that nobody knows": Case(
            one(uri="ftp://host/a"), "Model income: spec.storageUri: ftp://host/a names no store that is kno"
        ),
        "a store that only fsspec knows": Case(
            one(uri="memory://a"), "Model income: spec.storageUri: memory://a names no store that is known"
        ),
        "a folder with a byte of zero": Case(one(uri='"a\\0b"'), "Model income: "),
        "a folder with half a surrogate": Case(one(uri='"a\\uD800b"'), "Model income: "),
        "a folder of 5000 letters": Case(one(uri="x" * 5_000), "Model income: "),
        "a file:// with a byte of zero": Case(one(uri="file://a%00b"), "Model income: "),
        "another function than the model has": Case(
            one(", parameters: [{name: predict_fn, value: explain}]"),
            "predict_fn is 'explain', which a Pipel",
        ),
        "a function that trains": Case(one(", parameters: [{name: predict_fn, value: fit}]"), "predict_fn"),
        "a setting of the detector that is no object": Case(
            one(", parameters: [{name: predict_parameters, value: all}]", "income-drift"),
            "Model income-drift: extra.predict_parameters: Expected `object`, got `str`",
        ),
        "a Monitor that takes a drift detector for a data quality check": Case(
            one(model="income-drift", step=", batch: {size: 9}") + _MONITOR.format("quality", "income-drift"),
            "Monitor/m: spec.quality[0].step: income-drift is not a data quality check but a drift detector",
        ),
        "a Monitor that takes a classifier for a drift detector": Case(
            one(step=", batch: {size: 9}") + _MONITOR.format("drift", "income"),
            "Monitor/m: spec.drift[0].step: income is not a drift detector; remove it",
        ),
        "a Monitor that takes a classifier for an outlier detector": Case(
            one() + _MONITOR.format("outliers", "income"),
            "Monitor/m: spec.outliers[0].step: income does not flag outliers; remove it",
        ),
        "a step of the other pipeline that it does not have": Case(
            other + one(pipeline=f", {nowhere}"), "pipeline q has no step nowhere; it has income"
        ),
    }


_DOCUMENT = """\
apiVersion: mlops.seldon.io/v1alpha1
kind: {}
metadata: {{name: {}}}
spec: {{{}}}
---
"""

_MONITOR = """\
apiVersion: weir/v1alpha1
kind: Monitor
metadata: {{name: m}}
spec: {{pipeline: p, {}: [{{step: {}}}]}}
---
"""

_AND_MODELS = f"---\n{MODELS}"
WELL_FORMED: dict[str, str | bytes] = {
    "a mark of UTF-8": b"\xef\xbb\xbf" + MODELS.encode(),
    "line ends of Windows": MODELS.replace("\n", "\r\n"),
    "JSON": json.dumps(_MODEL),
    "documents of nothing between the others": f"---\n---\n# nothing\n---\n{MODELS}---\n...\n",
    "an alias": PIPELINE.replace("[a, b]", "&both [a, b]").replace("inputs: [a]", "triggers: [a]")
    + _AND_MODELS,
    "a Monitor": f"{MONITOR}---\n{WATCHED}",
    "a Monitor that leaves everything to the job": f"{MONITOR.split('  drift:')[0]}---\n{WATCHED}",
    "a Monitor whose numbers are nothing": f"{MONITOR.replace('100', '').replace('0.05', '~')}---\n{WATCHED}",
    "a Monitor whose shares are whole": f"{MONITOR.replace('0.2', '1').replace('0.05', '0')}---\n{WATCHED}",
    "names with underscores, as Seldon's scheduler takes them": (PIPELINE + _AND_MODELS)
    .replace("name: p}", "name: p_v-1__a}")
    .replace("name: a", "name: a_1")
    .replace("[a]", "[a_1]")
    .replace("[a, b]", "[a_1, b]"),
    "a merge that is overridden": PIPELINE.replace(
        "inputs: [a]", "<<: {inputs: [a], joinWindowMs: 5}, joinWindowMs: 6"
    )
    + _AND_MODELS,
    "a merge of a deeper mapping that overrides": PIPELINE.replace(
        "inputs: [a]", "inputs: [a], batch: &more {<<: {size: 20}, size: 50}"
    )
    + "status: {<<: *more}\n"
    + _AND_MODELS,
}
_LISTED: list[Any] = [
    _MODEL,
    {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "Pipeline",
        "metadata": {"name": "p"},
        "spec": {"steps": [{"name": "a", "batch": {"size": 5}}]},
    },
    {
        "apiVersion": "weir/v1alpha1",
        "kind": "Monitor",
        "metadata": {"name": "m"},
        "spec": {"pipeline": "p", "drift": [{"step": "a", "min_n": 5}]},
    },
]
WELL_FORMED_JSON = {
    "on one line": json.dumps(_MODEL),
    "with tabs": json.dumps(_MODEL, indent="\t"),
    "with escapes": json.dumps(_MODEL).replace("kind", "\\u006bind"),
    "a Kubernetes List": json.dumps({"kind": "List", "items": [_MODEL]}),
    "a Kubernetes List with a Monitor": json.dumps({"kind": "List", "items": _LISTED}),
}
