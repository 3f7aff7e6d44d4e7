"""What is printed: a line per event with the seconds since the start, and the table of steps at the end."""

import dataclasses
import sys
import threading
import time


@dataclasses.dataclass
class Step:
    title: str
    seconds: float = 0.0
    held: bool | None = None
    detail: str = ""


class Timeline:
    """Prints at once; may be used from several threads."""

    def __init__(self):
        self._begin = time.monotonic()
        self._lock = threading.Lock()
        self._bold = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")
        self.steps = []

    def elapsed(self):
        return time.monotonic() - self._begin

    def _print(self, text):
        with self._lock:
            print(text, flush=True)

    def event(self, who, text):
        """One thing that happened."""
        self._print(f"{self.elapsed():8.2f} s  {who:<10} {text}")

    def chapter(self, text):
        self._print(f"\n{self._bold[0]}{text}{self._bold[1]}")

    def plan(self, titles):
        """Announces all steps, so that the table also shows those which were not reached."""
        self.steps = [Step(title) for title in titles]

    def run(self, title, action, since=None):
        """Runs one planned step; `action` returns a short text. `since` is where its clock started."""
        step = next(step for step in self.steps if step.title == title)
        begin = time.monotonic() if since is None else since
        try:
            step.detail = action() or ""
            step.held = True
        except BaseException as error:
            step.held = False
            step.detail = str(error) or type(error).__name__
            raise
        finally:
            step.seconds = time.monotonic() - begin
            mark = "held" if step.held else "NOT HELD"
            self.event(mark, f"{title}: {step.detail} [{step.seconds:.1f} s]")

    def held(self):
        return bool(self.steps) and all(step.held for step in self.steps)

    def table(self):
        """The seconds per step."""
        if not self.steps:
            return
        width = max(len(step.title) for step in self.steps)
        words = {True: "held", False: "NOT HELD", None: "not reached"}
        lines = [f"\n{self._bold[0]}{'step':<{width}}  {'seconds':>7}  result{self._bold[1]}"]
        for step in self.steps:
            seconds = "" if step.held is None else f"{step.seconds:.1f}"
            result = words[step.held]
            lines.append(f"{step.title:<{width}}  {seconds:>7}  {result}")
            if step.held is False:
                lines.append(f"{'':<{width}}           {step.detail}")
        self._print("\n".join(lines))
