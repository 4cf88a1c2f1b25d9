#!/usr/bin/env bash
# jobmanager [SETTINGS…]   the monitoring job in application mode, with settings of the job
# taskmanager [-D…]        its workers
# gateway [OPTIONS…]       the synchronous door
# alert-bridge [OPTIONS…]  alerts to Alertmanager
# anything else            that; so the Flink Kubernetes operator starts its own commands
#
# FLINK_OPTIONS holds options of Flink's own, as `-D rest.port=8081`, for the first two.
set -euo pipefail
read -ra options <<< "${FLINK_OPTIONS:-}"

case "${1:-}" in
jobmanager)
    exec "$FLINK_HOME/bin/standalone-job.sh" start-foreground "${options[@]}" \
        --job-classname org.apache.flink.client.python.PythonDriver \
        -pym jobs.production_monitoring "${@:2}"
    ;;
taskmanager) exec "$FLINK_HOME/bin/taskmanager.sh" start-foreground "${options[@]}" "${@:2}" ;;
alert-bridge) exec weir "$@" ;;
gateway) exec weir gateway --host 0.0.0.0 "${@:2}" ;;
*) exec "$@" ;;
esac
