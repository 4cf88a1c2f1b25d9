#!/usr/bin/env bash
# Installs what runs, and only that: install.sh HOME, from the project's folder, with `make setup`'s jars in build/jars.
# The Python on the PATH gets the packages; HOME becomes a Flink home for application mode.
set -euo pipefail
home=${1:-/opt/flink}

python -m pip install --disable-pip-version-check --no-cache-dir -q -c constraints.txt '.[s3,gs,gateway]'
flink=$(python -c 'import pathlib, pyflink; print(pathlib.Path(pyflink.__file__).parent)')

mkdir -p "$home"/{conf,lib,log,usrlib}
ln -sfn "$flink/bin" "$home/bin"
ln -sfn "$flink/opt" "$home/opt"
ln -sfn "$flink/plugins" "$home/plugins"
ln -sf "$flink"/lib/*.jar "$flink"/opt/flink-python-*.jar "$home/lib/"
cp build/jars/flink/*.jar "$home/lib/"
cp "$flink"/conf/log4j*.properties flink-conf/config.yaml "$home/conf/"
