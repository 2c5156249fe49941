"""Image, Compose and Kubernetes: every service is in each, with the settings that it needs; the image has the fonts."""

from __future__ import annotations

import asyncio
import re
import tomllib
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hatchling.builders.wheel import WheelBuilder

from deploy.container.fonts import needed
from deploy.kafka_acls import FILE, USERS, Grant, grants_of, manifest
from deploy.local.environment import Place, service_settings
from services.verifier.sources.public_address import PORTS
from shared.glyphs import load_glyphs
from shared.runtime.access import Proxies
from shared.runtime.settings import Settings, read_access
from shared.runtime.web.metrics import metrics_site
from shared.topics import OFFICE_DECISIONS, READ_BY, SERVICES, TOPICS, WRITTEN_BY, Topic

DEPLOY = Path(__file__).parents[3] / "deploy"
FONTS = DEPLOY.parent / "node_modules" / "@expo-google-fonts"
OF_THE_IMAGE = dict(re.findall(r"([A-Z_]+)=(\S+)", (DEPLOY / "container" / "Dockerfile").read_text().split("ENV ")[1]))
ONLY_LOCAL = {
    "TICK_SECONDS",
    "SETTLE_SECONDS",
    "BATCH_AGE_SECONDS",
    "BATCH_SIZE",
    "STATEMENT_PAUSE_SECONDS",
    "CHAIN_POLL_SECONDS",
    "INBOX_URL",
}
"""What the local stack sets to be quick, or to have an inbox to look at."""


