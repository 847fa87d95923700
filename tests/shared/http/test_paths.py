import pytest

from shared import errors
from shared.http import paths


class TestReadLocal:
    @pytest.mark.parametrize("path", ["/", "/admin/", "/a?b=c&d=%20#e", "/admin/å", "/a//b", "/" + "a" * 1999])
    def test_takes_any_path_of_this_origin(self, path):
        assert paths.read_local(path, field="next") == path

    @pytest.mark.parametrize(
        "path",
        [None, "", "admin/", "//evil.example", "///evil.example", "/\\evil.example", "/a\\b", "/ a", "/a\n", "\n/a",
         "/\t/evil.example", "/\x00", "/\x7f", "https://evil.example/", "javascript:alert(1)", "/" + "a" * 2000],
    )  # fmt: skip
    def test_refuses_whatever_a_browser_may_read_as_another_place(self, path):
        with pytest.raises(errors.Invalid) as refused:
            paths.read_local(path, field="next")

        assert refused.value.field == "next"
