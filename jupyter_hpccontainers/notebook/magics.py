"""``%container`` and ``%%container`` as a shell knows them; their work is loaded at first use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.magic import MAGIC_NO_VAR_EXPAND_ATTR

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# What is imported in a body here is imported there so that %load_ext stays within 50 ms.


class ContainerMagic:
    """Run a cell in a container with ``%%container``, look after jobs with ``%container``."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell

    def __call__(self, line: str, cell: str | None = None) -> Any:
        """Do what a line or a cell asks for."""
        from .commands import cell_command, line_command  # noqa: PLC0415

        if cell is None:
            return line_command(self._shell, line)
        return cell_command(self._shell, line, cell)

    def getdoc(self) -> str:
        """Return the help that ``%%container?`` shows, from the declared options."""
        from .grammar import help_text  # noqa: PLC0415

        return help_text()


def register(shell: InteractiveShell) -> None:
    """Register the magics and their completion in a shell."""
    # $HOME and {braces} of a line belong to the person; --expand asks for more.
    magic = ContainerMagic(shell)
    setattr(magic, MAGIC_NO_VAR_EXPAND_ATTR, True)
    shell.register_magic_function(magic, "line_cell", "container")  # type: ignore[arg-type]
    for name in ("%container", "%%container"):
        shell.set_hook("complete_command", _complete, str_key=name)  # type: ignore[no-untyped-call]


def _complete(shell: Any, event: Any) -> list[str]:
    from .completion import completions  # noqa: PLC0415

    return completions(event.text_until_cursor, event.symbol)
