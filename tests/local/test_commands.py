import json
import os
import subprocess
import sys

import pytest

import manage_all
from deploy.local import cli, control, homes, lifecycle, market_state, suites, supervisor
from deploy.local.refusals import Refusal


@pytest.fixture
def here(home, monkeypatch):
    """The commands act upon this home."""
    monkeypatch.setenv("ADMIT_ONE_HOME", str(home.path))
    return home


def left_behind(home):
    """The state file of a market whose supervisor was killed; its process is one that is alive, but somebody else's."""
    row = {"name": "orders.web", "pid": os.getpid(), "started": 1.0, "state": "ready", "restarts": 2}
    row |= {"port": 18000, "url": "http://127.0.0.1:18000", "home": ""}
    state = {"phase": "ready", "url": "http://127.0.0.1:8000", "broker": "embedded", "supervisor": 1}
    home.state.write_text(json.dumps({**state, "processes": [row]}))


class TestStatus:
    def test_of_a_market_that_was_killed_says_stopped(self, here, capsys):
        left_behind(here)

        code = cli.main(["status", "--json"])

        told = json.loads(capsys.readouterr().out)
        assert code == 1
        assert told["phase"] == "stopped"
        assert told["supervisor"] is None
        assert told["processes"] == [
            {
                "name": "orders.web",
                "pid": None,
                "state": "stopped",
                "restarts": 2,
                "url": "http://127.0.0.1:18000",
                "port": 18000,
                "rss": 0,
            }
        ]

    def test_of_nothing_says_how_to_start(self, here, capsys):
        assert cli.main(["status"]) == 1
        assert "./manage_all.py up" in capsys.readouterr().out

    def test_half_a_state_file_counts_as_none(self, here):
        here.state.write_text('{"phase": "rea')

        assert supervisor.read(here.state) == {}
        assert market_state.status(here)["phase"] == "stopped"


