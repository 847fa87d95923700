"""How much waits in a service, as its database knows: for `/metrics`, and for `manage_all.py status`.

Plain SQL without Django, so that the two cannot differ.
"""

UNSENT = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(occurred_at)), 0)
FROM messaging_outboxevent WHERE sent_at IS NULL
"""
"""How many events the broker has not confirmed, and the age of the oldest in seconds."""

LAG = """
SELECT known.source, sum(greatest(
    0, greatest(least(known.closed_at, known.told), beyond.newest) - known.seen_to - beyond.heard
))
FROM messaging_progress known
CROSS JOIN LATERAL (
    SELECT max(position) AS newest, count(*) AS heard FROM messaging_inboxevent
    WHERE consumer = %(consumer)s AND source = known.source AND epoch = known.epoch
        AND position > known.seen_to AND position <= coalesce(known.closed_at, position)
) beyond
GROUP BY known.source ORDER BY known.source
"""
"""Of each source, how many positions are known to exist that `consumer` has not heard yet.

What came beyond `seen_to` counts as heard: that moves only twice a second, and would lag on every busy market. Over
all epochs: an older one that is not settled is still behind. SQL's least and greatest pass over a null.
"""

REPLAY_PENDING = "SELECT count(*) FROM messaging_replayrequest"
"""How many requests of others to be told again are not answered yet."""
