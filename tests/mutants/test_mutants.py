"""Every promise has a check that can fail: the code is made wrong in one place, and the check has to see it."""

import dataclasses

import pytest

from deploy.local import homes
from tests.mutants import of_messaging, of_services, workshop

pytestmark = pytest.mark.timeout(600)

MUTANTS = (*of_messaging.MUTANTS, *of_services.MUTANTS)


def marks(*, rabbitmq):
    return [pytest.mark.rabbitmq] if rabbitmq else []


def mutants():
    return [pytest.param(mutant, id=mutant.does, marks=marks(rabbitmq=mutant.needs_rabbitmq)) for mutant in MUTANTS]


def checks_by_suite():
    """The checks of each suite, those apart that need RabbitMQ."""
    checks = {}
    for mutant in MUTANTS:
        name = f"{mutant.suite}-rabbitmq" if mutant.needs_rabbitmq else mutant.suite
        checks.setdefault((name, mutant.needs_rabbitmq), set()).add(mutant.check)
    return [
        pytest.param(sorted(its), id=name, marks=marks(rabbitmq=rabbitmq)) for (name, rabbitmq), its in checks.items()
    ]


@pytest.mark.parametrize("mutant", mutants())
def test_is_caught(bench, mutant):
    assert bench.fate(mutant) == workshop.CAUGHT


@pytest.mark.parametrize("checks", checks_by_suite())
def test_where_nothing_is_wrong_every_check_passes(bench, checks):
    cases, output = bench.run(checks, "--reuse-db")

    assert [case for case in cases if not case.has_passed] == [], output
    assert [check for check in checks if not any(case.is_of(check) for case in cases)] == [], output


class TestTheRunner:
    """It would be of no use if it took every mutant for caught."""

    MUTANT = of_messaging.OUTBOX[0]

    def variant(self, **members):
        return dataclasses.replace(self.MUTANT, **members)

    def test_sees_a_mutant_survive_that_does_no_harm(self, bench):
        assert bench.fate(self.variant(new=f"    # harmless\n{self.MUTANT.old}")) == workshop.SURVIVED

    def test_lets_no_mutant_count_that_cannot_even_be_imported(self, bench):
        assert bench.fate(self.variant(new="    if :")).startswith("broken")

    def test_lets_no_mutant_count_that_breaks_off_for_another_reason(self, bench):
        assert bench.fate(self.variant(new="    if nowhere:")).startswith("failed otherwise: NameError")

    def test_lets_no_mutant_count_whose_check_is_gone(self, bench):
        gone = self.MUTANT.check.replace("refuses", "welcomes")

        assert bench.fate(self.variant(check=gone)).startswith("broken")

    @pytest.mark.parametrize("old", ["what nobody wrote", "def "])
    def test_finds_a_mutant_whose_text_is_gone_or_stands_there_twice(self, bench, old):
        with pytest.raises(ValueError, match="not once"):
            bench.fate(self.variant(old=old))

    def test_leaves_no_trace_of_a_mutant(self, bench):
        before = bench.text(self.MUTANT.file)

        with bench.mutated(self.MUTANT):
            assert bench.text(self.MUTANT.file) != before

        assert bench.text(self.MUTANT.file) == before == (homes.ROOT / self.MUTANT.file).read_text()
