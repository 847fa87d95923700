import asyncio
import dataclasses
import os
import signal
import subprocess
import sys

import pytest

from deploy.local import child, control, daemon, homes, keeper, logfiles, spec, supervisor
from deploy.local.refusals import Refusal
from shared.testing import waiting
from tests.local import stage


class TestOrder:
    def test_starts_a_step_when_those_before_it_are_ready(self, home):
        done = []
        orders = stage.server(home, "orders.web", after=["orders.migrate"])
        steps = [
            stage.job("gateway.check", done, after=["orders.web"]),
            orders,
            stage.job("orders.migrate", done),
        ]

        async def scenario():
            async with stage.running(home, steps):
                assert done == ["orders.migrate", "gateway.check"]

        asyncio.run(scenario())

    def test_ends_a_process_when_those_that_need_it_have_ended(self, home):
        steps = [
            stage.server(home, "postgres"),
            stage.server(home, "web", after=["postgres"]),
            stage.server(home, "gateway", after=["web"]),
        ]

        async def scenario():
            async with stage.running(home, steps):
                pass

        asyncio.run(scenario())

        assert (home.path / "ended").read_text().split() == ["gateway", "web", "postgres"]
        assert stage.phase(home) == "stopped"

    def test_ends_what_has_started_when_told_to_end_in_the_middle_of_the_start(self, home):
        first = stage.server(home, "postgres")
        never = spec.Process(
            name="web",
            after=["postgres"],
            line=[sys.executable, "-c", "import time; time.sleep(600)"],
            environment=dict(os.environ),
            cwd=home.path,
            port=9,
            ready=lambda: False,
        )

        async def scenario():
            boss = supervisor.Supervisor(home, about={})
            task = asyncio.create_task(boss.run([first, never]))
            await stage.until(lambda: stage.phase(home) and stage.rows(home)["web"]["state"] == "starting")
            pids = [row["pid"] for row in stage.rows(home).values()]
            boss.end()
            await task
            return pids

        pids = asyncio.run(scenario())

        assert len(pids) == 2
        assert all(stage.is_gone(pid) for pid in pids)


class TestKeep:
    """One more process, handed over by a command while the market is up."""

    def test_keeps_it_like_any_other_and_ends_it_before_what_it_needs(self, home):
        steps = [stage.server(home, "postgres"), stage.server(home, "gateway")]
        newcomer = stage.server(home, "reviews.web", after=["postgres"])

        async def scenario():
            async with stage.running(home, steps):
                await asyncio.to_thread(control.keep, home, newcomer)
                row = stage.rows(home)["reviews.web"]
                assert row["state"] == "ready"
                os.kill(row["pid"], signal.SIGKILL)
                await stage.until(lambda: stage.rows(home)["reviews.web"]["restarts"] == 1)
                await stage.until(lambda: stage.rows(home)["reviews.web"]["state"] == "ready")

        asyncio.run(scenario())

        ended = (home.path / "ended").read_text().split()
        assert set(ended) == {"postgres", "gateway", "reviews.web"}
        assert ended.index("reviews.web") < ended.index("postgres")

    def test_tells_others_its_port(self, home):
        newcomer = stage.server(home, "reviews.web")

        async def scenario():
            async with stage.running(home, [stage.server(home, "postgres")]):
                await asyncio.to_thread(control.keep, home, newcomer)
                assert supervisor.read(home.state)["market"]["ports"] == {"reviews.web": newcomer.port}

        asyncio.run(scenario())

    def test_leaves_one_that_it_keeps_running_and_starts_it_as_told_the_next_time(self, home):
        first = stage.server(home, "gateway")
        second = dataclasses.replace(first, line=[*first.line[:-1], "1"])  # with a worker

        def members(pid):
            return len(child.members(pid))

        async def scenario():
            async with stage.running(home, [first]):
                before = stage.rows(home)["gateway"]["pid"]
                await asyncio.to_thread(control.keep, home, second)
                assert stage.rows(home)["gateway"]["pid"] == before
                await asyncio.to_thread(control.order, home, "restart", name="gateway")
                after = stage.rows(home)["gateway"]["pid"]
                assert (members(before), members(after)) == (0, 2)

        asyncio.run(scenario())

    def test_says_why_one_does_not_start(self, home):
        newcomer = dataclasses.replace(
            stage.server(home, "reviews.web"), line=[sys.executable, "-c", "raise SystemExit('SECRET_KEY is not set')"]
        )

        async def scenario():
            async with stage.running(home, [stage.server(home, "postgres")]):
                with pytest.raises(Refusal, match=r"could not keep reviews\.web") as refused:
                    await asyncio.to_thread(control.keep, home, newcomer)
                assert "SECRET_KEY is not set" in str(refused.value)

        asyncio.run(scenario())


class TestFailedStart:
    def test_says_the_last_words_of_a_process_that_keeps_dying(self, home):
        steps = [
            stage.server(home, "postgres"),
            stage.dying(home, "orders.web", saying="SECRET_KEY is not set"),
        ]

        code = asyncio.run(supervisor.Supervisor(home, about={}).run(steps))

        told = supervisor.read(home.state)
        assert code == 1
        assert told["phase"] == "failed"
        assert f"orders.web ended {keeper.ATTEMPTS} times" in told["message"]
        assert "SECRET_KEY is not set" in told["message"]
        assert (home.path / "ended").read_text().split() == ["postgres"]

    def test_says_what_a_command_said_that_failed(self, home):
        migrate = spec.Command(
            name="orders.migrate",
            line=[sys.executable, "-c", "raise SystemExit('no such column')"],
            environment=dict(os.environ),
            cwd=home.path,
        )

        code = asyncio.run(supervisor.Supervisor(home, about={}).run([migrate]))

        assert code == 1
        assert "orders.migrate ended with exit code 1" in supervisor.read(home.state)["message"]
        assert "no such column" in supervisor.read(home.state)["message"]

    def test_says_what_a_job_refused(self, home):
        def refuse():
            raise Refusal("The databases are of another version.", do="set PG_BIN")

        asyncio.run(supervisor.Supervisor(home, about={}).run([spec.Job(name="databases", action=refuse)]))

        assert supervisor.read(home.state)["message"] == "The databases are of another version.\n  do:  set PG_BIN"


