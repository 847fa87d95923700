import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http import parsers

REFUSED = {
    "nothing": (b"   ", "Expecting value"),
    "half an object": (b'{"title": ', "Expecting value"),
    "two values": (b"{} {}", "Extra data"),
    "a list": (b'[{"title": "Hamlet"}]', "has to be an object"),
    "a text": (b'"Hamlet"', "has to be an object"),
    "a number": (b"1", "has to be an object"),
    "null": (b"null", "has to be an object"),
    "a name twice": (b'{"price": 1, "price": 2}', "names a member twice"),
    "a name twice, written differently": (b'{"price": 1, "\\u0070rice": 2}', "names a member twice"),
    "a name twice further in": (b'{"a": [{"b": 1, "b": 1}]}', "names a member twice"),
    "NaN": (b'{"price": NaN}', "NaN is not a JSON number"),
    "Infinity": (b'{"price": Infinity}', "Infinity is not"),
    "minus Infinity": (b'{"price": -Infinity}', "-Infinity is not"),
    "NUL": (b'{"title": "Ham\\u0000let"}', "NUL"),
    "NUL in a name": (b'{"ti\\u0000tle": 1}', "NUL"),
    "NUL in a list": (b'{"a": ["\\u0000"]}', "NUL"),
    "raw NUL": (b'{"title": "Ham\0let"}', "control character"),
    "half a surrogate pair": (b'{"title": "\\ud800"}', "surrogate"),
    "the other half": (b'{"title": "\\udc00 "}', "surrogate"),
    "half a pair in a name": (b'{"\\udbff": 1}', "surrogate"),
    "a line break in a text": (b'{"title": "Ham\nlet"}', "control character"),
    "a 5,000-digit integer": (b'{"price": ' + b"9" * 5000 + b"}", "more than 100 digits"),
    "a 5,000-digit fraction": (b'{"price": 0.' + b"1" * 5000 + b"}", "more than 100 digits"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "byte order mark"),
    "UTF-16": ("{}".encode("utf-16"), "utf-8"),
    "Latin-1": ('{"title": "Oph\xe9lie"}'.encode("latin-1"), "utf-8"),
    "an overlong encoding": (b'{"title": "\xc0\xaf"}', "utf-8"),
    "a surrogate in UTF-8": (b'{"title": "\xed\xa0\x80"}', "utf-8"),
    "single quotes": (b"{'title': 1}", "property name"),
    "a comment": (b"{} // to be", "Extra data"),
    "a number with a plus": (b'{"price": +5}', "Expecting value"),
    "a leading zero": (b'{"price": 012}', "Expecting"),
    "an underscore": (b'{"price": 1_000}', "Expecting"),
    "hexadecimal": (b'{"price": 0x10}', "Expecting"),
    "an Arabic digit": ('{"price": ٣}'.encode(), "Expecting value"),
}


class TestRefuses:
    @pytest.mark.parametrize(("body", "reason"), REFUSED.values(), ids=REFUSED)
    def test_what_only_some_readers_would_understand(self, body, reason):
        with pytest.raises(ValueError, match=reason):
            parsers.loads(body)

    @pytest.mark.parametrize("opening", [b"[", b'{"a":'])
    def test_nesting_that_would_exhaust_a_reader(self, opening):
        with pytest.raises(ValueError, match="nested more than 32 deep"):
            parsers.loads(b'{"a":' + opening * 10_000)

    def test_one_level_too_many(self):
        body = b'{"a":' * 33 + b"1" + b"}" * 33

        with pytest.raises(ValueError, match="nested more than 32 deep"):
            parsers.loads(body)

    def test_a_string_of_quotes_that_never_ends_in_time_that_grows_with_its_length_only(self):
        started = time.process_time()

        with pytest.raises(ValueError):
            parsers.loads(b"{" * 33 + b'"' + b'\\"' * 480_000)

        assert time.process_time() - started < 2  # quadratic, it takes hours

    def read_or_refuse(self, body):
        try:
            value = parsers.loads(body)
        except ValueError:
            return
        assert isinstance(value, dict)

    @given(st.binary(max_size=60))
    def test_any_bytes_with_a_reason_and_nothing_worse(self, body):
        self.read_or_refuse(body)

    @given(st.text(alphabet='{}[]":,\\u0d8 1e-+.NaInfinitytrue\x00é', max_size=60))
    def test_anything_that_looks_like_json(self, text):
        self.read_or_refuse(text.encode())