class TestRefusals:
    def test_a_second_up_of_the_same_home_names_the_first(self, here, capsys):
        left_behind(here)
        holder = subprocess.Popen(
            [
                sys.executable,
                "-c",
                "import fcntl, sys; file = open(sys.argv[1], 'w'); fcntl.flock(file, fcntl.LOCK_EX);"
                "print('held', flush=True); sys.stdin.read()",
                str(here.lock),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        holder.stdout.readline()
        try:
            assert cli.main(["up"]) == 1
        finally:
            holder.communicate()

        said = capsys.readouterr().err
        assert "A market is running here already: http://127.0.0.1:8000" in said
        assert "./manage_all.py down" in said

    @pytest.mark.parametrize(
        "words", [["shell", "orders"], ["staff", "a@b.example"], ["demo"], ["migrate"], ["run", "orders"]]
    )
    def test_what_needs_a_market_says_so(self, here, capsys, words):
        assert cli.main(words) == 1
        assert "No market is running here.\n  do:  start one: ./manage_all.py up" in capsys.readouterr().err

    def test_reset_does_not_delete_without_being_sure(self, here, capsys):
        assert cli.main(["reset"]) == 1

        assert "add --yes" in capsys.readouterr().err
        assert here.path.exists()
        assert cli.main(["reset", "--yes"]) == 0
        assert not here.path.exists()

    def test_down_of_nothing_is_content(self, here, capsys):
        assert cli.main(["down"]) == 0
        assert "No market is running here." in capsys.readouterr().out

    def test_an_order_to_nobody_says_how_to_start(self, home):
        with pytest.raises(Refusal, match="No market is running here"):
            control.order(home, "stop", name="orders.web")

    def test_a_home_of_another_user_is_refused_with_a_way_out(self, home, monkeypatch):
        def forbidden(path):
            raise PermissionError(13, "Permission denied", str(path))

        monkeypatch.setattr(homes.files, "directory", forbidden)

        with pytest.raises(Refusal, match="cannot be prepared") as refused:
            home.prepare()
        assert "ADMIT_ONE_HOME" in str(refused.value)

    def test_an_unknown_suite_is_refused_with_the_known_ones(self, here, capsys):
        assert cli.main(["test", "markt"]) == 1
        assert "There is no suite markt.\n  do:  there are: static, " in capsys.readouterr().err


class TestControlSocket:
    def test_of_a_home_far_down_lies_elsewhere_for_its_path_is_limited(self, home):
        deep = homes.Home(home.path / ("deep" * 30))

        assert len(os.fsencode(control.address(deep))) < 107
        assert control.address(home).parent == home.path


class TestLogs:
    def test_shows_the_end_of_the_logs_asked_for(self, here, capsys):
        for name in ("orders.web", "orders.messaging", "tickets.web"):
            (here.logs / f"{name}.log").write_text("".join(f"line {n}\n" for n in range(50)))

        assert cli.main(["logs", "orders", "-n", "2"]) == 0

        assert capsys.readouterr().out.splitlines() == [
            "orders.messaging | line 48",
            "orders.messaging | line 49",
            "orders.web       | line 48",
            "orders.web       | line 49",
        ]

    def test_follows_only_whole_lines_and_a_rotated_file(self, here, capsys):
        log = here.logs / "orders.web.log"
        log.write_text("one\ntw")

        place = lifecycle._show_new(here, "orders.web", 10, 0)
        log.write_text("one\ntwo\n")
        place = lifecycle._show_new(here, "orders.web", 10, place)
        log.write_text("")
        place = lifecycle._show_new(here, "orders.web", 10, place)
        log.write_text("new\n")
        lifecycle._show_new(here, "orders.web", 10, place)

        assert [line.split("| ")[1] for line in capsys.readouterr().out.splitlines()] == ["one", "two", "new"]

    def test_an_unknown_name_is_refused_with_the_known_ones(self, here, capsys):
        (here.logs / "gateway.log").write_text("x\n")

        assert cli.main(["logs", "gatway"]) == 1
        assert "there are: gateway" in capsys.readouterr().err


class TestSuites:
    def test_market_means_both_brokers(self):
        assert [suite.name for suite in suites._choose(["market"])] == ["market-embedded", "market-rabbitmq"]
        assert suites._choose([]) == suites.SUITES

    def test_counts_from_the_report_and_takes_a_skip_for_what_it_is(self, tmp_path):
        report = tmp_path / "report.xml"
        report.write_text(
            "<testsuites><testsuite>"
            "<testcase name='a'/><testcase name='b'><failure/></testcase><testcase name='c'><error/></testcase>"
            "<testcase name='d'><skipped type='pytest.skip'/></testcase>"
            "<testcase name='e'><skipped type='pytest.xfail'/></testcase>"
            "</testsuite></testsuites>"
        )

        assert suites._count(report) == (2, 2, 1)
        assert suites._count(tmp_path / "none.xml") == (0, 0, 0)

    def test_a_suite_that_crashes_has_failed(self):
        crashing = suites.Suite(name="crashing", budget=30, path="no/such/folder")

        outcome = suites._outcome(crashing, {"TEST_POSTGRES_URL": "postgres://nobody@127.0.0.1:9"}, [])

        assert (outcome.passed, outcome.failed) == (0, 1)

    def test_a_missing_tool_is_named_and_a_failure_only_when_all_is_asked_for(self, monkeypatch, capsys):
        monkeypatch.setattr(suites.brokers, "program", lambda: None)
        monkeypatch.setattr(suites, "_run", lambda *args: [])
        monkeypatch.setattr(suites, "out", suites.Console(highlight=False, width=120))

        assert suites.main(names=["shared-rabbitmq"], everything=False, arguments=[]) == 0
        assert suites.main(names=["shared-rabbitmq"], everything=True, arguments=[]) == 1

        lines = [line for line in capsys.readouterr().out.splitlines() if "rabbitmq" in line or "passed" in line]
        assert lines == [
            "not run: shared-rabbitmq, which needs rabbitmq-server: apt-get install rabbitmq-server",
            "0 passed, 0 failed",
            "failed: shared-rabbitmq, which needs rabbitmq-server: apt-get install rabbitmq-server",
            "0 passed, 1 failed",
        ]


class TestBootstrap:
    def test_a_python_without_venv_is_told_which_package_brings_it(self, monkeypatch):
        monkeypatch.setattr(manage_all.importlib.util, "find_spec", lambda name: None)

        with pytest.raises(SystemExit, match=r"do:  apt-get install python3\.\d+-venv"):
            manage_all.make_venv()

    def test_the_stamp_changes_with_the_lock(self, monkeypatch, tmp_path):
        lock = tmp_path / "dev.txt"
        monkeypatch.setattr(manage_all, "LOCK", lock)
        lock.write_text("django==5.2.1")
        before = manage_all.wanted()
        lock.write_text("django==5.2.2")

        assert manage_all.wanted() != before

    def test_it_can_be_read_by_a_python_that_has_nothing(self):
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", "import runpy; runpy.run_path('manage_all.py', run_name='x')"],
            cwd=homes.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr
