"""`automl doctor`: the machine and the packages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.text import Text

from automl.cli.parameters import command
from automl.cli.speech import Speech
from automl.formats.terminal import facts, listing
from automl.quantities import format_bytes
from automl.settings import Given
from automl.typography import counted, printable

if TYPE_CHECKING:
    from automl.doctor import Examination


def doctor(*, given: Given) -> None:
    """Hardware found, package versions, what each extra would add, and what is wrong with them."""
    speech = Speech.of(given)
    from automl.doctor import examine

    found = examine()
    speech.answer(found, doctor_view(found))


def doctor_view(found: Examination) -> RenderableType:
    """The machine, the packages, then what is wrong and what mends it."""
    hardware = found.hardware
    cores = f"{hardware.n_cores} of {found.n_cores_machine} usable, speed {hardware.speed:.2f} of the reference"
    devices = [f"{a.count} × {a.title or a.name} {format_bytes(a.memory_bytes)}" for a in hardware.accelerators]
    rows: list[tuple[str, RenderableType]] = [
        ("python", Text(f"{found.python} on {printable(found.system)}")),
        ("cores", Text(cores)),
        ("memory", Text(f"{format_bytes(hardware.memory_bytes)} free")),
        ("devices", Text(printable(", ".join(devices)) or "none beside the CPU")),
    ]
    for folder in found.folders:
        state = folder.problem or f"{format_bytes(folder.free_bytes)} free"
        rows.append((folder.role, Text(f"{printable(folder.path)}   {printable(state)}")))
    rows += [("", Text(printable(note), style="dim")) for note in hardware.notes]
    table = listing(("package", "wanted", "found", ""), wide=3)
    for package in found.packages:
        if not package.extra:
            missing = Text("missing" if package.found is None else package.found)
            table.add_row(package.name, package.wanted or "any", missing, Text(printable(package.problem), style="red"))
    parts: list[RenderableType] = [facts(rows), Text(), table, Text()]
    for extra in found.extras:
        state = f"lacks {', '.join(extra.missing)}: {extra.command}" if extra.missing else "installed"
        parts.append(facts([(f"[{extra.name}]", Text(f"{extra.adds}; {state}"))]))
    for encoder in found.encoders:
        state = encoder.problem or f"{encoder.library}, {format_bytes(encoder.n_bytes)}, reads {encoder.reads}s"
        parts.append(facts([("encoder", Text(f"{printable(encoder.name)}   {printable(state)}"))]))
    if not found.problems:
        return Group(*parts, Text(), Text("nothing wrong found", style="bold green"))
    wrong = [(mark, Text(f"{printable(p.sentence)}\n{p.mend}")) for mark, p in (("!!", p) for p in found.problems)]
    return Group(*parts, Text(), Text(f"{counted(len(found.problems), 'problem')}", style="bold red"), facts(wrong))


COMMAND = command("doctor", doctor)
