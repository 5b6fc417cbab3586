"""The Helm chart: what it renders is valid, fits together, and gives nobody rights."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from circadia.config import NAMES, SECRETS
from tests.deploy.chart import Chart
from tests.deploy.files import ROOT

CHART = Chart(ROOT / "deploy" / "helm" / "circadia")
OWN: dict[str, Any] = {"whoop": {"settings": {"WHOOP_CLIENT_ID": "of-the-app"}}}
FULL = {
    **OWN,
    "imagePullSecrets": [{"name": "registry"}],
    "ingress": {"enabled": True, "annotations": {"cert-manager.io/cluster-issuer": "letsencrypt"}},
}
ALONE = {**OWN, "gateway": {"enabled": False}, "networkPolicy": {"enabled": False}}
WAYS: list[dict[str, Any]] = [OWN, FULL, ALONE]


def _of(kind: str, values: dict[str, Any] | None = None) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each for each in CHART.rendered(values or OWN) if each["kind"] == kind}


@cache
def _pods() -> dict[str, dict[str, Any]]:
    workloads = {**_of("Deployment", FULL), **_of("Job", FULL)}
    return {name: each["spec"]["template"] for name, each in workloads.items()}


@pytest.mark.parametrize("values", WAYS)
@pytest.mark.parametrize("version", ["1.29", "1.37"])
def test_manifests_are_valid(values: dict[str, Any], version: str) -> None:
    manifests = CHART.rendered(values)
    for each in manifests:
        kubernetes_validate.validate(each, version, strict=True)
    named = [(each["kind"], each["metadata"]["name"]) for each in manifests]
    assert len(named) == len(set(named))


def test_what_belongs_to_the_gateway_goes_with_it() -> None:
    assert not any("gateway" in each["metadata"]["name"] for each in CHART.rendered(ALONE))
    kinds = {each["kind"] for each in CHART.rendered(FULL) if each["metadata"]["name"] == "circadia-gateway"}
    assert kinds == {"Deployment", "Service", "PodDisruptionBudget", "HorizontalPodAutoscaler"}


def test_pods_have_no_rights() -> None:
    pods = _pods()
    assert set(pods) == {
        *("circadia-whoop", "circadia-worker", "circadia-gateway"),
        *("circadia-migrate-whoop", "circadia-migrate-gateway"),
    }
    for name, pod in pods.items():
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"], name
        assert spec["securityContext"]["runAsUser"] == 10001, name
        assert spec["automountServiceAccountToken"] is False, name
        (container,) = spec["containers"]
        rights = container["securityContext"]
        assert rights["readOnlyRootFilesystem"], name
        assert rights["allowPrivilegeEscalation"] is False, name
        assert rights["capabilities"] == {"drop": ["ALL"]}, name
        assert container["image"] == "circadia:0.1.0"
        assert spec["terminationGracePeriodSeconds"] == (90 if name == "circadia-worker" else 60)


def test_the_cluster_s_own_variables_are_kept_out() -> None:
    """A service circadia-whoop would set CIRCADIA_WHOOP_PORT, which is refused as an unknown setting."""
    assert all(pod["spec"]["enableServiceLinks"] is False for pod in _pods().values())


def test_settings_exist_and_secrets_are_mounted() -> None:
    for name, pod in _pods().items():
        (container,) = pod["spec"]["containers"]
        told = {each["name"]: each["value"] for each in container["env"]}
        assert len(told) == len(container["env"])
        assert told["MIGRATE_ON_START"] == "false", name
        for setting, value in told.items():
            if setting.endswith("_FILE"):
                assert setting.removesuffix("_FILE") in SECRETS, (name, setting)
                assert value == f"/secrets/{setting.removesuffix('_FILE').lower()}"
            else:
                assert setting in set(NAMES) - SECRETS, (name, setting)
        mounted = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
        assert mounted == {"secrets": "/secrets", "tmp": "/tmp"}
        volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
        assert set(volumes) == set(mounted)
        part = "gateway" if "gateway" in name else "whoop"
        assert volumes["secrets"]["secret"] == {"secretName": f"circadia-{part}", "defaultMode": 0o440}


def test_selectors_find_their_pods_alone() -> None:
    pods = {name: pod["metadata"]["labels"] for name, pod in _pods().items()}
    deployments, budgets, services = _of("Deployment", FULL), _of("PodDisruptionBudget", FULL), _of("Service", FULL)
    selectors = [(name, each["spec"]["selector"]["matchLabels"]) for name, each in {**deployments, **budgets}.items()]
    selectors += [(name, each["spec"]["selector"]) for name, each in services.items()]
    assert set(budgets) == set(services) == {"circadia-whoop", "circadia-gateway"}
    for name, selector in selectors:
        assert [pod for pod, labels in pods.items() if selector.items() <= labels.items()] == [name]


def test_addresses_lead_to_services() -> None:
    services, pods = _of("Service", FULL), _pods()
    for name, service in services.items():
        (port,) = service["spec"]["ports"]
        (container,) = pods[name]["spec"]["containers"]
        told = {each["name"]: each["value"] for each in container["env"]}
        assert str(port["port"]) == told["PORT"] == str(container["ports"][0]["containerPort"])
        assert port["targetPort"] == container["ports"][0]["name"]
    (gateway,) = pods["circadia-gateway"]["spec"]["containers"]
    url = next(each["value"] for each in gateway["env"] if each["name"] == "WHOOP_SERVICE_URL")
    assert url == f"http://circadia-whoop:{services['circadia-whoop']['spec']['ports'][0]['port']}"
    (ingress,) = _of("Ingress", FULL).values()
    backends = [each["http"]["paths"][0]["backend"]["service"]["name"] for each in ingress["spec"]["rules"]]
    assert set(backends) == set(services)
    assert {each["host"] for each in ingress["spec"]["rules"]} == set(ingress["spec"]["tls"][0]["hosts"])


def test_metrics_are_reached_where_the_pods_are() -> None:
    measured = _of("NetworkPolicy", FULL)["circadia-measured"]["spec"]
    (way,), (among,) = measured["ingress"], measured["podSelector"]["matchExpressions"]
    assert [each["port"] for each in way["ports"]] == ["metrics"]
    for name in ("circadia-whoop", "circadia-gateway", "circadia-worker"):
        (container,) = _pods()[name]["spec"]["containers"]
        told = {each["name"]: each["value"] for each in container["env"]}
        ports = {each["name"]: str(each["containerPort"]) for each in container["ports"]}
        assert (told["METRICS_HOST"], told["METRICS_PORT"]) == ("0.0.0.0", ports["metrics"])
        assert name.removeprefix("circadia-") in among["values"]


def test_probes_ask_what_is_open_to_everybody() -> None:
    for name in ("circadia-whoop", "circadia-gateway"):
        (container,) = _pods()[name]["spec"]["containers"]
        paths = {kind: container[f"{kind}Probe"]["httpGet"]["path"] for kind in ("startup", "readiness", "liveness")}
        assert paths == {"startup": "/health/live", "readiness": "/health/ready", "liveness": "/health/live"}


def test_the_schema_is_brought_up_before_pods_are_replaced() -> None:
    for each in _of("Job", FULL).values():
        assert each["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
        assert each["spec"]["template"]["spec"]["containers"][0]["command"] == ["circadia", "db", "upgrade"]
    for each in _of("Deployment", FULL).values():
        assert each["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert "replicas" not in _of("Deployment")["circadia-gateway"]["spec"], "the autoscaler decides"


def test_the_worker_is_asked_for_its_metrics_alone() -> None:
    policies = _of("NetworkPolicy", FULL)
    labels = _pods()["circadia-worker"]["metadata"]["labels"]
    closed = policies["circadia-closed"]["spec"]
    assert closed["podSelector"]["matchLabels"].items() <= labels.items()
    assert "ingress" not in closed
    (served,) = policies["circadia-served"]["spec"]["podSelector"]["matchExpressions"]
    assert labels["app.kubernetes.io/component"] not in served["values"]
    assert [each["name"] for each in _pods()["circadia-worker"]["spec"]["containers"][0]["ports"]] == ["metrics"]


def test_a_worker_that_hangs_is_started_again() -> None:
    (container,) = _pods()["circadia-worker"]["spec"]["containers"]
    for kind in ("startupProbe", "livenessProbe"):
        assert container[kind]["httpGet"] == {"path": "/metrics", "port": container["ports"][0]["name"]}
    told = {each["name"]: each["value"] for each in container["env"]}
    assert told["METRICS_PORT"] == str(container["ports"][0]["containerPort"])


def test_a_gateway_s_key_is_wanted_where_there_is_a_gateway() -> None:
    for values, wanted in ((OWN, True), (ALONE, False)):
        env = _of("Deployment", values)["circadia-whoop"]["spec"]["template"]["spec"]["containers"][0]["env"]
        assert ("GATEWAY_API_KEY_FILE" in {each["name"] for each in env}) is wanted


def test_who_serves_drains_before_it_goes() -> None:
    for name in ("circadia-whoop", "circadia-gateway"):
        (container,) = _pods()[name]["spec"]["containers"]
        told = container["command"][container["command"].index("--drain") + 1]
        probe = container["readinessProbe"]
        assert int(told) >= probe["periodSeconds"] * probe["failureThreshold"]
        assert int(told) < _pods()[name]["spec"]["terminationGracePeriodSeconds"]


@pytest.mark.parametrize(
    "values",
    [
        {"image": {"tag": "latest"}},
        {"whoop": {"publicUrl": "http://whoop.example.org"} | OWN["whoop"]},
        {"worker": {"concurrency": 3}},
        {"whoop": {"replicas": 0} | OWN["whoop"]},
        {"gateway": {"settings": {"GATEWAY_DEADLINE": 3}}},
        {"whoops": {}},
    ],
)
def test_values_that_cannot_work_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        CHART.rendered(OWN | values)


def test_the_app_s_secret_is_not_without_its_id() -> None:
    with pytest.raises(jsonschema.ValidationError, match="'WHOOP_CLIENT_ID' is a required property"):
        CHART.rendered()
    with pytest.raises(jsonschema.ValidationError, match="'' should be non-empty"):
        CHART.rendered({"whoop": {"settings": {"WHOOP_CLIENT_ID": ""}}})
    assert CHART.rendered({"whoop": {"secretFiles": ["DATABASE_URL", "TOKEN_ENCRYPTION_KEYS"]}})


def test_the_chart_is_of_this_version() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{CHART.about["version"]}"' in project
    assert CHART.about["version"] == CHART.about["appVersion"]
