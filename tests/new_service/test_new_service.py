"""`manage_all.py new-service`: what it refuses, that it writes all or nothing, and that what it writes is whole."""

import subprocess
import sys
import tomllib

import pytest

from deploy.local import cli, files, homes
from deploy.new_service import lists, names, template
from shared.testing import copies


def content(tree):
    return {path: path.read_bytes() for path in tree.rglob("*") if path.is_file() and ".venv" not in path.parts}


@pytest.fixture
def refused(house, capsys):
    """What the command says to `refused("reviews", …)`, having changed nothing."""

    def said(*words):
        before = content(house)
        assert cli.main(["new-service", *words]) == 1
        assert content(house) == before
        return capsys.readouterr().err

    return said


class TestRefuses:
    @pytest.mark.parametrize(
        "word", ["Reviews", "re-views", "re_views", "2nd", "r", "../reviews", "reviews/", "", "réviews", "a" * 21]
    )
    def test_what_is_not_one_plain_word(self, refused, word):
        assert "cannot name a service" in refused(word)
        assert "cannot name a service" in refused("reviews", f"--noun={word}")

    @pytest.mark.parametrize("word", ["class", "import", "match"])
    def test_words_of_python(self, refused, word):
        assert "a word of Python's own" in refused(word)

    @pytest.mark.parametrize("word", ["auth", "tickets", "orders", "payments"])
    def test_a_service_that_is_there(self, refused, word):
        assert f"There is a service {word} already" in refused(word)

    @pytest.mark.parametrize("word", ["shared", "local", "market", "postgres", "broker", "template", "admin", "dev"])
    def test_what_means_something_else_here(self, refused, word):
        assert "means something else here" in refused(word)

    def test_a_noun_that_a_service_is_about(self, refused):
        assert "users is what auth is about" in refused("members", "--noun", "users")

    @pytest.mark.parametrize("word", ["calendar", "email", "messaging", "identity", "config"])
    def test_a_noun_that_hides_a_module(self, refused, word):
        assert f"There is a module {word} already" in refused("reviews", "--noun", word)

    def test_to_write_over_anything(self, refused, house):
        (house / "docs" / "api" / "reviews.json").write_text("mine")

        assert "docs/api/reviews.json is there already" in refused("reviews")

    @pytest.mark.parametrize("path", lists.edited(names.Name("reviews", "reviews")))
    def test_a_list_that_it_no_longer_understands(self, refused, house, path):
        (house / path).write_text("# written in another way\n")

        assert f"{path} has no place where a service could be added" in refused("reviews")


class TestAllOrNothing:
    def test_takes_back_what_it_wrote_when_the_disk_is_full_in_the_middle(self, refused, house, monkeypatch):
        write, seen = files.write, []

        def full(path, text, **options):
            seen.append((house / "reviews_service" / "manage.py").exists())
            if len(seen) == 3:
                raise OSError(28, "No space left on device")
            write(path, text, **options)

        monkeypatch.setattr(files, "write", full)

        assert "nothing was changed" in refused("reviews")
        assert seen[:3] == [True, True, True]

    def test_takes_back_all_when_the_events_cannot_be_documented(self, refused, house):
        (house / "docs" / "api" / "events.json").write_text("no document")

        assert "docs/api/events.json could not be written" in refused("reviews")


class TestWrites:
    def test_nothing_that_still_speaks_of_the_template(self):
        written = template.files(names.Name("reviews", "reviews"))

        assert not [path for path, text in written.items() if "encore" in (path + text).lower()]

    def test_the_new_one_beside_the_others_in_every_rule_of_imports(self):
        text = lists.edited(names.Name("waitlist", "entries"))["pyproject.toml"]

        for contract in tomllib.loads(text)["tool"]["importlinter"]["contracts"]:
            told = str(contract)
            assert told.count("waitlist_service") == told.count("orders_service"), contract["name"]
            assert told.count("(entries)") == told.count("(orders)")

    @pytest.mark.timeout(600)
    def test_a_service_that_passes_its_own_tests_and_every_rule_of_the_house(self, tmp_path):
        """Called so that its imports come in another order than the template's."""
        tree = copies.copy(tmp_path / "house")
        written = copies.manage(tree, "new-service", "waitlist", "--noun", "entries")
        assert written.returncode == 0, written.stdout

        tested = copies.manage(tree, "test", "waitlist", "architecture", "static")

        assert tested.returncode == 0, tested.stdout
        assert "waitlist" in tested.stdout
        assert "0 failed" in tested.stdout
        assert not (homes.ROOT / "waitlist_service").exists()

    @pytest.mark.timeout(300)
    def test_a_service_that_has_containers_like_the_others(self, tmp_path):
        tree = copies.copy(tmp_path / "house")
        written = copies.manage(tree, "new-service", "waitlist", "--noun", "entries")
        assert written.returncode == 0, written.stdout

        tested = copies.manage(tree, "test", "local", "--", "-k", "test_compose")

        assert tested.returncode == 0, tested.stdout
        assert "waitlist" in (tree / "deploy" / "compose" / "waitlist.yml").read_text()

    @pytest.mark.timeout(300)
    def test_a_service_that_a_cluster_is_given_like_the_others(self, tmp_path):
        tree = copies.copy(tmp_path / "house")
        written = copies.manage(tree, "new-service", "waitlist", "--noun", "entries")
        assert written.returncode == 0, written.stdout

        asked = "every_rule_holds or exactly_the_arrows or a_service_boots or led_to_every_service or is_understood"
        tested = copies.manage(tree, "test", "kubernetes", "--", "-k", asked)

        assert tested.returncode == 0, tested.stdout
        rendered = subprocess.run(
            [sys.executable, "-c", "from tests.kubernetes import manifests; print(manifests.of('overlays/local'))"],
            cwd=tree,
            capture_output=True,
            text=True,
            check=True,
        )
        assert "waitlist-migrate" in rendered.stdout
