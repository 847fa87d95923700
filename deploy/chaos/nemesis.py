"""Carries a plan out: each strike at its time, in a thread of its own, and every one healed in the end."""

import contextlib
import dataclasses
import threading
import time
import traceback
from collections.abc import Callable, Sequence

from deploy.chaos import market, plan, watch
from deploy.chaos.faults import base, table


@dataclasses.dataclass
class Struck:
    """What became of one strike; times in seconds since the epoch."""

    strike: plan.Strike
    began: float
    ended: float = 0.0
    """When it was healed, and what it hurt worked again; 0 until then."""
    hearing: watch.Hearing | None = None
    """Since the strike, of everything said before its healing; None where nobody waited for that."""
    told: str = ""
    missed: str = ""
    trouble: str = ""
    """What went wrong while it struck or healed, besides missing: the nemesis's fault, or the market did not heal."""

    @property
    def hit(self) -> bool:
        return not self.missed and not self.trouble


class Nemesis:
    """One plan against one market."""

    def __init__(self, up: market.Market, strikes: Sequence[plan.Strike], *, say: Callable[[str], None]) -> None:
        self._market, self._strikes, self._say = up, strikes, say
        self.ledger = base.Ledger()
        self.struck: list[Struck] = []
        self._held = {name: threading.Lock() for strike in strikes for name in strike.holds}

    def run_one_by_one(self, *, heard_within: float) -> None:
        """Strike one after the other, each not before the last is healed and what was said meanwhile is heard."""
        ear = watch.Ear(self._market)
        for strike in self._strikes:
            ear.open()
            self._carry_out(strike)
            self.struck[-1].hearing = ear.hear(within=heard_within)

    def run(self) -> None:
        """Strike everything at its time; returns when all is healed."""
        began = time.monotonic()
        threads = []
        for strike in self._strikes:
            time.sleep(max(0.0, began + strike.at - time.monotonic()))
            threads.append(threading.Thread(target=self._carry_out, args=[strike], name=strike.fault))
            threads[-1].start()
        for thread in threads:
            thread.join()

    def _carry_out(self, strike: plan.Strike) -> None:
        """The plan keeps strikes apart that touch the same; healing on a slow machine may take longer than it knows."""
        with contextlib.ExitStack() as held:
            for name in sorted(strike.holds):
                held.enter_context(self._held[name])
            record = Struck(strike, began=time.time())
            self.struck.append(record)
            fault = table.FAULTS[strike.fault](self._market, strike, self.ledger)
            self._strike(fault, record)
            if fault.may_be_hit_again:
                held.close()
            self._heal(fault, record)

    def _strike(self, fault: base.Fault, record: Struck) -> None:
        what = f"{record.strike.fault} {record.strike.target}"
        try:
            record.told = fault.strike()
            self._say(f"{what}: {record.told}")
            time.sleep(record.strike.seconds)
        except base.Missed as missed:
            record.missed = str(missed) or "nothing to hurt"
            self._say(f"{what} missed: {record.missed}")
        except Exception:  # whatever it is, the others go on, and it is in the report
            record.trouble = traceback.format_exc()

    def _heal(self, fault: base.Fault, record: Struck) -> None:
        try:
            fault.heal()
        except base.Missed as missed:
            record.missed = record.missed or str(missed)
        except Exception:
            record.trouble = record.trouble or traceback.format_exc()
        record.ended = time.time()
        if record.trouble:
            self._say(f"{record.strike.fault} {record.strike.target}: {record.trouble.splitlines()[-1]}")
