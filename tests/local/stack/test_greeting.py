"""What the stack prints to try."""

import re
from datetime import date
from pathlib import Path

from local import demo, places
from local.ports import Ports
from local.stack import greeting

NOVEMBER_21 = date(2026, 11, 21)
STATE = Path("/home/kari/metering/.local")


def test_the_commands_name_the_ports_in_use() -> None:
    text = greeting.text(Ports.from_base(9000), yesterday=NOVEMBER_21, seconds=21.4, state=STATE)

    assert "Ready after 21 s. Open http://127.0.0.1:9000/" in text
    assert "http://127.0.0.1:9002/5a5e0000-0000-4000-8000-000000000001/oauth2/v2.0/token" in text
    assert "8080" not in text


def test_the_variables_are_those_of_getting_started() -> None:
    guide = (places.ROOT / "docs/getting-started.md").read_text(encoding="utf-8")

    assert greeting.variables(Ports.from_base(9000)) == [
        "export API=http://127.0.0.1:9000/metering/v1",
        "export TOKEN_URL=http://127.0.0.1:9002/5a5e0000-0000-4000-8000-000000000001/oauth2/v2.0/token",
        "export SCOPE=api://metering-demo/.default",
        "export CLIENT_ID=5a5e0000-0000-4000-8000-0000000000c1",
        "export CLIENT_SECRET=demo-eos-vendor-secret",
        "export KEY=demo-key-eos-vendor",
    ]
    assert all(line.partition("=")[0] in guide for line in greeting.variables(Ports()))


def test_the_token_is_fetched_with_the_variables_alone() -> None:
    assert set(re.findall(r"\$([A-Z_]+)", greeting.token_command())) == {
        *("TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET", "SCOPE")
    }


def test_three_requests_can_be_pasted() -> None:
    commands = greeting.curl_commands(yesterday=NOVEMBER_21)

    assert [command.rpartition(" ")[2] for command in commands] == [
        '"$API/metering-points"',
        '"$API/metering-points/707057500000000018/consumption?date=2026-11-21"',
        '"$API/consumption?from=2026-10-22&resolution=P1D"',
    ]
    assert all('"Ocp-Apim-Subscription-Key: $KEY"' in command for command in commands)


def test_the_stand_in_for_severa_is_named_where_it_listens() -> None:
    text = greeting.text(Ports.from_base(9000), yesterday=NOVEMBER_21, seconds=1, state=STATE)

    assert "curl -s -T severa.json http://127.0.0.1:9003/control/severa && " in text


def test_every_key_client_and_user_of_the_demo_world_is_named() -> None:
    text = greeting.text(Ports(), yesterday=NOVEMBER_21, seconds=1, state=STATE)

    for key in demo.SUBSCRIPTIONS:
        assert key.key in text
    for client in demo.CLIENTS:
        assert f"{client.client_id}  secret {client.secret}" in text
    for user in demo.USERS:
        assert user.email in text


def test_the_folder_of_files_that_were_sent_is_named() -> None:
    text = greeting.text(Ports(), yesterday=NOVEMBER_21, seconds=1, state=STATE)

    assert f"keeps them in {STATE / 'sftp'}:" in text
    assert "dev.py feeds" in text
