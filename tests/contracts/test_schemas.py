"""The events are a promise: what was once published can be read for ever."""

import copy
import json

import msgspec
import pytest

from shared.contracts import events, registry
from shared.testing import schemas
from tests.contracts import samples

HAMLET = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "seat": {"type": "string"}},
    "required": ["title"],
}


@pytest.mark.parametrize("event", registry.TYPES, ids=lambda event: event.TYPE)
class TestCommittedSchema:
    def test_is_what_the_struct_says(self, event):
        committed = json.loads(schemas.path(event).read_text())

        assert schemas.generate(event) == committed, "run: python -m shared.testing.schemas"

    def test_is_compatible_with_itself(self, event):
        schema = schemas.generate(event)

        assert schemas.is_compatible(old=schema, new=schema)

    def test_names_no_member_that_a_reader_would_miss_in_python(self, event):
        wire = {field.encode_name for field in msgspec.structs.fields(event)}

        assert set(schemas.generate(event)["properties"]) == wire

    def test_members_are_camel_case(self, event):
        assert all("_" not in name and name[0].islower() for name in schemas.generate(event)["properties"])


def test_no_schema_is_committed_for_an_event_that_does_not_exist():
    assert {file.name for file in schemas.FOLDER.glob("*.json")} == {
        schemas.path(event).name for event in registry.TYPES
    }


class TestCompatibility:
    def change(self, **changes):
        new = copy.deepcopy(HAMLET)
        new["properties"] |= changes.get("properties", {})
        new["required"] = changes.get("required", new["required"])
        for name in changes.get("without", ()):
            del new["properties"][name]
        return schemas.is_compatible(old=HAMLET, new=new)

    def test_nothing_changed(self):
        assert self.change()

    def test_an_optional_member_may_be_added(self):
        assert self.change(properties={"row": {"type": "string", "default": ""}})

    def test_a_required_member_may_not_for_the_log_has_events_without_it(self):
        assert not self.change(properties={"row": {"type": "string"}}, required=["title", "row"])

    def test_a_member_may_not_go(self):
        assert not self.change(without=["title"], required=[])

    def test_a_member_may_not_change_its_type(self):
        assert not self.change(properties={"title": {"type": "integer"}})

    def test_a_member_may_not_become_nullable_for_old_readers_refuse_null(self):
        assert not self.change(properties={"title": {"anyOf": [{"type": "string"}, {"type": "null"}]}})

    def test_a_required_member_may_not_become_optional_for_old_readers_miss_it(self):
        assert not self.change(required=[])


@pytest.mark.parametrize("event", samples.ALL, ids=lambda event: event.TYPE)
class TestReading:
    def test_comes_back_as_it_was_said(self, event):
        assert events.from_data(type(event), events.to_data(event)) == event

    def test_ignores_members_it_does_not_know(self, event):
        members = json.loads(events.to_data(event)) | {"fromTheFuture": {"x": [1]}}

        assert events.from_data(type(event), json.dumps(members).encode()) == event

    def test_does_without_optional_members(self, event):
        required = schemas.generate(type(event))["required"]
        members = json.loads(events.to_data(event))

        assert events.from_data(type(event), json.dumps({name: members[name] for name in required}).encode())

    def test_refuses_a_missing_member(self, event):
        members = json.loads(events.to_data(event))
        del members[schemas.generate(type(event))["required"][0]]

        with pytest.raises(msgspec.ValidationError):
            events.from_data(type(event), json.dumps(members).encode())


def test_only_auth_speaks_of_email_addresses():
    with_email = {event.SOURCE for event in registry.EVENTS if "email" in schemas.generate(event)["properties"]}

    assert with_email == {"/auth"}
