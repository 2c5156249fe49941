"""Extracts the credential from a PDF, as a process of its own with limits on memory and CPU time.

Standard input is the PDF, standard output the attached document. Exit code 3: nothing attached that could be one; 4:
more than one; 5: one that is too large; 6: no PDF that can be read. Any other: a limit was exceeded.
"""

from __future__ import annotations

import io
import os
import resource
import sys

MAX_MEMORY = 256 * 1024 * 1024
MAX_SECONDS = 3
MAX_BYTES = 128 * 1024
MAX_FILES = 50
NAME = "credential.json"  # of those that the renderer attaches


def main() -> int:
    os.nice(10)  # pages come first
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MAX_SECONDS, MAX_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import pikepdf

    try:
        with pikepdf.open(io.BytesIO(sys.stdin.buffer.read())) as document:
            found = {}
            for name, spec in list(document.attachments.items())[:MAX_FILES]:
                file = spec.get_file()
                if file.mime_type in ("application/json", "application/ld+json", "application/vc") or name.endswith(
                    (".json", ".jsonld")
                ):
                    found[name] = file
            if not found:
                return 3
            if NAME not in found and len(found) > 1:
                return 4
            content = found.get(NAME, next(iter(found.values()))).read_bytes()
    except (pikepdf.PdfError, pikepdf.PasswordError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
        return 6  # qpdf and pikepdf have no common type for errors of a PDF
    if len(content) > MAX_BYTES:
        return 5
    sys.stdout.buffer.write(content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
