"""What `worlds` prints: each world, the summary of all, and the comparison of two runs."""

from __future__ import annotations

from typing import Any

import numpy as np

Results = dict[str, Any]

TIMES_ORACLE = (1.5, 2.0, 3.0)
TRUE_STD = 1.5  # error over offset_std up to which the uncertainty counts as true
DIFFERENT = 0.01  # relative difference of errors from which a world is listed


def _rms(by_axis: dict[str, float]) -> float:
    return float(np.sqrt(np.mean(np.square(list(by_axis.values())))))


def over_oracle(world: Results, found: Results) -> float:
    """Return the error of all axes together over that of the oracle; infinite without one."""
    if "error" not in found:
        return float("inf")
    return _rms(found["error"]) / _rms(world["oracle"])


def lines(number: int, world: Results) -> str:
    """Return the lines of one world: what it is, and a line for each method."""
    if "oracle" not in world:
        return f"{number}: {world['about']}\n   {world['methods']}"
    before, least = _by_axis(world["before"]), _by_axis(world["oracle"])
    text = [f"{number}: {world['about']}", f"   before {before}; oracle {least} nm"]
    for method, found in world["methods"].items():
        text.append(f"   {method:8} {'; '.join(_words(world, found))}")
    return "\n".join(text)


def _words(world: Results, found: Results) -> list[str]:
    if "failed" in found:
        return [found["failed"]]
    if "error" in found:
        over = {axis: found["error"][axis] / world["oracle"][axis] for axis in found["error"]}
        words = [f"{_by_axis(found['error'])} nm", f"over oracle {_by_axis(over)}"]
        if "over_std" in found:
            words.append(f"over offset_std {found['over_std']:.2f}")
        if found["valid"] < 1:
            words.append(f"{found['valid']:.0%} of the chunks valid")
    else:
        words = ["refused"]
    if "verdict" in found:
        said = {True: " (right)", False: " (wrong)", None: ""}[found.get("right")]
        words.append(found["verdict"] + said)
    return [*words, f"{found['seconds']:.2f} s"]


def _by_axis(numbers: dict[str, float]) -> str:
    return " / ".join(f"{number:.3g}" for number in numbers.values())


def methods_of(results: Results) -> list[str]:
    """Return the methods of a run, in their order."""
    names = [method for world in results["worlds"].values() for method in world["methods"]]
    return list(dict.fromkeys(names))


def summary(results: Results) -> str:
    """Return a Markdown table with a row for each method.

    Shares are of all worlds, but for: *worse*, of those that drift; *std*, of those with an
    `offset_std`; *verdict right*, of those with a verdict.
    """
    heads = ["method", "worlds", *(f"within {times:g}" for times in TIMES_ORACLE)]
    heads += ["refused", "failed", "worse than before", f"std within {TRUE_STD:g}"]
    heads += ["verdict right", "s, median", "s, largest", "CPU s, median"]
    rows = [heads, ["---"] * len(heads)]
    for method in methods_of(results):
        pairs = [
            (world, world["methods"][method])
            for world in results["worlds"].values()
            if method in world["methods"] and "oracle" in world
        ]
        over = np.array([over_oracle(world, found) for world, found in pairs])
        drifting = [(world, found) for world, found in pairs if _rms(world["before"]) > 0]
        worse = [
            "error" in found and _rms(found["error"]) > _rms(world["before"])
            for world, found in drifting
        ]
        std = [found["over_std"] <= TRUE_STD for _, found in pairs if "over_std" in found]
        right = [found["right"] for _, found in pairs if "right" in found]
        seconds = [found["seconds"] for _, found in pairs if "seconds" in found] or [np.nan]
        row = [method, str(len(pairs)), *(_share(over <= times) for times in TIMES_ORACLE)]
        row += [_share([found.get("refused", False) for _, found in pairs])]
        row += [_share(["failed" in found for _, found in pairs])]
        row += [_share(worse), _share(std), _share(right)]
        cpu = [found["cpu"] for _, found in pairs if "cpu" in found] or [np.nan]
        row += [f"{np.median(seconds):.2f}", f"{max(seconds):.1f}", f"{np.median(cpu):.2f}"]
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _share(yes: Any) -> str:
    return f"{np.mean(yes):.0%}" if len(yes) else "-"


def comparison(results: Results, other: Results) -> str:
    """Return ratios of errors and seconds to another run, and the worlds whose errors differ."""
    heads = ["method", "worlds", "error: median", "largest", "seconds: median", "largest"]
    heads += ["CPU seconds: median"]
    rows, different = [heads, ["---"] * len(heads)], []
    for method in methods_of(results):
        errors, seconds, cpu = [], [], []
        for number, world in results["worlds"].items():
            found = world["methods"].get(method)
            old = other["worlds"].get(number, {"methods": {}})["methods"].get(method)
            if found is None or old is None:
                continue
            if other["worlds"][number]["about"] != world["about"]:
                raise ValueError(f"world {number} is another one there: use the same --seed")
            if "seconds" in found and "seconds" in old:
                seconds.append(found["seconds"] / old["seconds"])
                cpu.append(found["cpu"] / old["cpu"])
            ratio = 1.0
            if "error" in found and "error" in old:
                ratio = _rms(found["error"]) / _rms(old["error"])
                errors.append(ratio)
            if abs(ratio - 1) > DIFFERENT or ("error" in found) != ("error" in old):
                different.append(f"{method}, world {number}: {_error(old)} -> {_error(found)}")
        row = [method, str(len(errors))]
        for ratios in (errors, seconds):
            row += [f"{np.median(ratios):.3f}", f"{max(ratios):.2f}"] if ratios else ["-", "-"]
        rows.append([*row, f"{np.median(cpu):.3f}" if cpu else "-"])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    listed = "\n".join(f"- {line}" for line in different) or "none"
    return f"{table}\n\nErrors that differ by more than {DIFFERENT:.0%}:\n\n{listed}"


def _error(found: Results) -> str:
    if "error" in found:
        return f"{_rms(found['error']):.3g} nm"
    return found.get("failed", "refused")