def settings(name: str) -> dict[str, str]:
    lines = (DEPLOY / "settings" / f"{name}.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def loaded(path: str) -> Any:
    return yaml.safe_load((DEPLOY / path).read_text())


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_gets_every_setting_that_the_local_stack_gives_it(service: str, tmp_path: Path) -> None:
    local = service_settings(Place(tmp_path, 8600), service, cohort="2027", clock="")
    given = {**OF_THE_IMAGE, **settings("common"), **settings(service)}
    assert set(local) - ONLY_LOCAL - set(given) == set()


@pytest.mark.parametrize("name", ["common", *SERVICES])
def test_every_setting_that_is_given_is_documented(name: str) -> None:
    documented = (DEPLOY.parent / "docs" / "settings.md").read_text(encoding="utf-8")
    assert [each for each in settings(name) if f"`{each}`" not in documented] == []


def test_secrets_are_of_the_service_that_needs_them_and_of_no_other() -> None:
    holders: dict[str, set[str]] = {}
    for service in SERVICES:
        for value in settings(service).values():
            if value.startswith("/run/akashi/"):
                holders.setdefault(value.removeprefix("/run/akashi/"), set()).add(service)
    assert holders["issuer.pem"] == holders["id.secret"] == {"issuer"}
    assert holders["chain-keystore.json"] == holders["chain.password"] == {"anchor"}
    assert holders["smtp.password"] == {"mailer"} and holders["link.secret"] == {"mailer", "wallet"}
    documented = (DEPLOY.parent / "docs" / "deployment.md").read_text(encoding="utf-8")
    assert [name for name in holders if f"`{name}`" not in documented] == []


def test_the_table_of_secrets_gives_each_to_the_services_whose_settings_name_it() -> None:
    """Those of Kafka, of the database and of readiness are each service's."""
    holders = {
        name: {
            service
            for service in SERVICES
            for value in {**settings("common"), **settings(service)}.values()
            if f"/run/akashi/{name}" in re.split(r"[?&=,]", value)
        }
        for name in re.findall(r"/run/akashi/([\w.-]+)", "".join(map(str, map(settings, ("common", *SERVICES)))))
    }
    page = (DEPLOY.parent / "docs" / "deployment.md").read_text(encoding="utf-8")
    table = re.findall(
        r"^\| (`.*?) \| (.*) \|$", page.partition("- **Secrets**")[2].partition("\n## ")[0], re.MULTILINE
    )
    said = {name: "; ".join(of for files, of in table if f"`{name}`" in files) for name in holders}
    assert len(holders) > 15
    for name, services in holders.items():
        of = set(SERVICES) if "each service" in said[name] or "every service" in said[name] else set()
        assert of | set(re.findall(r"\w+", said[name].split(";")[0].split(":")[0])) & set(SERVICES) == services, name


def test_compose_runs_every_service_with_its_settings_and_secrets() -> None:
    services = loaded("compose.yaml")["services"]
    for name in SERVICES:
        assert services[name]["command"] == [name]
        assert services[name]["env_file"] == ["settings/common.env", f"settings/{name}.env"]
        assert services[name]["volumes"] == [f"./secrets/{name}:/run/akashi:ro"]
        assert services[name]["read_only"] and services[name]["cap_drop"] == ["ALL"]


def test_secrets_of_compose_are_in_no_image_and_no_commit(tmp_path: Path) -> None:
    compose = loaded("compose.yaml")
    mounted = [volume for name in SERVICES for volume in compose["services"][name]["volumes"]]
    files = [each["file"] for each in compose["secrets"].values()]
    assert all(each.startswith("./secrets/") for each in (*mounted, *files))
    page = (DEPLOY.parent / "docs" / "deployment.md").read_text(encoding="utf-8")
    assert [each for each in files if f"`{Path(each).name}`" not in page] == []
    context = (DEPLOY.parent / ".dockerignore").read_text().splitlines()
    assert "deploy/secrets" in context[context.index("!deploy") :]
    assert {"/deploy/secrets/", "/secrets/"} <= set((DEPLOY.parent / ".gitignore").read_text().splitlines())
    for name in ("pyproject.toml", "README.md"):  # of the image's wheel, which is built where no .gitignore is
        (tmp_path / name).write_bytes((DEPLOY.parent / name).read_bytes())
    for name in ("deploy/__init__.py", "deploy/secrets/issuer/issuer.pem", "deploy/secrets/postgres.password"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    built = [each.distribution_path for each in WheelBuilder(str(tmp_path)).recurse_included_files()]
    assert built == ["deploy/__init__.py"]


@pytest.mark.parametrize("here", ["Kubernetes", "Compose"])
def test_ops_prometheus_and_probes_reach_the_metrics_of_every_service(here: str) -> None:
    jobs = loaded("monitoring/prometheus.yaml")["scrape_configs"]
    targets = [target for job in jobs for part in job["static_configs"] for target in part["targets"]]
    asked = [each.partition("=")[2] for each in settings("ops")["METRICS_URLS"].split(",")]
    asked += [f"http://{target}/metrics" for target in targets]
    addresses = {"Kubernetes": ("10.4.5.6",), "Compose": ("172.18.0.2", "192.168.16.2")}[here]
    asked += [f"http://{address}:9100/healthz" for address in addresses]
    given = {**settings("common"), **(loaded("compose.yaml")["x-here"] if here == "Compose" else {})}
    access = read_access(Settings(given), None)

    async def ask() -> dict[str, int]:
        line = httpx.ASGITransport(metrics_site(access), client=(addresses[0], 5))
        async with httpx.AsyncClient(transport=line) as client:
            return {url: (await client.get(url)).status_code for url in asked}

    assert len(asked) > 2 * len(SERVICES)
    assert {url: status for url, status in asyncio.run(ask()).items() if status != 200} == {}
    forwarded = {"type": "http", "headers": [(b"x-forwarded-for", b"203.0.113.7")]}
    for address in addresses:  # the proxy in front is one of these
        assert Proxies(access.proxies).client({**forwarded, "client": (address, 5)}) == "203.0.113.7"


def test_kubernetes_runs_every_service_with_its_settings_and_secrets() -> None:
    root = loaded("k8s/kustomization.yaml")
    assert set(SERVICES) <= set(root["resources"])
    generated = {each["name"]: each["envs"] for each in loaded("settings/kustomization.yaml")["configMapGenerator"]}
    assert generated == {name: [f"{name}.env"] for name in ("common", *SERVICES)}
    for name in SERVICES:
        patches = (DEPLOY / "k8s" / name / "kustomization.yaml").read_text()
        for part in (f"args, value: [{name}]", f"configMapRef/name, value: {name}}}", f"value: {name}-secrets"):
            assert part in patches
    sized = {each["name"] for each in root["replicas"]}
    scaled = {each["metadata"]["name"] for each in yaml.safe_load_all((DEPLOY / "k8s" / "scaling.yaml").read_text())}
    assert sized | scaled == set(SERVICES) and not sized & scaled


def test_the_relay_and_nobody_else_hands_bounces_to_the_mailer() -> None:
    port = int(settings("mailer")["BOUNCE_PORT"])
    assert loaded("compose.yaml")["services"]["mailer"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    patches = (DEPLOY / "k8s" / "mailer" / "kustomization.yaml").read_text()
    assert f"{{name: bounces, containerPort: {port}}}" in patches
    assert f"{{name: bounces, port: {port}, targetPort: bounces}}" in patches
    policies = yaml.safe_load_all((DEPLOY / "k8s" / "network-policies.yaml").read_text())
    doors = [
        each for policy in policies for each in policy["spec"].get("ingress", ()) if "bounces" in str(each["ports"])
    ]
    assert [list(source) for door in doors for source in door["from"]] == [["ipBlock"]]


def test_the_verifier_reaches_the_ports_at_which_it_asks_for_badges_of_other_sites() -> None:
    policies = loaded_all("k8s/network-policies.yaml")
    [of_verifier] = [each["spec"] for each in policies if each["metadata"]["name"] == "urls-of-visitors"]
    assert of_verifier["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": "verifier"}}
    assert {each["port"] for rule in of_verifier["egress"] for each in rule["ports"]} == set(chain(*PORTS.values()))


def test_every_service_has_a_role_and_a_schema() -> None:
    text = (DEPLOY / "postgres" / "roles.sql").read_text()
    lists = [re.findall(r"'(\w+)'", part) for part in re.findall(r"array\[(.*?)\]", text, re.DOTALL)]
    assert lists == [list(SERVICES)] * 3
    assert re.findall(r"alter role (\w+) password :'(\w+)'", text) == [(name, name) for name in SERVICES]


def test_the_image_has_every_font_that_is_drawn_with_and_its_licence(tmp_path: Path) -> None:
    for file in needed(FONTS):
        link = tmp_path / file.relative_to(FONTS)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file)
    assert load_glyphs(tmp_path).missing("髙橋 王伟 김철수 Müller") == ()
    families = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*.ttf")}
    assert {path.parent.name for path in tmp_path.rglob("LICENSE_FONT")} == families


def test_the_image_installs_what_the_project_depends_on() -> None:
    lock = (DEPLOY.parent / "requirements.lock").read_text()
    locked = {name.replace(".", "-") for name in re.findall(r"^([a-z0-9._-]+)==", lock, re.MULTILINE)}
    project = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]
    named = {re.split(r"[\[<>=;]", each)[0].lower().replace(".", "-") for each in project["dependencies"]}
    assert named - locked == set() and "pytest" not in locked


