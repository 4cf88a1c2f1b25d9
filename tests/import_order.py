"""The modules and folders of each folder, lowest first. A module imports only what is before it."""

from __future__ import annotations

LAYERS = ("detectors", "operators", "jobs")
ORDER = {
    "detectors": "array_files binomial counts results input_rows histogram outliers quality drift",
    "detectors/drift": (
        "effect tables correction kolmogorov pooling ks chi_square tabular alibi_detect_files calibration "
        "judgement confirmation"
    ),
    "detectors/outliers": (
        "category_values draws network threshold isolation_paths isolation_forest mahalanobis vae"
    ),
    "detectors/quality": "issues data_quality",
    "operators": (
        "core rows storage resources kafka protocol models control metrics pipeline alerts windows "
        "inference flink"
    ),
    "operators/core": (
        "version printable errors memory names foreign_json timestamps event_log background_thread tensors "
        "micro_batch state redaction"
    ),
    "operators/rows": "encoding chunks lineage pane counted_rows",
    "operators/storage": (
        "limits store_settings uris http_connections http_index stores downloads ownership trusted_roots "
        "digest artifact_cache fetch"
    ),
    "operators/resources": (
        "durations references seldon_schema monitor_schema field_support strict_decoding yaml_files "
        "pipeline_checks monitor_checks manifests"
    ),
    "operators/kafka": (
        "topics client_config brokers connection output_record headers header_names consumer topic_follower "
        "topic_watch skipped_records dead_letters"
    ),
    "operators/kafka/client_config": "java_properties jaas certificates properties_file client_options",
    "operators/protocol": (
        "datatypes request inference_pb2 json_codec protobuf_codec decode batching json_tensors encode"
    ),
    "operators/models": (
        "step column_origins content_types feature_rows json_files pickles settings probe folder runtimes "
        "formats load"
    ),
    "operators/models/runtimes": (
        "verdict_details batched column_transformer sklearn_fast sklearn_estimator xgboost_predictions "
        "boosted_trees python_class outlier drift data_quality"
    ),
    "operators/models/formats": (
        "feature_names sklearn_estimator boosters boosted_trees python_class outlier_detector calibration "
        "drift_detector alibi_detect data_quality"
    ),
    "operators/models/formats/boosters": "tree_checks ubjson xgboost_binary xgboost_file lightgbm_file trees",
    "operators/control": (
        "release release_checks control_state control_topic documents release_cache window_epochs status "
        "status_topic status_publisher"
    ),
    "operators/metrics": "tally pipeline_tally flink_metrics",
    "operators/pipeline": (
        "inputs external_input window_rules failure_isolation planned_step plan compile load"
    ),
    "operators/alerts": "alert finding lifecycle rate_rules rules rules_cache active_alerts",
    "operators/windows": (
        "window superseded advance report findings window_rows step_configs shard messages effects "
        "step_windows rate_windows"
    ),
    "operators/inference": (
        "monitor_feed taps outlier_log request_decoder results response_writer engine deployments "
        "control_follower verdict_follower identity worker supervision"
    ),
    "operators/inference/supervision": (
        "process_limits channel messages deadlines ended costs search fork_protocol worker_process "
        "fork_server fork_client monitored_worker supervisor"
    ),
    "operators/flink": "task_manager_watch python_worker infer count monitor",
    "jobs": (
        "streaming production_monitoring data kafka releases flink local_stack models status traffic "
        "services demo cli train_monitors"
    ),
    "jobs/streaming": "settings java_client_options kafka_tables operator_names",
    "jobs/data": (
        "table_format column_values cell_remedies csv_files table_files usable_numbers declared_columns "
        "feature_encoding column_report synthetic_census"
    ),
    "jobs/kafka": "admin topic_settings pipeline_client newest_records request_rate firing_alerts",
    "jobs/releases": (
        "validation diff publish resume topic_writers apply repair delete rollback explain_alerts explain"
    ),
    "jobs/releases/validation": "live_documents external_inputs monitors model_memory load_models manifests",
    "jobs/flink": "paths rest_api job_details overlap command_line bundle submit",
    "jobs/local_stack": "ports processes kafka_broker flink_cluster stack",
    "jobs/models": "calibrate convert rows_to_judge judge training training_report train retraining",
    "jobs/models/convert": "vae alibi_detect_files",
    "jobs/models/training": (
        "options split model_folders manifests column_origins preprocessor vae outlier_algorithms outlier "
        "drift training_data classifier"
    ),
    "jobs/models/training_report": "model_card charts page",
    "jobs/models/retraining": "selection replay refit comparison retrain",
    "jobs/status": "snapshot condition pipeline_conditions conditions wait follower doctor",
    "jobs/status/doctor": "check evidence topics transactions checkpoints versions clocks machine checks",
    "jobs/traffic": "scenarios send inspect local",
    "jobs/traffic/inspect": "expression readable_records topic_reader tap",
    "jobs/traffic/local": (
        "flink_in_memory emitted_records windows pipeline column_tensors row_requests table_requests "
        "request_files text_output"
    ),
    "jobs/services": "access gateway alert_bridge views dashboard",
    "jobs/services/access": "hosts tokens certificates",
    "jobs/services/gateway": (
        "http_errors forwarded_headers content_codings binary_tensors held_bytes bodies correlator "
        "client_rates guard connection_limits app server"
    ),
    "jobs/services/alert_bridge": "http_post receiver_urls receivers bridge",
    "jobs/services/views": (
        "theme topic_history kafka_feed layered_layout pipeline_graph monitored_inputs drift_charts "
        "time_series table_rows html_report"
    ),
    "jobs/services/dashboard": "login access security_headers layout components app server",
    "jobs/demo": "checks output run",
    "jobs/cli": (
        "printable_output options option_groups trusted_paths timestamps text_table job models releases "
        "traffic services demo app main"
    ),
    "jobs/cli/job": "stack submit status doctor",
    "jobs/cli/models": "train calibrate convert judge retrain",
    "jobs/cli/releases": "apply history resources explain repair resume",
    "jobs/cli/traffic": "infer send inspect_topics",
    "jobs/cli/services": "server_options gateway alerts alert_bridge dashboard report",
}