class TestDeath:
    def test_starts_again_what_was_killed(self, home):
        web = stage.server(home, "web")

        async def scenario():
            async with stage.running(home, [web]):
                before = stage.rows(home)["web"]
                os.kill(before["pid"], signal.SIGKILL)
                after = await stage.until(lambda: _again(home, "web", before["pid"]))
                return before, after, stage.answers(web.url)

        before, after, answered = asyncio.run(scenario())

        assert (before["restarts"], after["restarts"]) == (0, 1)
        assert answered

    def test_ends_the_children_of_the_dead_before_it_starts_anew(self, home):
        """A killed gunicorn leaves workers that hold its port: the next one could not listen."""
        web = stage.server(home, "web", workers=1)

        async def scenario():
            async with stage.running(home, [web]):
                first = stage.rows(home)["web"]["pid"]
                (worker,) = [process.pid for process in child.members(first) if process.pid != first]
                os.kill(first, signal.SIGKILL)
                await stage.until(lambda: _again(home, "web", first))
                return worker

        worker = asyncio.run(scenario())

        assert stage.is_gone(worker)

    def test_leaves_alone_what_was_stopped_on_purpose_until_it_is_started(self, home):
        web = stage.server(home, "web")

        async def scenario():
            async with stage.running(home, [web]):
                await asyncio.to_thread(control.order, home, "stop", name="web")
                stopped, silent = stage.rows(home)["web"]["state"], not stage.answers(web.url)
                await asyncio.to_thread(control.order, home, "start", name="web")
                return stopped, silent, stage.rows(home)["web"]["state"]

        assert asyncio.run(scenario()) == ("stopped", True, "ready")

    def test_refuses_orders_about_a_process_it_does_not_have(self, home):
        async def scenario():
            async with stage.running(home, [stage.server(home, "web")]):
                await asyncio.to_thread(control.order, home, "stop", name="webb")

        with pytest.raises(Refusal, match="there is no process 'webb'; there are web"):
            asyncio.run(scenario())


class TestSupervisorKilled:
    SCRIPT = """
import asyncio, sys
from pathlib import Path
from deploy.local import homes, supervisor
from tests.local import stage
home = homes.Home(Path(sys.argv[1]))
steps = [stage.server(home, "postgres"), stage.server(home, "web", workers=1)]
asyncio.run(supervisor.Supervisor(home, about={}).run(steps))
"""

    def test_its_processes_die_with_it(self, home):
        started = self._start(home)
        pids = [row["pid"] for row in stage.rows(home).values()]

        started.kill()
        started.wait()

        waiting.until(lambda: all(stage.is_gone(pid) for pid in pids), what="the processes to die")
        daemon.end_what_is_left(home)  # the worker, whom nobody tells

    def test_the_next_up_ends_what_did_not_die_with_it(self, home):
        started = self._start(home)
        web = stage.rows(home)["web"]["pid"]
        (worker,) = [process.pid for process in child.members(web) if process.pid != web]
        started.kill()
        started.wait()
        assert not stage.is_gone(worker)

        daemon.end_what_is_left(home)

        assert stage.is_gone(worker)

    def _start(self, home):
        line = [sys.executable, "-c", self.SCRIPT, str(home.path)]
        started = subprocess.Popen(line, cwd=homes.ROOT)
        waiting.until(lambda: stage.phase(home) == "ready", seconds=20)
        return started


class TestBackoff:
    def test_doubles_from_a_tenth_of_a_second_to_ten_seconds(self):
        backoff = keeper.Backoff()

        waits = [backoff.after(0.5) for _ in range(9)]

        assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]

    def test_begins_anew_after_a_steady_run(self):
        backoff = keeper.Backoff()
        for _ in range(6):
            backoff.after(0.5)

        assert backoff.after(60) == 0.1
        assert backoff.after(0.5) == 0.2


class TestLogs:
    def test_a_large_log_is_copied_away_and_goes_on_in_the_same_file(self, home):
        log = logfiles.path(home.logs, "orders.web")
        with log.open("ab") as writer:
            writer.write(b"an old line\n" * 100)
            writer.flush()

            logfiles.rotate(home.logs, largest=1000)
            writer.write(b"a new line\n")

        assert log.read_bytes() == b"a new line\n"
        assert log.with_name("orders.web.log.1").read_bytes() == b"an old line\n" * 100

    def test_the_oldest_copy_goes(self, home):
        log = logfiles.path(home.logs, "broker")
        for number in range(6):
            log.write_text(f"{number}" * 2000)
            logfiles.rotate(home.logs, largest=1000)

        kept = {path.name: path.read_text()[0] for path in home.logs.glob("broker.log.*")}
        assert kept == {"broker.log.1": "5", "broker.log.2": "4", "broker.log.3": "3"}


def _again(home, name, before):
    row = stage.rows(home)[name]
    return row if row["state"] == "ready" and row["pid"] != before else None