def test_the_users_of_kafka_are_those_that_the_topics_give() -> None:
    assert FILE.read_text(encoding="utf-8") == manifest(), "run `python -m deploy.kafka_acls`"
    users = {each["metadata"]["name"]: each["spec"]["authorization"] for each in yaml.safe_load_all(manifest())}
    assert set(users) == set(USERS) and all(each["type"] == "simple" and each["acls"] for each in users.values())
    assert loaded_all("k8s/kafka/kafka.yaml")[1]["spec"]["kafka"]["authorization"] == {"type": "simple"}


@pytest.mark.parametrize("topic", [topic for topic in TOPICS if topic in WRITTEN_BY and topic != OFFICE_DECISIONS])
def test_a_topic_of_facts_is_written_by_its_service_and_by_ops_that_replays(topic: Topic) -> None:
    writers = {user for user in USERS for grant in grants_of(user) if grant.name == topic.name if may_write(grant)}
    assert writers == {WRITTEN_BY[topic], "ops"}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reads_what_it_knows_and_its_own_words_and_is_in_no_other_group(service: str) -> None:
    read = {grant.name for grant in grants_of(service) if "Read" in grant.operations and grant.resource == "topic"}
    own = {topic.name for topic, writer in WRITTEN_BY.items() if writer == service}
    dead = {topic.dead.name for topic in TOPICS} if service == "ops" else set()
    assert read == {topic.name for topic in READ_BY[service]} | own | dead | {OFFICE_DECISIONS.name}
    assert {g.name for g in grants_of(service) if g.resource == "group" and "Read" in g.operations} == {service}


def may_write(grant: Grant) -> bool:
    return "Write" in grant.operations


def loaded_all(path: str) -> list[Any]:
    return list(yaml.safe_load_all((DEPLOY / path).read_text()))