class TestReads:
    def test_nesting_32_deep(self):
        value = parsers.loads(b'{"a":' * 32 + b"null" + b"}" * 32)

        for _ in range(31):
            value = value["a"]
        assert value == {"a": None}

    def test_brackets_in_texts_as_text(self):
        text = '[{"\\' * 100

        assert parsers.loads(json.dumps({"title": text}).encode()) == {"title": text}

    def test_a_whole_surrogate_pair(self):
        assert parsers.loads(b'{"title": "\\ud83c\\udfad"}') == {"title": "🎭"}

    @pytest.mark.parametrize("text", ["12.50", "0.1", "1e3", "-0", "1E+2", "9" * 100, "0.30000000000000000000001"])
    def test_a_number_as_it_was_written(self, text):
        number = parsers.loads(f'{{"price": {text}}}'.encode())["price"]

        assert isinstance(number, parsers.Number)
        assert number.text == text

    @given(
        st.dictionaries(
            st.text(max_size=5),
            st.recursive(
                st.none() | st.booleans() | st.text(max_size=8) | st.integers(-(10**50), 10**50),
                lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
                max_leaves=10,
            ),
            max_size=4,
        )
    )
    def test_every_object_without_nul_as_json_does(self, value):
        body = json.dumps(value)

        if "\\u0000" in body.replace("\\\\", ""):
            with pytest.raises(ValueError, match="NUL"):
                parsers.loads(body.encode())
        else:
            assert parsers.loads(body.encode()) == value


@pytest.mark.django_db
class TestOverHttp:
    def post(self, caller, body, **more):
        return caller.post("/api/plays", body, **more)

    @pytest.mark.parametrize(("body", "reason"), REFUSED.values(), ids=REFUSED)
    def test_a_refusal_is_a_400_with_its_reason(self, hamlet, body, reason):
        response = self.post(hamlet, body)

        assert response.status_code == 400
        (error,) = response.json()["errors"]
        assert error["code"] == "parse_error"
        assert error["message"].startswith("The body is not the JSON we accept: ")

    def test_ten_thousand_levels_are_a_400(self, hamlet):
        assert self.post(hamlet, b'{"a":' * 10_000).status_code == 400

    @pytest.mark.parametrize(
        "kind",
        ["text/plain", "application/x-www-form-urlencoded", "application/xml", "application/json; charset=utf-16"],
    )
    def test_another_content_type_is_a_415(self, hamlet, kind):
        response = self.post(hamlet, b'{"title": "Hamlet", "price": 1}', content_type=kind)

        assert response.status_code == 415
        assert response.headers["Content-Type"] == "application/problem+json"

    def test_a_charset_of_utf_8_is_no_other_content_type(self, hamlet):
        body = {"title": "Hamlet", "price": 1}

        assert self.post(hamlet, body, content_type='application/json; charset="UTF-8"').status_code == 201

    def test_more_than_a_megabyte_is_a_413(self, hamlet):
        response = self.post(hamlet, b'{"title": "' + b"x" * 1_000_000 + b'"}')

        assert response.status_code == 413
        assert response.json()["errors"] == [{"message": "The body is too large.", "code": "too_large"}]

    def test_a_megabyte_is_read(self, hamlet):
        frame = b'{"title": "Hamlet", "price": 1, "ignored": ""}'
        body = frame[:-2] + b"x" * (1_000_000 - len(frame)) + frame[-2:]

        assert len(body) == 1_000_000
        assert self.post(hamlet, body).status_code == 201

    def test_credentials_are_asked_for_before_the_body_is_read(self, nobody):
        assert self.post(nobody, b"{" * 100).status_code == 401
