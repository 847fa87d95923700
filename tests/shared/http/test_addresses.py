import ipaddress

import pytest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from shared.http import addresses

GATEWAY, OTHER_GATEWAY, CLIENT, LIAR = "127.0.0.1", "10.1.2.3", "203.0.113.7", "198.51.100.9"


@pytest.fixture(autouse=True)
def _proxies(settings):
    settings.TRUSTED_PROXIES = [GATEWAY, "10.0.0.0/8", "fd00::/8"]


def of(peer, forwarded=None):
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    return addresses.of(RequestFactory().get("/", REMOTE_ADDR=peer, headers=headers))


class TestClient:
    def test_is_the_peer_that_is_no_proxy(self):
        assert of(CLIENT) == CLIENT

    def test_is_who_the_proxy_says(self):
        assert of(GATEWAY, CLIENT) == CLIENT

    def test_is_not_who_the_client_says(self):
        assert of(CLIENT, LIAR) == CLIENT
        assert of(GATEWAY, f"{LIAR}, {CLIENT}") == CLIENT
        assert of(GATEWAY, f"{GATEWAY}, {CLIENT}") == CLIENT

    def test_stands_before_all_our_proxies(self):
        assert of(GATEWAY, f"{LIAR}, {CLIENT}, {OTHER_GATEWAY}") == CLIENT

    def test_is_the_proxy_itself_where_nobody_stands_before_it(self):
        assert of(GATEWAY) == GATEWAY
        assert of(GATEWAY, "") == GATEWAY

    @pytest.mark.parametrize("junk", ["unknown", "203.0.113.7:443", "[::1]", "1.2.3", "٣.1.1.1", "_hidden", "0x7f.1"])
    def test_is_whoever_was_understood_last(self, junk):
        assert of(GATEWAY, f"{CLIENT}, {junk}") == GATEWAY
        assert of(GATEWAY, f"{junk}, {CLIENT}") == CLIENT

    def test_on_ipv6_is_the_network_that_one_customer_has(self):
        assert of("2001:db8:1:2:3::4") == of("2001:db8:1:2:ffff::5") == "2001:db8:1:2::/64"
        assert of("fd00::1", "2001:db8::1") == "2001:db8::/64"

    def test_on_ipv4_is_the_same_when_written_as_ipv6(self):
        assert of(f"::ffff:{GATEWAY}", f"::ffff:{CLIENT}") == CLIENT

    def test_of_a_socket_without_addresses_is_unknown(self):
        assert of("") == addresses.UNKNOWN

    @given(st.lists(st.ip_addresses().map(str) | st.text(max_size=6), max_size=4))
    def test_cannot_be_chosen_by_what_is_sent_to_the_proxy(self, claimed):
        client = ipaddress.ip_address(CLIENT)

        assert of(GATEWAY, ", ".join([*(part.replace(",", "") for part in claimed), str(client)])) == CLIENT
